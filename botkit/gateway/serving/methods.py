"""What is answered to each request, whatever the era it came in.

Lists come from memory. Everything that reaches a server goes through the gateway's pipeline and leaves a row in the
call log. A server's question goes to the client: in the handshake era as a request while the call stays open, in the
modern era as a result that the client answers with another call. Which era the server lives in makes no difference.
"""

from __future__ import annotations

__all__ = ["Answered", "Caller", "Methods"]

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from botkit.core.access import Grant
from botkit.core.errors import InvalidArguments
from botkit.core.ids import new_id
from botkit.core.tools import Client, NeedsApproval, NeedsInput, Progress, Result, Tool, ToolCall
from botkit.core.tracing import parse_traceparent
from botkit.gateway.face import Face, face_of, relayable
from botkit.gateway.methods import TARGETS, kind_of, target_of
from botkit.gateway.naming import tool_name
from botkit.gateway.parking import PARK_S
from botkit.gateway.pipeline import Gateway
from botkit.gateway.serving.ledger import Ledger
from botkit.gateway.serving.rpc import (
    APPROVAL_NEEDED,
    INTERNAL,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    RESOURCE_NOT_FOUND,
    Refusal,
    as_object,
    is_object,
)
from botkit.gateway.serving.sealing import Sealer
from botkit.gateway.session import ListKind

PAGE = 1000
"""Items of one page of a list."""
_TTL_MS = 60_000
"""How long a list may be believed by who does not listen for changes."""
_ROUNDS_LIMIT = 20
"""Questions one call of a handshake client may lead to."""
LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
_META = "io.modelcontextprotocol/"
_LISTS: dict[str, tuple[ListKind, str]] = {
    "tools/list": ("tools", "tools"),
    "prompts/list": ("prompts", "prompts"),
    "resources/list": ("resources", "resources"),
    "resources/templates/list": ("templates", "resourceTemplates"),
}
_KEYS: dict[ListKind, str] = {"resources": "uri", "templates": "uriTemplate"}
"""What an item is known by, where it is not its name."""
_OURS = ("name", "arguments", "_meta", "inputResponses", "requestState")
"""Parameters that are not simply passed on."""

Answered = dict[str, Any]
Say = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""Sends a notification that belongs to the request: method and parameters."""
Ask = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""Puts a request (`method`, `params`) to the client; gives its `result` or `error` as in JSON-RPC."""


@dataclass(slots=True)
class Caller:
    """Who asks, and how to speak with them while the request is open."""

    grant: Grant
    era: Literal["handshake", "modern"]
    say: Say
    ask: Ask | None = None
    """None: a question is answered with another call."""
    capabilities: dict[str, Any] = field(default_factory=dict[str, Any])
    log_level: str = ""


class Methods:
    """One for the process."""

    def __init__(self, gateway: Gateway, ledger: Ledger, sealer: Sealer, *, page: int = PAGE):
        self.gateway = gateway
        self._ledger = ledger
        self._sealer = sealer
        self._page = page

    def knows(self, method: str) -> bool:
        """Whether `serve` answers this method."""
        return method in TARGETS or method in _LISTS

    async def serve(self, method: str, params: dict[str, Any], caller: Caller) -> Answered:
        """The result of a request. Raises `Refusal`."""
        if (listing := _LISTS.get(method)) is not None:
            return await self._list(*listing, params, caller)
        if method in TARGETS:
            return await self._relay(method, params, caller)
        raise Refusal(METHOD_NOT_FOUND, f"There is no method {method[:100]}.")

    def hello(self, workspace: str) -> Face:
        """How the workspace introduces itself now."""
        return face_of(self.gateway.fleet.settings, self.gateway.fleet.catalogue, workspace)

    async def watch(self, grant: Grant, uri: str, *, strict: bool = False) -> tuple[str, str] | None:
        """Begin to hear of a resource's changes. Returns its server and the server's own URI, for `Watching.release`.

        None when the client may not, or too many are watched; with `strict` that is a `Refusal`.
        """
        call = ToolCall(
            id=new_id("call"),
            workspace=grant.workspace,
            tool=uri,
            arguments={},
            principal=grant.principal,
            method="resources/subscribe",
            params={"uri": uri},
            client=Client(),
        )
        final = await self._run(call, Caller(grant, "handshake", _silence))
        error = final.rpc_error if isinstance(final, Result) else None
        listed = self.gateway.fleet.catalogue.find(grant.workspace, "resource", uri) if error is None else None
        if listed is not None and self.gateway.fleet.watching.hold(listed.server.name, listed.tool.upstream_name):
            return listed.server.name, listed.tool.upstream_name
        if strict:
            error = error or {"code": INVALID_PARAMS, "message": "Too many resources are watched."}
            raise Refusal(int(error["code"]), str(error["message"]), error.get("data"))
        return None

    def schema_of(self, workspace: str, name: str) -> Mapping[str, Any] | None:
        """The input schema of the tool a client calls by this name."""
        face = self.hello(workspace)
        listed = self.gateway.fleet.catalogue.view(workspace).get(_inner_name(face, name))
        return listed.tool.input_schema if listed is not None else None

    # Lists

    async def _list(self, kind: ListKind, key: str, params: Mapping[str, Any], caller: Caller) -> Answered:
        grant = caller.grant
        face = self.hello(grant.workspace)
        if kind == "tools":
            tools = await self.gateway.list_tools(grant.workspace, grant.principal)
            items = [_outer_tool(face, tool) for tool in tools]
        else:
            items = await self.gateway.list_offers(grant.workspace, grant.principal, kind)
            if face.transparent and kind == "prompts":
                known = self.gateway.fleet.catalogue.offers(grant.workspace).prompts
                items = [{**raw, "name": known[raw["name"]].upstream_name} for raw in items]
        page, cursor = self._cut(items, params.get("cursor"), _KEYS.get(kind, "name"))
        result: dict[str, Any] = {key: page}
        if cursor:
            result["nextCursor"] = cursor
        return _cacheable(result, _TTL_MS) if caller.era == "modern" else result

    def _cut(self, items: Sequence[dict[str, Any]], cursor: object, key: str) -> tuple[Sequence[dict[str, Any]], str]:
        """One page, and where the next begins. A cursor names the last item seen, so it outlives changes before it."""
        begin = 0
        if cursor is not None:
            names = [item[key] for item in items]
            last = _read_cursor(cursor)
            if last not in names:
                raise Refusal(INVALID_PARAMS, "This cursor is not known; list from the beginning.")
            begin = names.index(last) + 1
        page = items[begin : begin + self._page]
        if begin + self._page >= len(items):
            return page, ""
        return page, base64.urlsafe_b64encode(str(page[-1][key]).encode()).decode()

    # Requests that reach a server

    async def _relay(self, method: str, params: dict[str, Any], caller: Caller) -> Answered:
        call = self._call(method, params, caller)
        for _ in range(_ROUNDS_LIMIT):
            final = await self._run(call, caller)
            if isinstance(final, Result):
                return self._answered(final, method, caller)
            if isinstance(final, NeedsApproval):
                raise Refusal(APPROVAL_NEEDED, final.reason, {"tool": final.tool, "digest": final.digest})
            if caller.ask is None:
                return self._input_required(final, call, caller)
            call = await self._asked(final, call, caller.ask)
        raise Refusal(INTERNAL, "The server asked too many questions.")

    async def _run(self, call: ToolCall, caller: Caller) -> Result | NeedsApproval | NeedsInput:
        """One pass through the pipeline; its row is logged."""
        final: Result | NeedsApproval | NeedsInput | None = None
        async with aclosing(self.gateway.call(call)) as events:
            async for event in events:
                if not isinstance(event, Progress):
                    final = event
                elif event.method != "notifications/message" or _is_wanted(event.params, caller.log_level):
                    await caller.say(event.method, event.params)
        assert final is not None  # the pipeline always ends with one
        self._ledger.add(final.record)
        return final

    def _call(self, method: str, params: dict[str, Any], caller: Caller) -> ToolCall:
        grant = caller.grant
        face = self.hello(grant.workspace)
        arguments: Any = params.get("arguments")
        if arguments is not None and not is_object(arguments):
            raise Refusal(INVALID_PARAMS, "arguments must be an object.")
        try:
            name = target_of(method, params)
            if kind_of(method, params) != "resource":
                name = _inner_name(face, name)
        except InvalidArguments as error:
            raise Refusal(INVALID_PARAMS, str(error)) from error
        meta = as_object(params.get("_meta"))
        passed_on = {key: value for key, value in meta.items() if key != "progressToken" and not key.startswith(_META)}
        call = ToolCall(
            id=new_id("call"),
            workspace=grant.workspace,
            tool=name,
            arguments=as_object(arguments),
            principal=grant.principal,
            trace_id=parsed[0] if (parsed := parse_traceparent(meta.get("traceparent"))) else new_id("trc"),
            method=method,
            params={key: value for key, value in params.items() if key not in _OURS},
            client=Client(
                capabilities=relayable(caller.capabilities),
                meta=passed_on,
                log_level=caller.log_level,
                responses=as_object(params.get("inputResponses")) if caller.era == "modern" else {},
                transparent=bool(face.transparent),
                era=caller.era if face.transparent else "",
            ),
        )
        sealed: Any = params.get("requestState")
        if caller.era == "modern" and sealed is not None:
            state = self._sealer.unseal(sealed, _purpose(call, grant)) if isinstance(sealed, str) else None
            if state is None:
                raise Refusal(INVALID_PARAMS, "This requestState is not valid here, or no longer.")
            call = msgspec.structs.replace(call, state=state)
        return call

    def _input_required(self, final: NeedsInput, call: ToolCall, caller: Caller) -> Answered:
        result: dict[str, Any] = {"resultType": "input_required", "inputRequests": final.requests}
        if final.state:
            result["requestState"] = self._sealer.seal(final.state, _purpose(call, caller.grant), PARK_S)
        return result

    async def _asked(self, final: NeedsInput, call: ToolCall, ask: Ask) -> ToolCall:
        """Put the server's questions to a handshake client. Returns the call with its answers."""
        responses: dict[str, Any] = {}
        refusals: dict[str, Any] = {}
        for key, request in final.requests.items():
            try:
                answer = await ask(as_object(request))
            except BaseException:  # the client left or cancelled: its server need not wait any longer
                if final.state:
                    await self.gateway.give_up(msgspec.structs.replace(call, state=final.state))
                raise
            if "result" in answer:
                responses[key] = answer["result"]
            else:
                refusals[key] = as_object(answer.get("error"))
                if as_object(request).get("method") == "elicitation/create":
                    responses[key] = {"action": "cancel"}
        assert call.client is not None
        client = msgspec.structs.replace(call.client, responses=responses, refusals=refusals)
        return msgspec.structs.replace(call, id=new_id("call"), state=final.state, client=client)

    def _answered(self, final: Result, method: str, caller: Caller) -> Answered:
        modern = caller.era == "modern"
        if (error := final.rpc_error) is not None:
            code = int(error["code"])
            if modern and code == RESOURCE_NOT_FOUND:
                code = INVALID_PARAMS
            raise Refusal(code, str(error["message"]), error.get("data"))
        content = final.content
        if not modern:
            return {key: value for key, value in content.items() if key != "resultType"}
        result = {"resultType": "complete", **content}
        return _cacheable(result, 0) if method == "resources/read" else result


async def _silence(method: str, params: Mapping[str, Any]) -> None:
    """For requests that have nothing to say before their answer."""


def _cacheable(result: dict[str, Any], ttl_ms: int) -> dict[str, Any]:
    """Answers depend on the token, so nobody else may be given them."""
    given: Any = result.get("ttlMs")
    ttl_ms = given if isinstance(given, int) and given >= 0 else ttl_ms
    return {"resultType": "complete", **result, "ttlMs": ttl_ms, "cacheScope": "private"}


def _purpose(call: ToolCall, grant: Grant) -> tuple[str, ...]:
    """What a sealed state is good for: this credential and this request. The ticket inside binds the arguments too."""
    return ("request state", grant.credential, call.workspace, call.method, call.tool)


def _inner_name(face: Face, name: str) -> str:
    """The name the gateway knows a tool or prompt by."""
    return tool_name(face.transparent, name) if face.transparent else name


def _outer_tool(face: Face, tool: Tool) -> dict[str, Any]:
    return {**tool.definition, "name": tool.upstream_name} if face.transparent else tool.definition


def _read_cursor(cursor: object) -> str:
    try:
        return base64.urlsafe_b64decode(str(cursor).encode("ascii")).decode()
    except (UnicodeError, binascii.Error):
        return "\0"


def _is_wanted(params: Mapping[str, Any], level: str) -> bool:
    """Whether a log message is severe enough; one of unknown severity is."""
    given: Any = params.get("level")
    return bool(level) and (given not in LEVELS or level not in LEVELS or LEVELS.index(given) >= LEVELS.index(level))
