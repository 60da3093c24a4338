"""What the HTTP app does with a webhook, for adapters that are tested without one."""

from __future__ import annotations

__all__ = ["received"]

from aiohttp import web

from botkit.core.errors import BadSignature, StoreError
from botkit.sdk.adapter import Adapter, HttpRequest


async def received(adapter: Adapter | None, request: web.Request) -> web.Response:
    """Hand a request to an adapter: 503 while nothing can be stored, 401 for a wrong signature or secret."""
    assert adapter is not None
    inbound = HttpRequest(
        method=request.method,
        path=request.path,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.read(),
    )
    try:
        answer = await adapter.webhook(inbound)
    except StoreError:
        return web.Response(status=503)
    except BadSignature:
        return web.Response(status=401)
    return web.Response(status=answer.status, body=answer.body)
