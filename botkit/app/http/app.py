"""The routes of one process."""

from __future__ import annotations

__all__ = ["HttpServices", "build_app"]

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from botkit.app.approval_mail import DECIDE_PATH
from botkit.app.http.connect import OPEN_PATHS
from botkit.app.http.guard import PageGuard
from botkit.app.http.hooks import HOOKS_PATH
from botkit.app.http.join import JOIN_PATH
from botkit.app.http.metrics import Metrics, set_rows, set_servers
from botkit.app.http.oauth import OAUTH_PATHS
from botkit.app.http.shared_files import FILES_PATH, FileLinks, files_endpoint
from botkit.app.http.webhooks import Adapters, AdapterSites, webhook_endpoint
from botkit.app.identity_desk import VERIFY_PATH
from botkit.app.names import WEBHOOK_PATH, WORKSPACE_PATHS
from botkit.core.console import ChannelInfo
from botkit.core.errors import BotkitError, StoreError
from botkit.gateway.catalog import ServerStatus

_OPEN = (
    "/healthz",
    "/readyz",
    "/metrics",
    FILES_PATH + "/",
    JOIN_PATH + "/",
    VERIFY_PATH + "/",
    DECIDE_PATH + "/",
    *OAUTH_PATHS,
    WEBHOOK_PATH,
    HOOKS_PATH + "/",
    *WORKSPACE_PATHS,
    *OPEN_PATHS,
)


_ANY = ["GET", "POST", "OPTIONS"]


@dataclass(frozen=True)
class HttpServices:
    """What the routes need."""

    channels: Adapters
    health: Callable[[], Sequence[ChannelInfo]]
    counts: Callable[[], Awaitable[dict[str, int]]]
    busy: Callable[[], dict[str, int]]
    ready: Callable[[], bool]
    """False before everything runs and once shutdown began."""
    metrics: Metrics = field(default_factory=Metrics)
    public_url: str = ""
    file_links: FileLinks | None = None
    """None: files are not given out."""
    read_file: Callable[[str], Awaitable[bytes]] | None = None
    page_token: str = ""
    """Empty: the page needs no login."""
    servers: Callable[[], Sequence[ServerStatus]] = tuple
    """How each tool server is."""
    workspaces: Sequence[BaseRoute] = ()
    """The doors of the workspaces, which check for themselves who comes in."""
    hooks: Callable[[Request], Awaitable[Response]] | None = None
    """Takes events of other systems."""


def build_app(services: HttpServices, page: Sequence[BaseRoute] = ()) -> Starlette:
    """Health, metrics, webhooks, and the page behind its guard."""

    async def healthz(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> Response:
        return await _ready(services)

    async def metrics(request: Request) -> Response:
        if not _may_read_metrics(request, services.page_token):
            return Response("send the page's access token as a bearer token", 401, media_type="text/plain")
        return await _metrics(services)

    receive: Any = webhook_endpoint(services.channels, services.public_url)
    routes: list[BaseRoute] = [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
        Route(WEBHOOK_PATH + "/{platform}/{channel}", receive, methods=["GET", "POST"]),
        Route(WEBHOOK_PATH + "/{platform}/{channel}/{path:path}", AdapterSites(services.channels), methods=_ANY),
        *services.workspaces,
        *page,
    ]
    if services.hooks is not None:
        routes.append(Route(HOOKS_PATH + "/{slug}", services.hooks, methods=["POST"]))
    if services.file_links is not None and services.read_file is not None:
        shared = files_endpoint(services.file_links, services.read_file)
        routes.append(Route(FILES_PATH + "/{ticket}/{name}", shared))
    guard = Middleware(PageGuard, token=services.page_token, public_url=services.public_url, open_paths=_OPEN)
    return Starlette(routes=routes, middleware=[guard], exception_handlers={BotkitError: _shown})


async def _ready(services: HttpServices) -> Response:
    """200 when events are taken and can be stored; channels that need a person are named, and do not count."""
    channels = {channel.name: channel.state for channel in services.health()}
    if not services.ready():
        return JSONResponse({"status": "starting or stopping", "channels": channels}, status_code=503)
    try:
        await services.counts()
    except StoreError as error:
        return JSONResponse({"status": error.code, "channels": channels}, status_code=503)
    return JSONResponse({"status": "ready", "channels": channels})


async def _metrics(services: HttpServices) -> Response:
    set_rows(services.metrics, await services.counts())
    set_servers(services.metrics, services.servers())
    for kind, number in services.busy().items():
        services.metrics.busy.labels(kind).set(number)
    for channel in services.health():
        services.metrics.channels.labels(channel.name, channel.platform).set(channel.state == "ok")
    return Response(services.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _may_read_metrics(request: Request, token: str) -> bool:
    if not token or request.headers.get("authorization", "") == f"Bearer {token}":
        return True
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _shown(request: Request, error: Exception) -> Response:
    """One map from errors to HTTP for everything that has none of its own."""
    assert isinstance(error, BotkitError)
    return JSONResponse(
        {"error": {"code": error.code, "message": str(error)}}, status_code=_STATUS.get(error.code, 500)
    )


_STATUS = {
    "not_found": 404,
    "conflict": 409,
    "denied": 403,
    "limit_reached": 413,
    "invalid_arguments": 422,
    "config": 422,
    "store_busy": 503,
    "store_full": 507,
}
