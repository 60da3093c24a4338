"""What several test files of the page need."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from starlette.applications import Starlette

from botkit.console import console_routes
from botkit.core.clock import Clock
from tests.console.fake import FakeConsole

ORIGIN = "http://botkit.test"


def app_of(fake: FakeConsole, clock: Clock | None = None) -> Starlette:
    return Starlette(routes=console_routes(fake, clock=clock))


def client_of(fake: FakeConsole, clock: Clock | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app_of(fake, clock)), base_url=ORIGIN)


def message(text: str = "Where is my order?", **changes: Any) -> dict[str, Any]:
    return {"room": "r1", "bot": "concierge", "person": "ada", "text": text, "message_id": "m1", **changes}


async def settled(fake: FakeConsole, room: str = "r1") -> None:
    """Let the script of a room run until nothing of it can go on."""
    for _ in range(200):
        await asyncio.sleep(0)
