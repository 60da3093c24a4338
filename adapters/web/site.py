"""What browsers ask of a web channel, below `/api/bots/webhook/web/{channel}/`.

    GET  widget.js, assets/{version}/{name}     the widget; public
    POST session   {"token", "identity", "begin"} → {"config", "visitor", "token", "until", …}
    POST send      what a visitor does (`parsing`) → {"id", "new"}; durable when it is answered
    POST events    Last-Event-ID → a stream of frames
    POST upload    a file, its name in `X-File-Name` → {"file": ticket, "name", "size"}
    GET  file/{ticket}                          a file of a visitor's own conversation

Everything by POST comes with an Origin, which must be one of `allowed_origins`; who asks is told by a ticket in the
Authorization header. There are no cookies, so a browser never does anything on behalf of somebody by itself.

Source: https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

__all__ = ["Site"]

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol, cast
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from adapters.web.assets import LOADER, Assets
from adapters.web.limits import network_of
from adapters.web.tickets import FileTicket, Visitor
from botkit.sdk import BadSignature, LimitReached, NotFound, RateLimited

BODY_LIMIT_BYTES = 128 * 1024
_NAME_CHARS = 200
_MIME = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,60}")
_SHOWN = ("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf")
_CORS = {
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "authorization, content-type, last-event-id, x-file-name",
    "access-control-max-age": "7200",
}
_COMMON = {"cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
_FILE = {
    **_COMMON,
    "cache-control": "private, max-age=3600",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "cross-origin",
}


class Desk(Protocol):
    """What the routes need of the channel."""

    @property
    def origins(self) -> frozenset[str]: ...

    @property
    def upload_limit_bytes(self) -> int: ...

    def limit(self, what: str, who: str) -> None: ...

    def session(self, asked: Mapping[str, Any], network: str) -> dict[str, Any]: ...

    def visitor(self, token: str) -> Visitor: ...

    async def take(self, visitor: Visitor, payload: Mapping[str, Any]) -> dict[str, Any]: ...

    def events(self, visitor: Visitor, network: str, after: int) -> AsyncIterator[bytes]: ...

    async def upload(self, visitor: Visitor, data: AsyncIterator[bytes], name: str, mime: str) -> dict[str, Any]: ...

    async def download(self, ticket: str) -> tuple[FileTicket, bytes]: ...


class Site:
    """The ASGI application of one channel."""

    def __init__(self, desk: Desk):
        self._desk = desk
        self._assets = Assets()
        self._posts: dict[str, Callable[[Request, str], Awaitable[Response]]] = {
            "session": self._session,
            "send": self._send,
            "events": self._events,
            "upload": self._upload,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises `StoreError`: nothing was stored, come again."""
        request = Request(scope, receive)
        response = await self._answer(request, str(scope["path_params"]["path"]))
        await response(scope, receive, send)

    async def _answer(self, request: Request, path: str) -> Response:
        first, _, rest = path.partition("/")
        if request.method in ("GET", "HEAD"):
            if path == LOADER:
                return self._assets.loader()
            if first == "assets":
                version, _, name = rest.partition("/")
                return self._assets.serve(version, name)
            if first == "file" and rest:
                return await self._file(rest)
            return PlainTextResponse("no such page", 404, headers=_COMMON)
        origin = request.headers.get("origin", "").lower()
        if origin not in self._desk.origins:
            return _refused(403, "origin", "this site may not embed the chat: see allowed_origins in bots.yaml")
        cors = {"access-control-allow-origin": origin, "vary": "origin"}
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={**_CORS, **cors})
        handle = self._posts.get(path)
        if handle is None:
            return _refused(404, "not_found", "no such page", cors)
        return await self._guarded(handle, request, cors)

    async def _guarded(
        self, handle: Callable[[Request, str], Awaitable[Response]], request: Request, cors: Mapping[str, str]
    ) -> Response:
        network = network_of(request.client.host if request.client else "")
        try:
            self._desk.limit("request", network)
            response = await handle(request, network)
        except RateLimited as error:
            wait = str(max(1, round((error.retry_after_s or 1.0) + 0.5)))
            return _refused(429, "rate_limited", "too many requests", {**cors, "retry-after": wait})
        except BadSignature as error:
            code = "ended" if error.facts.get("ended") else "signature"
            return _refused(401, code, str(error), cors)
        except LimitReached as error:
            return _refused(413, "too_large", str(error), cors)
        response.headers.update(cors)
        return response

    async def _session(self, request: Request, network: str) -> Response:
        return JSONResponse(self._desk.session(await _json(request), network), headers=_COMMON)

    async def _send(self, request: Request, network: str) -> Response:
        visitor = self._who(request)
        self._desk.limit("message", network)
        payload = await _json(request)
        try:
            return JSONResponse(await self._desk.take(visitor, payload), headers=_COMMON)
        except ValueError as error:
            return _refused(422, "invalid", str(error))

    async def _events(self, request: Request, network: str) -> Response:
        visitor = self._who(request)
        last = request.headers.get("last-event-id", "")
        after = int(last) if last.isascii() and last.isdecimal() and len(last) < 19 else 0
        stream = self._desk.events(visitor, network, after)
        first = await anext(stream)  # a refusal is told as one
        headers = {**_COMMON, "cache-control": "no-store, no-transform", "x-accel-buffering": "no"}
        return StreamingResponse(_chain(first, stream), headers=headers, media_type="text/event-stream")

    async def _upload(self, request: Request, network: str) -> Response:
        visitor = self._who(request)
        limit = self._desk.upload_limit_bytes
        declared = request.headers.get("content-length", "")
        if not limit or (declared.isdecimal() and int(declared[:18]) > limit):
            raise LimitReached(f"files have at most {limit} bytes here", limit="upload", value=limit)
        raw = unquote(request.headers.get("x-file-name", ""), errors="replace")
        name = "".join(c for c in raw.replace("\\", "/").rpartition("/")[2] if c.isprintable())[-_NAME_CHARS:]
        mime = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        kept = await self._desk.upload(
            visitor, request.stream(), name or "file", mime if _MIME.fullmatch(mime) else "application/octet-stream"
        )
        return JSONResponse(kept, headers=_COMMON)

    async def _file(self, ticket: str) -> Response:
        try:
            file, data = await self._desk.download(ticket)
        except (BadSignature, NotFound):
            return PlainTextResponse("no such file", 404, headers=_COMMON)
        shown = file.mime in _SHOWN
        name = re.sub(r"[^A-Za-z0-9._-]", "_", file.name)[-80:] or "file"
        disposition = f'{"inline" if shown else "attachment"}; filename="{name}"'
        kind = file.mime if shown else "application/octet-stream"
        return Response(data, headers={**_FILE, "content-disposition": disposition}, media_type=kind)

    def _who(self, request: Request) -> Visitor:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise BadSignature("send the visitor's ticket as a bearer token")
        return self._desk.visitor(token.strip())


async def _chain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        yield first
        async for chunk in rest:
            yield chunk
    finally:
        await cast("Any", rest).aclose()


async def _json(request: Request) -> dict[str, Any]:
    """Raises `LimitReached`; anything that is no object is an empty one, which no route takes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            raise LimitReached(f"a request has at most {BODY_LIMIT_BYTES // 1024} KiB", limit="web_body")
    try:
        payload: object = json.loads(bytes(body) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", payload) if isinstance(payload, dict) else {}


def _refused(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    body = {"error": {"code": code, "message": message}}
    return JSONResponse(body, status_code=status, headers={**_COMMON, **(headers or {})})
