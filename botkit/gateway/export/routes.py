"""`/ws/{slug}/openai-tools` and `/ws/{slug}/gemini-tools`: a workspace for programs that speak to models directly.

    GET   the tools, ready to be put into a request to the model; `?report=1` says how well each one fits
    POST  {"name": "orders__find", "arguments": {…} or "{…}"}  the model's call, taken back and made

A call goes through the same pipeline as every other, after the nulls and names that only the model needed are undone.

    {"name": "orders__find", "content": "…", "structured": {…}, "is_error": false, "call_id": "call_…"}
"""

from __future__ import annotations

__all__ = ["export_routes"]

from collections.abc import Callable
from typing import Any, Protocol, cast

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from botkit.core.access import Grant
from botkit.core.errors import LimitReached
from botkit.core.identity_cache import IdentityCache
from botkit.core.ids import new_id
from botkit.core.schemas import as_schema, without_nulls
from botkit.core.tools import (
    CallRecord,
    NeedsApproval,
    NeedsInput,
    Progress,
    Result,
    Tool,
    ToolCall,
    ToolPort,
    result_text,
)
from botkit.gateway.export.exported import Exported
from botkit.gateway.serving.http import Http

_BODY_LIMIT_BYTES = 1_048_576
_REMEMBERED = 4096
"""Conversions kept; a tool is converted once after each refresh that changed it."""


class Admit(Protocol):
    async def __call__(self, http: Http, workspace: str, /) -> Grant | None:
        """The grant of a request, or None when it was refused, and answered."""
        ...


class _Dialect:
    """One provider: how a tool is told, and how its arguments come back."""

    def __init__(self, convert: Callable[[Tool], Exported], back: Callable[[dict[str, Any], Tool], dict[str, Any]]):
        self.convert = IdentityCache(convert, size=_REMEMBERED)
        self.back = back


def export_routes(tools: ToolPort, admit: Admit, log: Callable[[CallRecord], None]) -> list[BaseRoute]:
    """Both addresses.

    Args:
        tools: the gateway.
        admit: `Door.admit`.
        log: takes the row of each call.
    """
    dialects = {
        "openai-tools": _Dialect(_to_openai, lambda given, tool: without_nulls(given, tool.input_schema)),
        "gemini-tools": _Dialect(_to_gemini, _from_gemini),
    }
    return [
        Route(f"/ws/{{slug}}/{name}", endpoint=_Counter(tools, admit, log, dialect))
        for name, dialect in dialects.items()
    ]


# What converts schemas is loaded where somebody asks for them.


def _to_openai(tool: Tool) -> Exported:
    from botkit.gateway.export.openai import openai_tool

    return openai_tool(tool)


def _to_gemini(tool: Tool) -> Exported:
    from botkit.gateway.export.gemini import gemini_tool

    return gemini_tool(tool)


def _from_gemini(given: dict[str, Any], tool: Tool) -> dict[str, Any]:
    from botkit.gateway.export.gemini import restored

    return without_nulls(restored(given, tool.input_schema), tool.input_schema)


class _Counter:
    """One address."""

    def __init__(self, tools: ToolPort, admit: Admit, log: Callable[[CallRecord], None], dialect: _Dialect):
        self._tools = tools
        self._admit = admit
        self._log = log
        self._dialect = dialect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        grant = await self._admit(Http(scope, receive, send), scope["path_params"]["slug"])
        if grant is None:
            return
        request = Request(scope, receive)
        if request.method == "POST":
            response = await self._call(grant, request)
        elif request.method == "GET":
            response = await self._list(grant, report=bool(request.query_params.get("report")))
        else:
            response = Response(status_code=405, headers={"allow": "GET, POST"})
        await response(scope, receive, send)

    async def _list(self, grant: Grant, *, report: bool) -> Response:
        listed = await self._tools.list_tools(grant.workspace, grant.principal)
        found = [self._dialect.convert(tool) for tool in listed]
        body: Any = [one.declaration for one in found if one.declaration is not None]
        if report:
            said = [{"name": one.name, "status": one.status, "reasons": one.reasons} for one in found]
            body = {"tools": body, "report": said}
        return JSONResponse(body, headers={"cache-control": "private, no-cache"})

    async def _call(self, grant: Grant, request: Request) -> Response:
        try:
            name, arguments = _read(await _body(request))
        except ValueError as error:
            return _refused(400, "invalid_request", str(error))
        except OverflowError as error:
            return _refused(413, "too_large", str(error))
        tool = await self._tools.find_tool(grant.workspace, grant.principal, name)
        call = ToolCall(
            id=new_id("call"),
            workspace=grant.workspace,
            tool=name,
            arguments=self._dialect.back(arguments, tool) if tool is not None else arguments,
            principal=grant.principal,
            trace_id=new_id("trc"),
        )
        final: Result | NeedsApproval | NeedsInput | None = None
        async for event in self._tools.call(call):
            if not isinstance(event, Progress):
                final = event
        assert final is not None, "a call ends in an event that is not progress"
        self._log(final.record)
        return _answer(final, call)


def _answer(event: Result | NeedsApproval | NeedsInput, call: ToolCall) -> Response:
    if isinstance(event, NeedsApproval):
        return _refused(403, "approval_needed", event.reason or "A person must approve this call.")
    if isinstance(event, NeedsInput):
        return _refused(409, "input_needed", f"The tool asks: {event.message} Call it from an MCP client.")
    if event.record.status == "limited":
        retry: Any = (event.rpc_error or {}).get("data")
        wait = cast("dict[str, Any]", retry).get("retryAfter") if isinstance(retry, dict) else None
        headers = {"retry-after": str(wait if isinstance(wait, int) else 60)}
        return _refused(429, LimitReached.code, result_text(event.content), headers)
    body = {
        "name": call.tool,
        "content": result_text(event.content),
        "structured": event.content.get("structuredContent"),
        "is_error": event.is_error,
        "call_id": call.id,
    }
    return Response(msgspec.json.encode(body), media_type="application/json")


async def _body(request: Request) -> bytes:
    """Raises `OverflowError` for a body larger than is taken."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > _BODY_LIMIT_BYTES:
            raise OverflowError(f"The body is larger than {_BODY_LIMIT_BYTES} bytes.")
        parts.append(part)
    return b"".join(parts)


def _read(raw: bytes) -> tuple[str, dict[str, Any]]:
    """Name and arguments, in the shape of either provider. Raises `ValueError`."""
    try:
        given = as_schema(msgspec.json.decode(raw))
        given = as_schema(given.get("function")) or given  # a whole tool call of OpenAI
        name: Any = given.get("name")
        arguments: Any = given.get("arguments", given.get("args"))
        if isinstance(arguments, str):
            arguments = msgspec.json.decode(arguments or "{}")
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError("The body, or the arguments in it, are not JSON.") from error
    arguments = {} if arguments is None else arguments
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise ValueError('Send {"name": "server__tool", "arguments": {…}}.')
    return name, cast("dict[str, Any]", arguments)


def _refused(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)
