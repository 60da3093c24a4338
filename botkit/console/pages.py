"""The HTML of the page: a shell with the data of its first view; its own scripts do the rest."""

from __future__ import annotations

__all__ = ["Pages"]

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from botkit.console.assets import Assets
from botkit.console.endpoints import MESSAGE_LIMIT_BYTES
from botkit.console.guard import http_status
from botkit.core.clock import from_micros
from botkit.core.console import ConsoleApi
from botkit.core.errors import BotkitError

_PAGE_SIZE = 50
_STATES = ("running", "waiting", "completed", "failed", "cancelled", "limit_reached")


class Pages:
    def __init__(self, api: ConsoleApi, assets: Assets):
        self._api = api
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["asset"] = assets.url
        self._templates.filters["when"] = _when
        self._templates.filters["iso"] = _iso
        self._templates.filters["took"] = _took
        self._templates.filters["money"] = _money

    async def chat(self, request: Request) -> Response:
        return await self._page("chat.html", "chat", limit_bytes=MESSAGE_LIMIT_BYTES)

    async def runs(self, request: Request) -> Response:
        asked = request.query_params
        bot, before = asked.get("bot", ""), asked.get("before", "")
        state = asked.get("state", "") if asked.get("state") in _STATES else ""
        try:
            found = await self._api.runs(bot=bot, state=state, limit=_PAGE_SIZE + 1, before=before)
        except BotkitError as error:
            return await self._trouble(error)
        shown = found[:_PAGE_SIZE]
        older = shown[-1].run.id if len(found) > _PAGE_SIZE else ""
        chosen = {"bot": bot, "state": state, "before": before}
        return await self._page("runs.html", "runs", runs=shown, older=older, chosen=chosen, states=_STATES)

    async def run(self, request: Request) -> Response:
        try:
            view = await self._api.trace(request.path_params["run_id"])
        except BotkitError as error:
            return await self._trouble(error)
        return await self._page("run.html", "runs", run=view.trace.run.run, person=view.person)

    async def _trouble(self, error: BotkitError) -> Response:
        return await self._page("trouble.html", "runs", status=http_status(error), message=str(error))

    async def _page(self, name: str, section: str, *, status: int = 200, **values: Any) -> Response:
        try:
            overview = await self._api.overview()
        except BotkitError as error:
            html = self._templates.get_template("down.html").render(message=str(error))
            return HTMLResponse(html, status_code=http_status(error))
        # plain values, so that `tojson` can put them into the page
        island = msgspec.to_builtins(overview)
        template = self._templates.get_template(name)
        return HTMLResponse(template.render(overview=overview, island=island, section=section, **values), status)


def _moment(micros: int) -> datetime:
    return from_micros(micros).replace(microsecond=0)


def _iso(micros: int) -> str:
    return _moment(micros).isoformat()


def _when(micros: int) -> str:
    return f"{_moment(micros):%Y-%m-%d %H:%M:%S} UTC"


def _took(micros: int) -> str:
    seconds = micros / 1_000_000
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"


def _money(micros: int) -> str:
    dollars = micros / 1_000_000
    return "–" if not micros else f"${dollars:.4f}" if dollars < 1 else f"${dollars:,.2f}"
