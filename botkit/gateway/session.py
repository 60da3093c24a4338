"""The protocol spoken with one server, in whichever era it lives.

*Handshake era* (2024-11-05 to 2025-11-25): `initialize` first; the server may call us back, for instance to ask the
person something while a tool call waits. *Modern era* (2026-07-28): every request carries version and
capabilities; a question is a result that says `input_required`, and the request is repeated with the answer.

Source: https://modelcontextprotocol.io/specification/2026-07-28
"""

from __future__ import annotations

__all__ = ["Era", "Question", "Session", "open_session", "questions_of"]

from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

from botkit import __version__
from botkit.core.data import Data
from botkit.core.errors import ToolUnavailable
from botkit.gateway.wire import METHOD_NOT_FOUND, Exchange, Inbound, Peer, RpcError

Era = Literal["handshake", "modern"]

HANDSHAKE_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MODERN_VERSION = "2026-07-28"
UNSUPPORTED_VERSION = -32022

_CAPABILITIES: dict[str, Any] = {"elicitation": {"form": {}, "url": {}}}
_PROBE_TIMEOUT_S = 5.0
"""A server that ignores what it does not know is asked the old way after this."""
_PAGE_LIMIT = 50
_TOOL_LIMIT = 1000
_META = "io.modelcontextprotocol/"


_CLIENT_INFO = {"name": "botkit", "version": __version__}
_ENVELOPE: dict[str, Any] = {
    f"{_META}protocolVersion": MODERN_VERSION,
    f"{_META}clientInfo": _CLIENT_INFO,
    f"{_META}clientCapabilities": _CAPABILITIES,
}
"""What every modern request carries in `_meta`."""


class Question(Data):
    """What a tool wants to know from the person."""

    key: str = ""
    """The server's name for it (modern era)."""
    message: str
    schema: dict[str, Any]
    url: str = ""
    """The person is asked to open this address instead of filling a form."""


class Session:
    """An open connection to a server. Made by `open_session`."""

    def __init__(self, peer: Peer, era: Era, version: str, hello: Mapping[str, Any]):
        self.peer = peer
        self.era: Era = era
        self.version = version
        self.capabilities = _object(hello.get("capabilities"))
        self.instructions = str(hello.get("instructions") or "")[:10_000]
        self.on_tools_changed: Callable[[], None] = lambda: None
        self.on_log: Callable[[str], None] = lambda _: None
        self._asking: dict[int, Exchange] = {}
        """Tool calls in flight that may be asked about (handshake era)."""
        peer.on_request = self._requested
        peer.on_notification = self._notified

    async def list_tools(self, timeout_s: float) -> list[Any]:
        """All pages of `tools/list`, unchecked.

        Raises:
            RpcError, ToolUnavailable, TimeoutError: as `Exchange.result`.
        """
        if "tools" not in self.capabilities and self.capabilities:
            return []
        tools: list[Any] = []
        cursors: set[str] = set()
        params: dict[str, Any] = {}
        for _ in range(_PAGE_LIMIT):
            page = await self._start("tools/list", params).result(timeout_s)
            found: Any = page.get("tools")
            if not isinstance(found, list):
                raise RpcError(0, "The server's answer to tools/list holds no list of tools.")
            tools += found
            cursor = page.get("nextCursor")
            if not isinstance(cursor, str) or cursor in cursors or len(tools) >= _TOOL_LIMIT:
                break
            cursors.add(cursor)
            params = {"cursor": cursor}
        return tools[:_TOOL_LIMIT]

    def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any],
        meta: Mapping[str, Any],
        *,
        responses: Mapping[str, Any] | None = None,
        state: str | None = None,
    ) -> Exchange:
        """Send `tools/call`. `responses` and `state` answer an earlier `input_required` (modern era).

        Raises:
            ToolUnavailable: nothing was sent.
        """
        params: dict[str, Any] = {"name": name, "arguments": arguments}
        if responses is not None:
            params["inputResponses"] = responses
        if state is not None:
            params["requestState"] = state
        exchange = self._start("tools/call", params, meta)
        if self.era == "handshake":
            self._asking = {key: one for key, one in self._asking.items() if not one.over}
            self._asking[exchange.id] = exchange
        return exchange

    def listen(self) -> None:
        """Ask to be told when the tools change. Handshake servers tell without being asked."""
        tools = _object(self.capabilities.get("tools"))
        if self.era == "modern" and tools.get("listChanged"):
            self._start("subscriptions/listen", {"notifications": {"toolsListChanged": True}})

    def _start(self, method: str, params: Mapping[str, Any], meta: Mapping[str, Any] | None = None) -> Exchange:
        envelope = _ENVELOPE if self.era == "modern" else {}
        return self.peer.start(method, params, meta={**(meta or {}), **envelope})

    def _notified(self, method: str, params: Mapping[str, Any]) -> None:
        if method == "notifications/tools/list_changed":
            self.on_tools_changed()
        elif method == "notifications/message":
            self.on_log(str(params.get("data"))[:2000])

    def _requested(self, inbound: Inbound) -> None:
        """A server calls us back. Only questions to the person are offered, and only where it is clear whose."""
        if inbound.method != "elicitation/create":
            inbound.refuse(METHOD_NOT_FOUND, f"{inbound.method[:100]} is not offered by this client")
            return
        open_calls = [one for one in self._asking.values() if not one.over and not one.parked]
        if len(open_calls) == 1:
            open_calls[0].push(inbound)
            return
        inbound.refuse(
            -32600,
            "No call is waiting, so there is nobody to ask."
            if not open_calls
            else "Several calls are in flight and this protocol version does not say which one asks. "
            "Set limits.parallel_calls to 1 for this server.",
        )


async def open_session(peer: Peer, *, era: Era | None = None, timeout_s: float = 30.0) -> Session:
    """Find out which era a server lives in and say hello.

    Args:
        era: what it answered last time, to spare the question; a wrong one costs one round trip.
        timeout_s: for the whole of it; programs that are downloaded at their first start need long.

    Raises:
        ToolUnavailable: it ended, speaks no version we know, or did not answer in time.
    """
    try:
        if era == "handshake":
            return await _handshake(peer, timeout_s)
        modern = await _discover(peer, min(timeout_s, _PROBE_TIMEOUT_S) if era is None else timeout_s)
        return modern or await _handshake(peer, timeout_s)
    except RpcError as error:
        raise ToolUnavailable(f"The server refused the connection: {error}") from error
    except TimeoutError:
        raise ToolUnavailable(
            f"The server did not answer within {timeout_s:g} seconds of its start. Is it an MCP server for stdio?"
        ) from None


async def _discover(peer: Peer, timeout_s: float) -> Session | None:
    """A modern session, or None: the server gave no sign of knowing that era."""
    try:
        hello = await peer.start("server/discover", {}, meta=_ENVELOPE).result(timeout_s)
    except (RpcError, TimeoutError):
        return None
    versions: Any = hello.get("supportedVersions")
    if not isinstance(versions, list) or MODERN_VERSION not in versions:
        return None
    return Session(peer, "modern", MODERN_VERSION, hello)


async def _handshake(peer: Peer, timeout_s: float) -> Session:
    params = {
        "protocolVersion": HANDSHAKE_VERSIONS[-1],
        "capabilities": _CAPABILITIES,
        "clientInfo": _CLIENT_INFO,
    }
    try:
        hello = await peer.start("initialize", params).result(timeout_s)
    except RpcError as error:
        # A slow starter may have taken our first question after all, and is now in the modern era.
        if error.number == UNSUPPORTED_VERSION and (session := await _discover(peer, timeout_s)) is not None:
            return session
        raise
    version = str(hello.get("protocolVersion"))
    if version not in HANDSHAKE_VERSIONS:
        raise ToolUnavailable(f"The server speaks protocol version {version[:40]}, which is not known here.")
    peer.notify("notifications/initialized", {})
    return Session(peer, "handshake", version, hello)


def questions_of(result: Mapping[str, Any]) -> list[Question] | None:
    """The questions of an `input_required` result; None when the result is final, empty when it only says "again".

    Raises:
        RpcError: it asks for something that was never offered, such as sampling.
    """
    if result.get("resultType") != "input_required":
        return None
    questions: list[Question] = []
    for key, request in _object(result.get("inputRequests")).items():
        request = _object(request)
        if request.get("method") != "elicitation/create":
            raise RpcError(METHOD_NOT_FOUND, f"The tool asks for {request.get('method')}, which is not offered.")
        questions.append(question(_object(request.get("params")), key))
    return questions


def question(params: Mapping[str, Any], key: str = "") -> Question:
    """Read the parameters of `elicitation/create`."""
    url = str(params.get("url") or "")[:2048] if params.get("mode") == "url" else ""
    schema = _object(params.get("requestedSchema"))
    message = str(params.get("message") or "")[:4000]
    return Question(
        key=key,
        message=f"{message}\n{url}".strip(),
        schema=schema or {"type": "object", "properties": {}},
        url=url,
    )


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
