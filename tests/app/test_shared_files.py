"""Addresses of files for platforms that fetch what they deliver."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from botkit.app.http.shared_files import FILES_PATH, FileLinks, files_endpoint
from botkit.core.errors import NotFound
from botkit.core.events import Attachment
from botkit.gateway.keys import MasterKey
from botkit.testing.clock import ManualClock

OLD, NEW = MasterKey.of(b"o" * 32), MasterKey.of(b"n" * 32)
PICTURE = Attachment(kind="image", name="a b/c.png", mime="image/png", file_id="f1")
FILES = {"f1": b"png", "f2": b"<script>"}


async def read(file_id: str) -> bytes:
    if file_id not in FILES:
        raise NotFound("gone")
    return FILES[file_id]


def client(links: FileLinks, reader: Callable[[str], Awaitable[bytes]] = read) -> httpx.AsyncClient:
    app = Starlette(routes=[Route(FILES_PATH + "/{ticket}/{name}", files_endpoint(links, reader))])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://bots.example")


def links(clock: ManualClock, *keys: MasterKey) -> FileLinks:
    return FileLinks(lambda: keys or (OLD,), "https://bots.example", clock)


async def test_an_address_gives_the_file_for_an_hour() -> None:
    clock = ManualClock()
    made = links(clock)
    url = made.make(PICTURE)
    assert url.startswith("https://bots.example/files/")
    async with client(made) as http:
        answer = await http.get(url)
        assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"png", "image/png")
        await clock.advance(3599)
        assert (await http.get(url)).status_code == 200
        await clock.advance(2)
        assert (await http.get(url)).status_code == 404


async def test_what_is_not_a_picture_or_sound_is_a_download() -> None:
    made = links(ManualClock())
    async with client(made) as http:
        answer = await http.get(made.make(Attachment(kind="file", name="x.html", mime="text/html", file_id="f2")))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_changed_or_invented_ticket_gives_nothing() -> None:
    made = links(ManualClock())
    parts = urlsplit(made.make(PICTURE)).path.split("/")
    async with client(made) as http:
        for ticket in (parts[2][:-3] + "AAA", "A" * 60, "%20", "é", parts[2][1:]):
            assert (await http.get(f"/files/{ticket}/{parts[3]}")).status_code == 404
        foreign = links(ManualClock(), NEW).make(PICTURE)
        assert (await http.get(foreign)).status_code == 404


async def test_a_rotated_key_does_not_break_an_address_under_way() -> None:
    clock = ManualClock()
    url = links(clock, OLD).make(PICTURE)
    async with client(links(clock, NEW, OLD)) as http:
        assert (await http.get(url)).status_code == 200


def test_without_a_public_address_there_is_none() -> None:
    with pytest.raises(NotFound, match="BOTKIT_PUBLIC_URL"):
        FileLinks(lambda: (OLD,), "", ManualClock()).make(PICTURE)
