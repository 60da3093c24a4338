"""The door of every workspace: who may come in, and to whom they are led.

    /ws/{slug}  /ws/{slug}/mcp  /api/gateway/ws/{slug}  /s/{user}/{slug}   Streamable HTTP, both eras
    /ws/{slug}/sse  /ws/{slug}/messages                                   HTTP+SSE (a POST to …/sse is Streamable HTTP)

Checked in this order: Host (421), Origin (403), tokens in the address (401), the bearer token (401), the size (413). To
somebody without a token a workspace that exists looks like one that does not. Whoever tries many tokens that nobody had
is told to wait (429); a good token is let in meanwhile, also from the same address.
"""

from __future__ import annotations

__all__ = ["Door", "DoorSettings"]

import math
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import structlog
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from botkit.core.access import Authenticator, Grant
from botkit.core.clock import Clock
from botkit.core.errors import StoreError
from botkit.core.stores import CallLog
from botkit.gateway.access.strangers import Strangers
from botkit.gateway.keys import KeyProvider
from botkit.gateway.pipeline import Gateway
from botkit.gateway.serving.changes import Changes
from botkit.gateway.serving.handshake import Handshake
from botkit.gateway.serving.http import Disconnected, Http
from botkit.gateway.serving.ledger import Ledger
from botkit.gateway.serving.lifeline import Credentials
from botkit.gateway.serving.methods import Methods
from botkit.gateway.serving.modern import Modern, is_modern
from botkit.gateway.serving.rpc import INTERNAL, INVALID_REQUEST, UNAUTHORIZED, Refusal, as_object, read_json
from botkit.gateway.serving.sealing import Sealer
from botkit.gateway.serving.sessions import Sessions
from botkit.gateway.serving.sse import OldStreams
from botkit.gateway.session import HANDSHAKE_VERSIONS

BODY_LIMIT_BYTES = 8 * 1024 * 1024
_SECRET_KEYS = frozenset({"token", "access_token", "api_key", "apikey", "key", "authorization", "auth", "bearer"})
_TOKEN_SIGNS = ("mwt_", "aek_", "bearer ")
_log = structlog.get_logger("botkit.gateway")


def _plain_bearer(workspace: str) -> str:
    return "Bearer"


@dataclass(frozen=True)
class DoorSettings:
    """How the outside reaches us.

    Args:
        is_our_host: whether a `Host` header names us; none of ours is refused (DNS rebinding).
        public_url: BOTKIT_PUBLIC_URL, from where pages may call.
        www_authenticate: the header of a 401, by workspace. It names no resource metadata unless the workspace
            speaks OAuth, or clients begin to look for an authorization server that is not there.
    """

    is_our_host: Callable[[str], bool]
    public_url: str = ""
    www_authenticate: Callable[[str], str] = _plain_bearer
    body_limit_bytes: int = BODY_LIMIT_BYTES


class Door:
    """An ASGI application; `routes` puts it in its places. Call `stop` before the server ends."""

    def __init__(
        self,
        gateway: Gateway,
        authenticator: Authenticator,
        *,
        keys: KeyProvider,
        call_log: CallLog,
        clock: Clock,
        settings: DoorSettings,
    ):
        self._authenticator = authenticator
        self._settings = settings
        self._gateway = gateway
        self._strangers = Strangers(clock)
        self._credentials = Credentials(authenticator)
        self.ledger = Ledger(call_log)
        changes = self._changes = Changes(gateway)
        sealer = Sealer(keys, lambda: clock.micros() / 1_000_000)
        self.methods = Methods(gateway, self.ledger, sealer)
        self.sessions = Sessions(changes, gateway.fleet.watching, clock)
        self._modern = Modern(self.methods, changes, self._credentials)
        self._handshake = Handshake(self.methods, self.sessions, self._credentials)
        self._old = OldStreams(self._handshake, changes, gateway.fleet.watching, self._credentials)

    def routes(self) -> list[BaseRoute]:
        """Every address of a workspace."""
        paths = ("/ws/{slug}", "/ws/{slug}/mcp", "/api/gateway/ws/{slug}", "/s/{user}/{slug}")
        old = ("/ws/{slug}/sse", "/ws/{slug}/messages")
        current = [Route(path, endpoint=_Entrance(self, old=False)) for path in paths]
        return [*current, *(Route(path, endpoint=_Entrance(self, old=True)) for path in old)]

    @property
    def open_streams(self) -> int:
        """Streams, and requests that take longer than a moment."""
        return len(self._credentials)

    @property
    def listeners(self) -> int:
        """Sessions and streams that are told of changes."""
        return len(self._changes)

    async def stop(self) -> None:
        """End every stream and session, and write what is still to be logged."""
        self._credentials.end_all()
        await self.sessions.stop()
        await self.ledger.settle()

    async def enter(self, http: Http, workspace: str, *, old: bool) -> None:
        """Answer one HTTP request. `old`: at one of the addresses of HTTP+SSE."""
        try:
            grant = await self.admit(http, workspace)
            if grant is not None:
                await self._serve(http, grant, old=old)
        except Refusal as refusal:
            await http.refuse(refusal, status=refusal.status or 400)
        except Disconnected:
            return
        except Exception:
            _log.exception("request_failed", workspace=workspace, path=http.path)
            if not http.started:
                await http.refuse(Refusal(INTERNAL, "botkit failed; see its log."), status=500)

    async def admit(self, http: Http, workspace: str) -> Grant | None:
        """Check host, origin and token. The grant, or None when the request was refused, and answered."""
        host = http.headers.get("host", "")
        if not self._settings.is_our_host(host):
            await http.refuse(Refusal(INVALID_REQUEST, "Unknown host name. Set BOTKIT_PUBLIC_URL."), status=421)
        elif not self._is_our_page(http.headers.get("origin"), host):
            await http.refuse(Refusal(INVALID_REQUEST, "This request comes from another site."), status=403)
        elif _token_in_query(http.query):
            await self._unauthorized(http, workspace, "Send the token as a bearer token, never in the address.")
        else:
            scheme, _, given = http.headers.get("authorization", "").partition(" ")
            token = given.strip() if scheme.lower() == "bearer" else ""
            try:
                grant = await self._authenticator.authenticate(workspace, token)
                wait_s = await self._strange(http, token) if grant is None and token else 0.0
            except StoreError:
                refusal = Refusal(INTERNAL, "The token cannot be checked now; come again.")
                await http.refuse(refusal, status=503, headers={"retry-after": "5"})
                return None
            if grant is not None:
                return grant
            if wait_s:
                refusal = Refusal(UNAUTHORIZED, "Too many unknown tokens came from your address; wait.")
                await http.refuse(refusal, status=429, headers={"retry-after": str(math.ceil(wait_s))})
                return None
            await self._unauthorized(http, workspace, "Send a valid token as `Authorization: Bearer mwt_…`.")
        return None

    async def _strange(self, http: Http, token: str) -> float:
        """Count a token that opens nothing, unless it once did. How long its sender has to wait, in seconds."""
        if await self._authenticator.was_one(token):
            return 0.0
        client: tuple[str, int] | None = http.scope.get("client")  # behind trusted proxies, whom those name
        address = client[0] if client else ""
        could = self._strangers.may_try(address)
        wait_s = self._strangers.tried(address)
        if could and not self._strangers.may_try(address):
            _log.warning("unknown_tokens_slowed", address=address)
        return wait_s

    async def _unauthorized(self, http: Http, workspace: str, message: str) -> None:
        headers = {"www-authenticate": self._settings.www_authenticate(workspace)}
        await http.refuse(Refusal(UNAUTHORIZED, message), status=401, headers=headers)

    async def _serve(self, http: Http, grant: Grant, *, old: bool) -> None:
        last = http.path.rstrip("/").rpartition("/")[2]
        if http.method == "POST":
            if "application/json" not in http.headers.get("content-type", "").lower():
                raise Refusal(INVALID_REQUEST, "The content type must be application/json.", status=415)
            message = _with_trace(read_json(await http.body(self._settings.body_limit_bytes)), http)
            if old and last == "messages":
                await self._old.post(http, grant, message)
            elif is_modern(http, message, HANDSHAKE_VERSIONS):
                await self._modern.serve(http, grant, message)
            else:
                await self._handshake.post(http, grant, message)
        elif http.method == "GET" and old and last == "sse":
            await self._old.stream(http, grant, _base(http))
        elif http.method == "GET" and not old and http.headers.get("mcp-session-id"):
            await self._handshake.stream(http, grant)
        elif http.method == "DELETE" and http.headers.get("mcp-session-id"):
            await self._handshake.delete(http, grant)
        else:
            await http.answer(405, headers={"allow": "POST, GET, DELETE"})

    def _is_our_page(self, origin: str | None, host: str) -> bool:
        """Programs send no Origin; a page must be of this machine or of our public address."""
        if origin is None:
            return True
        page = urlsplit(origin)
        name = (page.hostname or "").lower()
        if page.netloc == host or (name and name == (urlsplit(self._settings.public_url).hostname or "").lower()):
            return True
        try:
            return ip_address(name).is_loopback
        except ValueError:
            return name == "localhost" or name.endswith(".localhost")


def _with_trace(message: Any, http: Http) -> Any:
    """The trace a client names in a header, where requests carry it anyway: in `_meta`, which wins."""
    params = as_object(as_object(message).get("params"))
    if "traceparent" not in http.headers or "method" not in as_object(message):
        return message
    meta = {"traceparent": http.headers["traceparent"], **as_object(params.get("_meta"))}
    return {**message, "params": {**params, "_meta": meta}}


class _Entrance:
    """One address of the door."""

    def __init__(self, door: Door, *, old: bool):
        self._door = door
        self._old = old

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._door.enter(Http(scope, receive, send), scope["path_params"]["slug"], old=self._old)


def _base(http: Http) -> str:
    root: str = http.scope.get("root_path", "")
    path = http.path.rstrip("/").rpartition("/")[0]
    return path if path.startswith(root) else root + path


def _token_in_query(query: bytes) -> bool:
    if not query:
        return False
    return any(
        name.lower() in _SECRET_KEYS or value.lower().startswith(_TOKEN_SIGNS)
        for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    )
