"""Run a piece of code."""

from __future__ import annotations

__all__ = ["CodeBlock"]

import ast
import asyncio
import hashlib
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, ClassVar, Literal, cast

from pydantic import AliasChoices, Field

from botkit.core.data import Data
from botkit.core.tools import FUNCTIONS
from botkit.runs.context import Paused
from botkit.sdk.nodes import Node, NodeFailed, Outcome, Raw, ToolPatterns, node
from botkit.workflows.context import NodeRun
from botkit.workflows.sandbox.pool import CodeFailed, CodeRequest, CodeResult

_MIB = 1 << 20
_KIB = 1 << 10


class _Ran(Data):
    """What is journaled of a run of code."""

    value: Any = None
    console: tuple[str, ...] = ()
    error: str = ""
    code: str = ""
    line: int = 0
    column: int = 0


@node("code_block")
class CodeBlock(Node):
    """Run JavaScript or Python of your own, where it can do no harm.

    The code sees `input` and nothing else: no files, no network, no environment. Its clock stands still at the moment
    the run began and its random numbers are the same at every replay. JavaScript ends with `return`; the result of
    Python is its last expression. The result is plain JSON and becomes the variable.

    With `tools`, the code may call tools of the workspace: `await tools.orders__get({"id": 7})`, or by name with
    `await tools.call("orders__get", {"id": 7})`; it gets their structured result, or their text. A call has the rights
    of the person and the bot of the run, and a tool that needs approval pauses the run. When it goes on, the code runs
    again from the top and each call that was made before gives what it gave then, so keep what must happen only once
    in tools. A tool that fails or is declined raises an error in the code.

    Python is a subset: no third-party modules, no inheritance, no generators; `re`, `json`, `math`, `datetime`,
    `decimal` and `asyncio.gather` are there. What is printed (`console.log`, `print`) is kept with the step.
    """

    category = "data"
    handles: ClassVar[Any] = {"default": "the code ended; a mistake in it or a limit it reached takes `error`"}
    output: ClassVar[Any] = Any

    language: Literal["javascript", "python"] = "javascript"
    """What the code is written in."""
    code: Raw[str] = Field(max_length=100_000, min_length=1)
    """The code. Braces in it are not filled in: hand it values with `input`."""
    input: Any = None
    """Plain JSON, what the code sees as `input`."""
    tools: list[ToolPatterns] = []
    """Tools it may call, by name or pattern; none unless they are named here."""
    cpu_s: float = Field(default=5.0, ge=0.1, le=60)
    """Seconds it may compute; waiting for tools does not count."""
    memory_mb: int = Field(default=64, ge=8, le=1024)
    """Megabytes it may use."""
    output_kb: int = Field(default=1024, ge=1, le=8192)
    """Kilobytes its result may have, as JSON."""
    max_tool_calls: int = Field(
        default=50, ge=1, le=500, validation_alias=AliasChoices("max_tool_calls", "maxToolCalls")
    )
    """How many tools it may call."""

    @classmethod
    def check(cls, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Whether Python can be read at all."""
        code = data.get("code")
        if data.get("language") != "python" or not isinstance(code, str):
            return []
        try:
            compile(code, "code", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            line = f"line {error.lineno}: " if isinstance(error, SyntaxError) and error.lineno else ""
            return [("code", f"{line}{getattr(error, 'msg', error)}")]
        return []

    async def run(self, ctx: NodeRun) -> Outcome:  # pyright: ignore[reportIncompatibleMethodOverride] - a node of botkit's own
        if not self.tools:

            async def once(_: Any) -> _Ran:
                return await self._ran(ctx)

            ran = await ctx.step("run", once, kind=_Ran)
        else:
            ran = await self._ran(ctx)

            async def kept(_: Any) -> _Ran:
                return ran

            ran = await ctx.step("run", kept, kind=_Ran)
        if ran.console:
            ctx.note("code printed", lines=list(ran.console))
        if ran.code:
            where = f"line {ran.line}, column {ran.column}: " if ran.line else ""
            raise NodeFailed(f"{where}{ran.error}", code=ran.code, line=ran.line, column=ran.column)
        return Outcome(output=ran.value)

    async def _ran(self, ctx: NodeRun) -> _Ran:
        sandbox = ctx.services.sandbox
        if sandbox is None:
            raise NodeFailed("this process runs no code", code="unavailable")
        redact = ctx.services.redactor.text
        request = CodeRequest(
            language=self.language,
            code=self.code,
            input=self.input,
            now_ms=int(ctx.run.started_at.timestamp() * 1000),
            seed=_seed(ctx),
            cpu_s=self.cpu_s,
            memory_bytes=self.memory_mb * _MIB,
            output_bytes=self.output_kb * _KIB,
            calls=self.max_tool_calls,
        )

        async def call(calls: list[tuple[int, str, dict[str, Any]]]) -> list[tuple[int, bool, Any]]:
            found = await asyncio.gather(*(self._call(ctx, *each) for each in calls), return_exceptions=True)
            errors = [each for each in found if isinstance(each, BaseException)]
            for error in sorted(
                errors, key=lambda error: isinstance(error, Paused)
            ):  # a failure ends it, a pause waits
                raise error
            return [each for each in found if not isinstance(each, BaseException)]

        try:
            result = await sandbox.run(request, call if self.tools else None)
        except CodeFailed as error:
            console = tuple(redact(line) for line in error.console)
            message = redact(str(error))[:2000]
            return _Ran(console=console, error=message, code=error.code, line=error.line, column=error.column)
        return _made(result, redact)

    async def _call(self, ctx: NodeRun, number: int, tool: str, arguments: dict[str, Any]) -> tuple[int, bool, Any]:
        if not any(fnmatchcase(tool, pattern) for pattern in self.tools):
            return number, False, f"this code may not call `{tool[:100]}`: name it in `tools`"
        answer = await ctx.call_tool(f"tool/{number}", tool, arguments)
        if answer.declined or answer.is_error:
            return number, False, f"{tool}: {answer.text}"
        data: Any = answer.data
        if tool.startswith(f"{FUNCTIONS}__") and isinstance(data, Mapping):
            data = cast("Mapping[str, Any]", data).get("result")  # as `function_call` gives it
        elif data is None:
            data = answer.text
        return number, True, data


def _made(result: CodeResult, redact: Any) -> _Ran:
    return _Ran(value=result.value, console=tuple(redact(line) for line in result.console))


def _seed(ctx: NodeRun) -> int:
    """The same at every replay and attempt of this node."""
    path = re.sub(r"@\d+$", "", ctx.path)
    return int.from_bytes(hashlib.sha256(f"{ctx.run.id}/{path}".encode()).digest()[:4], "big")
