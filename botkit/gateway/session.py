"""The protocol spoken with one server, in whichever era it lives.

*Handshake era* (2024-11-05 to 2025-11-25): `initialize` first; the server may call us back, for instance to ask the
person something while a tool call waits. *Modern era* (2026-07-28): every request carries version and
capabilities; a question is a result that says `input_required`, and the request is repeated with the answer.

Source: https://modelcontextprotocol.io/specification/2026-07-28
"""

from __future__ import annotations

__all__ = [
    "CAPABILITIES",
    "HANDSHAKE_VERSIONS",
    "MODERN_VERSION",
    "Era",
    "ListKind",
    "Manner",
    "Question",
    "Session",
    "lacking",
    "open_session",
    "question",
    "questions_of",
    "requests_of",
]

from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

import msgspec

from botkit import __version__
from botkit.core.data import Data
from botkit.core.errors import ToolUnavailable
from botkit.gateway.wire import METHOD_NOT_FOUND, Exchange, Inbound, Notice, Peer, RpcError

Era = Literal["handshake", "modern"]
ListKind = Literal["tools", "resources", "templates", "prompts"]
"""What a server can list."""

HANDSHAKE_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MODERN_VERSION = "2026-07-28"
UNSUPPORTED_VERSION = -32022
MISSING_CAPABILITY = -32021

CAPABILITIES: dict[str, Any] = {"elicitation": {"form": {}, "url": {}}}
"""What botkit itself can do for a server."""
_NEEDED = {"elicitation/create": "elicitation", "sampling/createMessage": "sampling", "roots/list": "roots"}
"""Requests of a server to a client, and the capability that admits each."""
_LISTS: dict[ListKind, tuple[str, str, str]] = {
    "tools": ("tools/list", "tools", "tools"),
    "resources": ("resources/list", "resources", "resources"),
    "templates": ("resources/templates/list", "resourceTemplates", "resources"),
    "prompts": ("prompts/list", "prompts", "prompts"),
}
"""Method, key of the answer, and the server's capability."""
_CHANGES: dict[str, ListKind] = {
    "notifications/tools/list_changed": "tools",
    "notifications/resources/list_changed": "resources",
    "notifications/prompts/list_changed": "prompts",
}
_LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
_PROBE_TIMEOUT_S = 5.0
"""A server that ignores what it does not know is asked the old way after this."""
_PAGE_LIMIT = 50
_TOOL_LIMIT = 1000
_META = "io.modelcontextprotocol/"


_CLIENT_INFO = {"name": "botkit", "version": __version__}
_ENVELOPE: dict[str, Any] = {
    f"{_META}protocolVersion": MODERN_VERSION,
    f"{_META}clientInfo": _CLIENT_INFO,
    f"{_META}clientCapabilities": CAPABILITIES,
}
"""What every modern request carries in `_meta`."""


class Manner(Data):
    """How to speak with a server, where it matters: as the client would that stands behind us."""

    era: Era
    capabilities: dict[str, Any] = {}
    """What a handshake server is told that it can ask for."""

    @property
    def key(self) -> str:
        """The same for equal manners."""
        return msgspec.json.encode([self.era, self.capabilities], order="deterministic").decode()


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

    def __init__(
        self,
        peer: Peer,
        era: Era,
        version: str,
        hello: Mapping[str, Any],
        offered: Mapping[str, Any] = CAPABILITIES,
    ):
        self.peer = peer
        self.era: Era = era
        self.version = version
        self.capabilities = _object(hello.get("capabilities"))
        self.instructions = str(hello.get("instructions") or "")[:10_000]
        self.server_info = _object(_object(hello.get("_meta")).get(f"{_META}serverInfo") or hello.get("serverInfo"))
        self.on_tools_changed: Callable[[], None] = lambda: None
        self.on_changed: Callable[[ListKind], None] = lambda _: None
        """A list changed, tools included."""
        self.on_updated: Callable[[str], None] = lambda _: None
        """A resource that is watched changed; its URI."""
        self.on_asked_done: Callable[[str], None] = lambda _: None
        """What a person was sent to an address for is done; the elicitation's id."""
        self.on_log: Callable[[str], None] = lambda _: None
        self._offered = offered
        self._open: dict[int, Exchange] = {}
        """Requests in flight that a question or a log message may belong to."""
        self._log_level = ""
        self._watched: set[str] = set()
        self._listening: Exchange | None = None
        peer.on_request = self._requested
        peer.on_notification = self._notified

    async def list_tools(self, timeout_s: float) -> list[Any]:
        """All pages of `tools/list`, unchecked.

        Raises:
            RpcError, ToolUnavailable, TimeoutError: as `Exchange.result`.
        """
        return await self.list_all("tools", timeout_s)

    async def list_all(self, kind: ListKind, timeout_s: float) -> list[Any]:
        """All pages of a list, unchecked; empty without the capability. Raises as `list_tools`."""
        method, key, capability = _LISTS[kind]
        if capability not in self.capabilities and (self.capabilities or kind != "tools"):
            return []
        found: list[Any] = []
        cursors: set[str] = set()
        params: dict[str, Any] = {}
        for _ in range(_PAGE_LIMIT):
            page = await self._start(method, params).result(timeout_s)
            part: Any = page.get(key)
            if not isinstance(part, list):
                raise RpcError(0, f"The server's answer to {method} holds no list of {kind}.")
            found += part
            cursor = page.get("nextCursor")
            if not isinstance(cursor, str) or cursor in cursors or len(found) >= _TOOL_LIMIT:
                break
            cursors.add(cursor)
            params = {"cursor": cursor}
        return found[:_TOOL_LIMIT]

    def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any],
        meta: Mapping[str, Any],
        *,
        responses: Mapping[str, Any] | None = None,
        state: str | None = None,
    ) -> Exchange:
        """Send `tools/call`, as `request` does."""
        return self.request(
            "tools/call", {"name": name, "arguments": arguments}, meta, responses=responses, state=state
        )

    def request(
        self,
        method: str,
        params: Mapping[str, Any],
        meta: Mapping[str, Any],
        *,
        responses: Mapping[str, Any] | None = None,
        state: str | None = None,
        capabilities: Mapping[str, Any] = CAPABILITIES,
        log_level: str = "",
    ) -> Exchange:
        """Send a request on somebody's behalf. `responses` and `state` answer an earlier `input_required`.

        Args:
            capabilities: what whoever asks can be asked (modern era; handshake servers were told at the start).
            log_level: least severe log message to hear of; empty: none.

        Raises:
            ToolUnavailable: nothing was sent.
        """
        body = dict(params)
        if responses is not None:
            body["inputResponses"] = responses
        if state is not None:
            body["requestState"] = state
        if self.era == "modern":
            meta = {**meta, f"{_META}clientCapabilities": capabilities}
            if log_level:
                meta[f"{_META}logLevel"] = log_level
        elif log_level and "logging" in self.capabilities:
            self._hear_from(log_level)
        exchange = self._start(method, body, meta)
        exchange.wants_log = bool(log_level)
        self._open = {key: one for key, one in self._open.items() if not one.over}
        self._open[exchange.id] = exchange
        return exchange

    def watch(self, uris: set[str]) -> None:
        """Be told of changes of these resources and of no others."""
        if "resources" not in self.capabilities:
            return
        if self.era == "modern":
            self._watched = uris
            self.listen()
            return
        for uri in uris - self._watched:
            self._start("resources/subscribe", {"uri": uri})
        for uri in self._watched - uris:
            self._start("resources/unsubscribe", {"uri": uri})
        self._watched = uris

    def listen(self) -> None:
        """Ask to be told when a list changes. Handshake servers tell without being asked."""
        if self.era != "modern":
            return
        wanted: dict[str, Any] = {
            f"{kind}ListChanged": True
            for kind in ("tools", "prompts", "resources")
            if _object(self.capabilities.get(kind)).get("listChanged")
        }
        if self._watched:
            wanted["resourceSubscriptions"] = sorted(self._watched)
        before, self._listening = self._listening, None
        if wanted:
            self._listening = self._start("subscriptions/listen", {"notifications": wanted})
        if before is not None:
            before.abandon("another subscription takes its place")

    def _start(self, method: str, params: Mapping[str, Any], meta: Mapping[str, Any] | None = None) -> Exchange:
        envelope = _ENVELOPE if self.era == "modern" else {}
        return self.peer.start(method, params, meta={**envelope, **(meta or {})})

    def _hear_from(self, level: str) -> None:
        """Have a handshake server log from this level on, for everybody; who wants less gets less."""
        if level in _LEVELS and (not self._log_level or _LEVELS.index(level) < _LEVELS.index(self._log_level)):
            self._log_level = level
            self._start("logging/setLevel", {"level": level})

    def _notified(self, method: str, params: Mapping[str, Any]) -> None:
        if (kind := _CHANGES.get(method)) is not None:
            self.on_changed(kind)
            if kind == "tools":
                self.on_tools_changed()
        elif method == "notifications/message":
            self.on_log(str(params.get("data"))[:2000])
            wanting = [one for one in self._open.values() if not one.over and one.wants_log]
            if len(wanting) == 1:  # else nobody can tell whose it is
                wanting[0].push(Notice(params, method))
        elif method == "notifications/resources/updated":
            self.on_updated(str(params.get("uri"))[:4096])
        elif method == "notifications/elicitation/complete":
            self.on_asked_done(str(params.get("elicitationId"))[:200])

    def _requested(self, inbound: Inbound) -> None:
        """A server calls us back. Only what was offered, and only where it is clear whose call asks."""
        if _NEEDED.get(inbound.method) not in self._offered:
            inbound.refuse(METHOD_NOT_FOUND, f"{inbound.method[:100]} is not offered by this client")
            return
        open_calls = [one for one in self._open.values() if not one.over and not one.parked]
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


async def open_session(
    peer: Peer,
    *,
    era: Era | None = None,
    timeout_s: float = 30.0,
    capabilities: Mapping[str, Any] = CAPABILITIES,
) -> Session:
    """Find out which era a server lives in and say hello.

    Args:
        era: what it answered last time, to spare the question; a wrong one costs one round trip.
        timeout_s: for the whole of it; programs that are downloaded at their first start need long.
        capabilities: what a handshake server is told that it can ask for.

    Raises:
        ToolUnavailable: it ended, speaks no version we know, or did not answer in time.
    """
    try:
        if era == "handshake":
            return await _handshake(peer, timeout_s, capabilities)
        modern = await _discover(peer, min(timeout_s, _PROBE_TIMEOUT_S) if era is None else timeout_s)
        return modern or await _handshake(peer, timeout_s, capabilities)
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


async def _handshake(peer: Peer, timeout_s: float, capabilities: Mapping[str, Any]) -> Session:
    params = {
        "protocolVersion": HANDSHAKE_VERSIONS[-1],
        "capabilities": capabilities,
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
    return Session(peer, "handshake", version, hello, capabilities)


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


def requests_of(result: Mapping[str, Any]) -> dict[str, Any] | None:
    """What an `input_required` result asks for, as requests by key; None when the result is final."""
    return _object(result.get("inputRequests")) if result.get("resultType") == "input_required" else None


def lacking(capabilities: Mapping[str, Any], request: Any) -> dict[str, Any]:
    """The capability a client would need to be asked this (`method`, `params`); empty when it has it.

    An elicitation by form needs `elicitation`, one by address `elicitation.url`.
    """
    request = _object(request)
    needed = _NEEDED.get(str(request.get("method")))
    if needed is None:
        return {"experimental": {}}
    has = capabilities.get(needed)
    if not isinstance(has, dict):
        return {needed: {}}
    if needed == "elicitation":
        mode = "url" if _object(request.get("params")).get("mode") == "url" else "form"
        if mode not in has and (mode == "url" or "url" in has):
            return {needed: {mode: {}}}
    return {}


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
