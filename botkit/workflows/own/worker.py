"""The process operators' nodes run in. Started as `python -I -m botkit.workflows.own.worker describe|serve FILE…`.

One JSON object a line. Each execution of a node has an id, and what it asks for has a number within it:

    → {"id", "start": {type, data, signal, facts, node_id, attempt, variables, now}}
    ← {"id", "ask": 1, "op": "step", "name", "once"}
    → {"id", "do": 1, "key"}                 the step has no result yet: do it
    ← {"id", "did": 1, "value"} or {…, "error"}
    → {"id", "answer": 1, "value"} or {…, "error"}
    ← {"id", "outcome"}, {"id", "wait"} or {"id", "error"}
    → {"id", "cancel": true}
    → {"ping": 1}, ← {"pong": 1}            ← {"pong": 0} once, when everything is loaded

A step is done here, and the node goes on when botkit has written its result down.
"""

from __future__ import annotations

__all__ = ["main"]

import asyncio
import importlib.util
import os
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from types import ModuleType
from typing import Any, BinaryIO, TypeVar

import msgspec
from pydantic import ValidationError

from botkit.core.errors import BotkitError
from botkit.core.messages import OutMessage
from botkit.sdk.nodes import (
    ModelAnswer,
    Node,
    NodeFailed,
    Outcome,
    RunFacts,
    Signal,
    StepHandle,
    ToolAnswer,
    Wait,
    node_types_of,
)
from botkit.workflows.specs import NodeSpec, spec_of

T = TypeVar("T")
_LINE_BYTES = 256 << 20
_SHOWN = 2000
Send = Callable[[dict[str, Any]], None]


class Loaded(msgspec.Struct, frozen=True):
    """What the files hold."""

    specs: list[NodeSpec] = []
    problems: list[dict[str, Any]] = []
    """`{"file", "line", "message"}`."""


def load(files: list[str]) -> tuple[dict[str, type[Node]], Loaded]:
    """Run the files. A file that cannot be run is a problem and harms no other."""
    types: dict[str, type[Node]] = {}
    specs: list[NodeSpec] = []
    problems: list[dict[str, Any]] = []
    for file in files:
        try:
            found = node_types_of(_module(Path(file)))
            described = [spec_of(cls, file=file) for cls in found.values()]
        except BaseException as error:
            traceback.print_exception(error)
            problems.append({"file": file, "line": _line(error, file), "message": f"{type(error).__name__}: {error}"})
            continue
        if not found:
            problems.append({"file": file, "line": 0, "message": "it defines no node: decorate a class with @node"})
        twice = [f"there is another node type `{name}`" for name in found if name in types]
        problems += [{"file": file, "line": 0, "message": message} for message in twice]
        specs += [spec for spec in described if spec.type not in types]
        types |= {name: cls for name, cls in found.items() if name not in types}
    return types, Loaded(specs, problems)


def _module(path: Path) -> ModuleType:
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))  # they may share helpers, in files that begin with `_`
    spec = importlib.util.spec_from_file_location(f"nodes_{path.stem}", path)
    assert spec is not None, "a path of a Python file"
    assert spec.loader is not None, "as above"
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _line(error: BaseException, file: str) -> int:
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.lineno or 0
    lines = [frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return lines[-1] if lines else 0


class _Handle:
    def __init__(self, key: str):
        self.idempotency_key = key


class _Context:
    """`NodeContext`, by asking."""

    def __init__(self, start: dict[str, Any], execution: _Execution):
        self.node_id: str = start["node_id"]
        self.attempt: int = start["attempt"]
        self.run: RunFacts = msgspec.convert(start["facts"], RunFacts)
        self.variables: Mapping[str, Any] = start["variables"]
        self._now = msgspec.convert(start["now"], datetime)
        self._began = monotonic()
        self._execution = execution

    def now(self) -> datetime:
        return self._now + timedelta(seconds=monotonic() - self._began)

    def evaluate(self, expression: str, **extra: Any) -> Any:
        from botkit.workflows import expressions

        return expressions.evaluate(expression, {**self.variables, **extra})

    def render(self, template: str, **extra: Any) -> Any:
        from botkit.workflows import expressions

        return expressions.render(template, {**self.variables, **extra})

    def note(self, text: str, **facts: Any) -> None:
        self._execution.tell({"note": text, "facts": msgspec.to_builtins(facts)})

    async def step(
        self, name: str, run: Callable[[StepHandle], Awaitable[T]], *, kind: type[T] | Any = Any, once: bool = False
    ) -> T:
        value = await self._execution.ask("step", run, name=name, once=once)
        return msgspec.convert(value, kind)

    async def call_tool(
        self, name: str, tool: str, arguments: Mapping[str, Any], *, timeout_s: float = 0.0
    ) -> ToolAnswer:
        given = {"name": name, "tool": tool, "arguments": dict(arguments), "timeout_s": timeout_s}
        return msgspec.convert(await self._execution.ask("call_tool", **given), ToolAnswer)

    async def ask_model(self, name: str, prompt: str, **options: Any) -> ModelAnswer:
        return msgspec.convert(
            await self._execution.ask("ask_model", name=name, prompt=prompt, options=options), ModelAnswer
        )

    async def say(self, name: str, message: OutMessage | str, *, to: str = "") -> str:
        said = OutMessage(text=message) if isinstance(message, str) else message
        return str(await self._execution.ask("say", name=name, message=msgspec.to_builtins(said), to=to))


class _Execution:
    """One run or resumption of one node."""

    def __init__(self, number: str, start: dict[str, Any], types: Mapping[str, type[Node]], send: Send):
        self._number = number
        self._start = start
        self._types = types
        self._send = send
        self._asked = 0
        self._open: dict[int, tuple[asyncio.Future[Any], Callable[[StepHandle], Awaitable[Any]] | None]] = {}
        self._doing: set[asyncio.Task[None]] = set()

    def tell(self, message: dict[str, Any]) -> None:
        self._send({"id": self._number, **message})

    async def ask(self, op: str, work: Callable[[StepHandle], Awaitable[Any]] | None = None, /, **fields: Any) -> Any:
        self._asked += 1
        number = self._asked
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._open[number] = (future, work)
        self.tell({"ask": number, "op": op, **msgspec.to_builtins(fields)})
        return await future

    def hear(self, message: dict[str, Any]) -> None:
        if (number := message.get("do")) is not None and number in self._open:
            task = asyncio.ensure_future(self._do(number, message["key"]))
            self._doing.add(task)
            task.add_done_callback(self._doing.discard)
        elif (number := message.get("answer")) is not None and number in self._open:
            future, _ = self._open.pop(number)
            if future.done():
                return
            if error := message.get("error"):
                failed = NodeFailed(error["message"], code=error["code"], retryable=error["retryable"])
                future.set_exception(failed)
            else:
                future.set_result(message.get("value"))

    async def _do(self, number: int, key: str) -> None:
        _, work = self._open[number]
        assert work is not None, "only steps are done here"
        try:
            value = msgspec.to_builtins(await work(_Handle(key)))
        except Exception as error:
            self.tell({"did": number, "error": _told(error)})
        else:
            self.tell({"did": number, "value": value})

    async def run(self) -> None:
        try:
            self.tell(await self._result())
        except Exception as error:
            self.tell({"error": _told(error)})
        except asyncio.CancelledError:
            for task in self._doing:
                task.cancel()
            self.tell({"cancelled": True})
            raise

    async def _result(self) -> dict[str, Any]:
        start = self._start
        cls = self._types.get(start["type"])
        if cls is None:
            raise NodeFailed(f"there is no node type `{start['type']}` any more", code="no_node_type")
        try:
            node = cls.model_validate(start["data"])
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise NodeFailed(f"{where}: {first['msg']}", code="invalid_config", field=where) from None
        context = _Context(start, self)
        if start["signal"] is None:
            result = await node.run(context)
        else:
            result = await node.resume(context, msgspec.convert(start["signal"], Signal))
        match result:
            case Outcome():
                return {"outcome": msgspec.to_builtins(result)}
            case Wait():
                return {"wait": msgspec.to_builtins(result)}
            case _:  # pyright: ignore[reportUnnecessaryComparison] - whoever wrote the node may not check types
                raise NodeFailed(f"`{cls.type}` gave back no Outcome and no Wait", code="internal")


def _told(error: Exception) -> dict[str, Any]:
    if isinstance(error, BotkitError):
        return {"code": error.code, "message": str(error)[:_SHOWN], "retryable": error.retryable}
    traceback.print_exception(error)
    return {"code": "node_error", "message": f"{type(error).__name__}: {error}"[:_SHOWN], "retryable": False}


async def _serve(types: Mapping[str, type[Node]], reading: BinaryIO, writing: BinaryIO) -> None:
    reader = asyncio.StreamReader(limit=_LINE_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), reading)
    executions: dict[str, tuple[_Execution, asyncio.Task[None]]] = {}

    def send(message: dict[str, Any]) -> None:
        writing.write(msgspec.json.encode(message) + b"\n")
        writing.flush()

    send({"pong": 0})  # everything is loaded
    while line := await reader.readline():
        message: dict[str, Any] = msgspec.json.decode(line)
        if "ping" in message:
            send({"pong": message["ping"]})
        elif "start" in message:
            number: str = message["id"]
            execution = _Execution(number, message["start"], types, send)
            task = asyncio.ensure_future(execution.run())
            executions[number] = (execution, task)
            task.add_done_callback(lambda _, number=number: executions.pop(number, None))
        elif (found := executions.get(message["id"])) is not None:
            if message.get("cancel"):
                found[1].cancel()
            else:
                found[0].hear(message)


def main(what: str, files: list[str]) -> None:
    writing = os.fdopen(os.dup(1), "wb")
    reading = os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)  # what a node prints must not be taken for a message
    types, loaded = load(files)
    if what == "describe":
        writing.write(msgspec.json.encode(loaded))
        writing.flush()
        return
    asyncio.run(_serve(types, reading, writing))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
