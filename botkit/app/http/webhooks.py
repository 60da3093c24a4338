"""`/api/bots/webhook/{platform}/{channel}`: platforms call, their adapter verifies, parses and accepts.

The body is capped before and after decompression, and handed over as it came: signatures are over bytes.
"""

from __future__ import annotations

__all__ = ["BODY_LIMIT_BYTES", "AdapterSites", "read_body", "webhook_endpoint"]

import zlib
from collections.abc import Callable
from typing import Any, Protocol

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from botkit.core.errors import BadSignature, BotkitError, LimitReached, StoreError
from botkit.sdk import Adapter, HttpRequest, ServesHttp

_log = structlog.get_logger("botkit.http")

BODY_LIMIT_BYTES = 10 * 1024 * 1024
_NOT_RUNNING = Response("this channel is not running", 503, media_type="text/plain")


class Adapters(Protocol):
    def adapter(self, channel: str) -> Adapter | None: ...

    def platform(self, channel: str) -> str | None:
        """None: there is no such channel."""
        ...


def webhook_endpoint(channels: Adapters, public_url: str) -> Callable[[Request], object]:
    """The route's handler. Answers 404 for unknown channels, 503 (come again) while a channel is not running
    or the event cannot be stored, 413 for too much, 401 for a signature that is not the platform's."""

    async def receive(request: Request) -> Response:
        platform, channel = request.path_params["platform"], request.path_params["channel"]
        if channels.platform(channel) != platform:
            return Response("no such channel", 404, media_type="text/plain")
        adapter = channels.adapter(channel)
        if adapter is None:
            return _NOT_RUNNING
        try:
            inbound = await _inbound(request, public_url)
            answer = await adapter.webhook(inbound)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:
            return _refuse(error, channel)
        headers = {**answer.headers, "content-type": answer.content_type}
        return Response(answer.body, answer.status, headers=headers)

    return receive


class AdapterSites:
    """What lies below a channel's address, for adapters that serve people's browsers (`ServesHttp`)."""

    def __init__(self, channels: Adapters):
        self._channels = channels

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        platform, channel = scope["path_params"]["platform"], scope["path_params"]["channel"]
        adapter = self._channels.adapter(channel) if self._channels.platform(channel) == platform else None
        if not isinstance(adapter, ServesHttp):
            exists = adapter is None and self._channels.platform(channel) == platform
            answer = _NOT_RUNNING if exists else Response("no such page", 404, media_type="text/plain")
            await answer(scope, receive, send)
            return
        begun = False

        async def tell(message: Any) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await adapter.serve(scope, receive, tell)
        except ClientDisconnect:
            return
        except Exception as error:
            answer = _refuse(error, channel)
            if not begun:
                await answer(scope, receive, send)


async def _inbound(request: Request, public_url: str) -> HttpRequest:
    body = await read_body(request)
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers.pop("content-encoding", None)
    path = request.url.path
    query = request.url.query
    return HttpRequest(
        method=request.method,
        path=path,
        headers=headers,
        query=dict(request.query_params),
        body=body,
        url=f"{public_url}{path}" + (f"?{query}" if query else ""),
    )


def _refuse(error: Exception, channel: str) -> Response:
    if isinstance(error, BadSignature):
        _log.warning("webhook_refused", channel=channel, reason=str(error))
        return Response("bad signature", 401, media_type="text/plain")
    if isinstance(error, LimitReached):
        return Response("too large", 413, media_type="text/plain")
    if isinstance(error, StoreError):
        # Not stored, so not acknowledged: the platform delivers it again.
        _log.error("webhook_not_stored", channel=channel, code=error.code, detail=str(error))
        return Response("try again", 503, media_type="text/plain", headers={"retry-after": "5"})
    if isinstance(error, BotkitError):
        _log.error("webhook_failed", channel=channel, code=error.code, detail=str(error))
        return Response("failed", 500, media_type="text/plain")
    _log.error("webhook_failed", channel=channel, exc_info=error)
    return Response("failed", 500, media_type="text/plain")


async def read_body(request: Request, limit_bytes: int = BODY_LIMIT_BYTES) -> bytes:
    """The body, decompressed when it says so. Raises `LimitReached` beyond the limit, before memory is spent."""
    too_large = LimitReached("the body is too large", limit="webhook_body", value=limit_bytes)
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit_bytes:
        raise too_large
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "deflate"):
        raise LimitReached(f"bodies encoded as {encoding!r} are not accepted", limit="webhook_encoding")
    inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32) if encoding in ("gzip", "deflate") else None
    body = bytearray()
    async for chunk in request.stream():
        try:
            body += inflate.decompress(chunk, limit_bytes + 1 - len(body)) if inflate else chunk
        except zlib.error as error:
            raise BadSignature(f"the body is not valid {encoding}") from error
        if len(body) > limit_bytes:
            raise too_large
    return bytes(body)
