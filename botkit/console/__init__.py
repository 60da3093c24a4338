"""The page at `/`: talk to a bot, watch what it does, decide what waits, look at past runs.

It knows the instance only through `ConsoleApi`. Who may open it is decided before a request gets here.
"""

from __future__ import annotations

__all__ = ["console_routes"]

from pathlib import Path

from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route

from botkit.console.assets import Assets
from botkit.console.endpoints import Endpoint, Endpoints, answering
from botkit.console.guard import Guard
from botkit.console.hub import Hub
from botkit.console.pages import Pages
from botkit.core.clock import Clock, SystemClock
from botkit.core.console import ConsoleApi


def console_routes(api: ConsoleApi, *, clock: Clock | None = None) -> list[BaseRoute]:
    """Every route of the page, ready for a Starlette application: `/`, `/runs`, `/assets` and `/api/sandbox`.

    Nothing has to be started or stopped: background work begins with the first open page and ends with the
    last, or when `ConsoleApi.watch` ends. Mount them where the root path is `/`.
    """
    clock = clock or SystemClock()
    hub = Hub(api, clock)
    ask = Endpoints(api, hub, clock)
    assets = Assets(Path(__file__).parent / "static")
    pages = Pages(api, assets)
    return [
        _route("GET", "/", pages.chat),
        _route("GET", "/runs", pages.runs),
        _route("GET", "/runs/{run_id}", pages.run),
        _route("GET", "/assets/{version}/{name}", assets.serve),
        _api("GET", "/overview", ask.overview),
        _api("GET", "/stream", ask.stream),
        _api("POST", "/messages", ask.send),
        _api("POST", "/files", ask.attach),
        _api("POST", "/presses", ask.press),
        _api("POST", "/stop", ask.stop),
        _api("GET", "/chats", ask.chats),
        _api("GET", "/chats/{room}", ask.chat),
        _api("GET", "/waits", ask.waits),
        _api("POST", "/decisions", ask.decide),
        _api("POST", "/resolutions", ask.resolve),
        _api("POST", "/answers", ask.answer),
        _api("GET", "/runs/{run_id}", ask.run),
        _api("POST", "/runs/{run_id}/cancel", ask.cancel),
    ]


def _api(method: str, path: str, endpoint: Endpoint) -> Route:
    return _route(method, f"/api/sandbox{path}", answering(endpoint))


def _route(method: str, path: str, endpoint: Endpoint) -> Route:
    return Route(path, endpoint, methods=[method], middleware=[Middleware(Guard)])
