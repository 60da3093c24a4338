"""What every answer of the page carries, and who may change things: headers, origin and body checks."""

from __future__ import annotations

__all__ = ["BODY_LIMIT_BYTES", "CONTENT_SECURITY_POLICY", "Guard", "error_response", "http_status", "read_json"]

from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from botkit.core.errors import (
    BotkitError,
    ConfigError,
    Conflict,
    Denied,
    LimitReached,
    NotFound,
    StoreBusy,
    StoreFull,
)

T = TypeVar("T")

BODY_LIMIT_BYTES = 512 * 1024
"""Of a JSON request: a message at its own limit, with every character escaped, still fits."""

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        # Text becomes elements through createElement and textContent only; the browser enforces that.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)

_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_STATUS: tuple[tuple[type[BotkitError], int], ...] = (
    (NotFound, 404),
    (Conflict, 409),
    (Denied, 403),
    (LimitReached, 413),
    (ConfigError, 422),
    (StoreBusy, 503),
    (StoreFull, 507),
)


class Guard:
    """ASGI middleware: refuses what another site sent, and puts the security headers on every answer.

    A browser says where a request came from in `Sec-Fetch-Site`, an older one in `Origin`. A client that
    sends neither is not a browser and has no session of somebody else to misuse.

    Source: https://www.w3.org/TR/fetch-metadata/
    """

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        if scope["type"] == "http" and not _same_origin(scope):
            refusal = error_response(403, "cross_site", "This request came from another site, so it was refused.")
            await refusal(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)


def _same_origin(scope: Scope) -> bool:
    """Whether our own page (or no browser at all) sent this.

    Links from elsewhere may open a page, so a `GET` is refused only below `/api/`.
    """
    headers = Headers(scope=scope)
    site = headers.get("sec-fetch-site")
    if scope["method"] in _SAFE_METHODS:
        return not (scope["path"].startswith("/api/") and site in ("cross-site", "same-site"))
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


async def read_json(request: Request, kind: type[T]) -> T | Response:
    """The body as a record, or the answer that refuses it: 415, 413 or 400."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        return error_response(415, "content_type", "Send JSON, with `Content-Type: application/json`.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            size = f"{BODY_LIMIT_BYTES // 1024} KiB"
            return error_response(413, "limit_reached", f"The request is larger than {size}; send less at once.")
    try:
        return msgspec.json.decode(bytes(body), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return error_response(400, "bad_request", f"The request does not fit: {error}.")


def http_status(error: BotkitError) -> int:
    """The status code that says what kind of error this is."""
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return status
    return 503 if error.retryable else 500


def error_response(status: int, code: str, message: str) -> Response:
    """`{"error": {"code", "message"}}`, as every endpoint of the page reports what went wrong."""
    body = msgspec.json.encode({"error": {"code": code, "message": message}})
    return Response(body, status_code=status, media_type="application/json")
