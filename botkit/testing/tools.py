"""A gateway in memory: the tool port with tools that are plain functions, and effects that can be counted.

tools = FakeTools()
tools.add("orders__refund", lambda order: f"refunded {order}", tool_class="destructive", approve=True)
…
assert tools.effects == [Effect("orders__refund", {"order": "ORD-1"}, "run_…/turn/0/tool/0")]
"""

from __future__ import annotations

__all__ = ["Ask", "Effect", "FakeTools", "LostResult"]

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from botkit.core.errors import BotkitError
from botkit.core.taint import source
from botkit.core.tools import (
    CallRecord,
    CallStatus,
    NeedsApproval,
    NeedsInput,
    Principal,
    Result,
    Tool,
    ToolCall,
    ToolClass,
    ToolEvent,
    arguments_digest,
)


class LostResult(Exception):
    """Raised by a tool: what it did is done, and its answer never arrives."""


class Ask(Exception):
    """Raised by a tool: it wants to know something first. Called again with `answers`."""

    def __init__(self, message: str, **properties: str):
        super().__init__(message)
        self.schema = {
            "type": "object",
            "properties": {name: {"type": kind} for name, kind in properties.items()},
            "required": list(properties),
        }


@dataclass(frozen=True, slots=True)
class Effect:
    """One time a tool really did something."""

    tool: str
    arguments: dict[str, Any]
    idempotency_key: str


def _nothing(**arguments: object) -> str:
    return "done"


@dataclass
class FakeTools:
    """Implements `ToolPort`. Everybody may call everything, unless `allowed` says otherwise."""

    effects: list[Effect] = field(default_factory=list[Effect])
    """What happened, in order. A lost result is an effect too."""
    calls: list[ToolCall] = field(default_factory=list[ToolCall])
    foreign: set[str] = field(default_factory=set[str])
    """Names of tools whose results others write."""
    allowed: Callable[[Principal, Tool], bool] = lambda principal, tool: True
    _tools: dict[str, tuple[Tool, Callable[..., Any]]] = field(default_factory=dict[str, Any])

    def add(
        self,
        name: str,
        work: Callable[..., Any] = _nothing,
        *,
        tool_class: ToolClass = "write",
        approve: bool = False,
        idempotent: bool = False,
        trusted: bool = True,
        **properties: str,
    ) -> Tool:
        """A tool `server__name`.

        Args:
            work: called with the arguments (and with `answers` after an `Ask`); returns text, may be async.
                A `BotkitError` becomes an error result.
            trusted: whether its results are the operator's own; others taint who reads them.
            properties: its arguments, name → JSON Schema type.
        """
        server, _, upstream = name.partition("__")
        schema = {"type": "object", "properties": {key: {"type": kind} for key, kind in properties.items()}}
        tool = Tool(
            name=name,
            server=server,
            upstream_name=upstream,
            definition={"name": name, "description": upstream, "inputSchema": schema},
            tool_class=tool_class,
            approve=approve,
            idempotent=idempotent,
        )
        self._tools[name] = (tool, work)
        if not trusted:
            self.foreign.add(name)
        return tool

    async def list_tools(self, workspace: str, principal: Principal, *, room_tokens: int = 0) -> Sequence[Tool]:
        found = [tool for tool, _ in self._tools.values() if self.allowed(principal, tool)]
        return [
            msgspec.structs.replace(tool, approve=True) if principal.taint and tool.tool_class != "read-only" else tool
            for tool in found
        ]

    async def find_tool(self, workspace: str, principal: Principal, name: str) -> Tool | None:
        return next((tool for tool in await self.list_tools(workspace, principal) if tool.name == name), None)

    async def call(self, call: ToolCall) -> AsyncIterator[ToolEvent]:
        self.calls.append(call)
        tool = await self.find_tool(call.workspace, call.principal, call.tool)
        if tool is None:
            yield _result(call, f"There is no tool {call.tool}.", "denied", sent=False)
            return
        digest = arguments_digest(call.tool, call.arguments)
        taint = call.principal.taint if tool.tool_class != "read-only" else ()
        if (tool.approve or taint) and call.approval != digest:
            yield NeedsApproval(
                tool=call.tool,
                server=tool.server,
                arguments=call.arguments,
                digest=digest,
                taint=taint,
                record=_record(call, "waiting"),
            )
            return
        event = await self._work(tool, call)
        if isinstance(event, Result) and call.tool in self.foreign:
            event = msgspec.structs.replace(event, taint=source("the tool", call.tool))
        yield event

    async def _work(self, tool: Tool, call: ToolCall) -> ToolEvent:
        given = dict(call.arguments)
        if call.answers is not None:
            given["answers"] = call.answers
        try:
            answer = self._tools[tool.name][1](**given)
            if inspect.isawaitable(answer):
                answer = await answer
        except Ask as question:
            return NeedsInput(
                message=str(question), schema=question.schema, state="asked", record=_record(call, "waiting")
            )
        except LostResult:
            self._happened(call)
            return _result(call, "The connection to the server broke.", "unavailable", unknown=True)
        except asyncio.CancelledError:
            raise
        except BotkitError as error:
            link: str = getattr(error, "link", "")  # of an account that is not connected
            return msgspec.structs.replace(_result(call, str(error), "error"), connect=link)
        self._happened(call)
        return _result(call, str(answer))

    def _happened(self, call: ToolCall) -> None:
        self.effects.append(Effect(call.tool, call.arguments, call.idempotency_key))


def _record(call: ToolCall, status: CallStatus) -> CallRecord:
    return CallRecord(
        id=call.id,
        at=0,
        workspace=call.workspace,
        server=call.tool.partition("__")[0],
        tool=call.tool,
        principal=call.principal.id,
        bot=call.principal.bot,
        run_id=call.run_id,
        step=call.step,
        trace_id=call.trace_id,
        status=status,
    )


def _result(
    call: ToolCall, text: str, status: CallStatus = "ok", *, sent: bool = True, unknown: bool = False
) -> Result:
    content = {"content": [{"type": "text", "text": text}], "isError": status != "ok"}
    return Result(content=content, record=_record(call, status), is_error=status != "ok", sent=sent, unknown=unknown)
