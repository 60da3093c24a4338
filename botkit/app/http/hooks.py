"""`POST /api/webhooks/{slug}`: an event of another system begins a run of a workflow.

200 {"ok": true, "run_id": "run_…"}      begun; with "duplicate": true it was begun before
200 {"ok": true, "skipped": true}        an event type nobody asked for
401 {"ok": false, "error": {…}}          not signed by the sender; nothing was stored
"""

from __future__ import annotations

__all__ = ["HOOKS_PATH", "hooks_endpoint"]

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from botkit.app.http.webhooks import read_body
from botkit.core.clock import Clock
from botkit.core.errors import BadSignature, LimitReached, SecretError, StoreError
from botkit.core.events import Event
from botkit.engine.workflow_runs import service_event
from botkit.webhooks.incoming import BadPayload, Incoming, admits, parse_incoming
from botkit.webhooks.signatures import verify_signature

if TYPE_CHECKING:
    from botkit.core.config import Config
    from botkit.core.config.models import Webhook

_log = structlog.get_logger("botkit.http")

HOOKS_PATH = "/api/webhooks"


def hooks_endpoint(
    config: Callable[[], Config],
    secret: Callable[[str], Awaitable[str]],
    begin: Callable[[Event], Awaitable[tuple[str, bool]]],
    clock: Clock,
) -> Callable[[Request], Awaitable[Response]]:
    """The route's handler.

    Args:
        secret: a live secret of the instance, by name.
        begin: stores what begins a run; (run id, whether it is new).
    """

    async def receive(request: Request) -> Response:
        slug = request.path_params["slug"]
        hook = config().webhooks.get(slug)
        if hook is None or not hook.enabled:
            return _error(404, "not_found", "no such webhook")
        try:
            incoming = await _verified(request, hook, secret, clock)
        except BadSignature as error:
            _log.warning("webhook_refused", webhook=slug, reason=str(error))
            return _error(401, error.code, str(error))
        except BadPayload as error:
            return _error(400, error.code, str(error))
        except LimitReached as error:
            return _error(413, error.code, str(error))
        except SecretError as error:
            _log.error("webhook_secret_missing", webhook=slug, detail=str(error))
            return _error(503, error.code, "the signing secret of this webhook is not stored yet")
        except ClientDisconnect:
            return Response(status_code=400)
        if not admits(hook.events, incoming.type):
            return JSONResponse({"ok": True, "skipped": True, "event": incoming.type})
        trigger: dict[str, Any] = {
            "workflow": hook.workflow or f"@webhook:{slug}",
            "event": incoming.type,
            "delivery": incoming.delivery,
            "body": incoming.body,
            "headers": incoming.headers,
        }
        try:
            run_id, new = await begin(service_event("webhook", slug, incoming.delivery, trigger, clock.now()))
        except StoreError as error:
            return _error(503, error.code, "the event could not be stored; send it again")
        return JSONResponse({"ok": True, "run_id": run_id, **({} if new else {"duplicate": True})})

    return receive


async def _verified(request: Request, hook: Webhook, secret: Callable[[str], Awaitable[str]], clock: Clock) -> Incoming:
    body = await read_body(request)
    headers = {name.lower(): value for name, value in request.headers.items()}
    if hook.signing_secret is not None:
        key = await secret(hook.signing_secret.secret)
        verify_signature(hook.source, key, headers, body, clock.now().timestamp())
    return parse_incoming(hook.source, headers, body)


def _error(status: int, code: str, message: str) -> Response:
    told: dict[str, Any] = {"ok": False, "error": {"code": code, "message": message}}
    return JSONResponse(told, status)
