"""OAuth clients: their documents, their registrations, and the addresses they may be answered at."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from botkit.core.errors import InvalidArguments, ToolUnavailable
from botkit.gateway.access.oauth.clients import (
    ClientBook,
    ClientInfo,
    UnknownClient,
    fetch_document,
    redirects_to,
)
from botkit.gateway.keys import EnvironmentKeys
from botkit.gateway.serving.sealing import Sealer
from botkit.testing.clock import ManualClock

CLIENT = "https://client.example.com/id"
GOOD: dict[str, Any] = {"client_id": CLIENT, "client_name": "Desk", "redirect_uris": ["https://client.example.com/cb"]}


def a_book(document: Any, clock: ManualClock | None = None, asked: list[str] | None = None) -> ClientBook:
    async def fetch(url: str) -> bytes:
        if asked is not None:
            asked.append(url)
        if isinstance(document, Exception):
            raise document
        return document if isinstance(document, bytes) else json.dumps(document).encode()

    clock = clock or ManualClock()
    sealer = Sealer(EnvironmentKeys("22" * 32), lambda: clock.micros() / 1_000_000)
    return ClientBook(sealer, clock, fetch=fetch)


async def test_a_document_is_read_once_in_a_while() -> None:
    clock, asked = ManualClock(), list[str]()
    book = a_book(GOOD, clock, asked)
    client = await book.find(CLIENT)
    for _ in range(3):
        assert await book.find(CLIENT) == client
    assert (client.name, client.host) == ("Desk", "client.example.com")
    assert asked == [CLIENT]
    await clock.advance(600)
    await book.find(CLIENT)
    assert asked == [CLIENT, CLIENT]


@pytest.mark.parametrize(
    "document",
    [
        {**GOOD, "client_id": "https://other.example.com/id"},
        {**GOOD, "client_id": CLIENT + "/"},
        {**GOOD, "redirect_uris": []},
        {**GOOD, "redirect_uris": ["javascript:alert(1)"]},
        {**GOOD, "redirect_uris": ["http://client.example.com/cb"]},
        {**GOOD, "redirect_uris": "https://client.example.com/cb"},
        {**GOOD, "token_endpoint_auth_method": "client_secret_basic"},
        {"client_id": CLIENT},
        b"\xff\xfe",
        b"[]",
        b"<html>",
        ToolUnavailable("it cannot be read"),
    ],
    ids=str,
)
async def test_a_document_that_is_wrong_makes_no_client(document: Any) -> None:
    with pytest.raises(UnknownClient):
        await a_book(document).find(CLIENT)


@pytest.mark.parametrize(
    "client_id",
    ["", "desk", "http://client.example.com/id", "https://client.example.com", "https://client.example.com/",
     "https://user@client.example.com/id", "https://client.example.com/id#x", "https://[bad/id", "https://a b/id",
     "file:///etc/passwd", "reg.", "reg.a.b"],
)  # fmt: skip
async def test_what_is_no_address_of_a_document_is_not_even_fetched(client_id: str) -> None:
    asked: list[str] = []
    with pytest.raises(UnknownClient):
        await a_book(GOOD, asked=asked).find(client_id)
    assert asked == []


async def test_documents_are_not_fetched_from_private_networks() -> None:
    for url in ("https://127.0.0.1/id", "https://[::1]/id", "https://169.254.169.254/latest", "https://10.0.0.1/id"):
        with pytest.raises(ToolUnavailable):
            await fetch_document(url)


async def test_strangers_cannot_make_us_fetch_much_at_once() -> None:
    running, most, go_on = 0, 0, asyncio.Event()

    async def fetch(url: str) -> bytes:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await go_on.wait()
        running -= 1
        return json.dumps({**GOOD, "client_id": url}).encode()

    book = ClientBook(Sealer(EnvironmentKeys("22" * 32)), ManualClock(), fetch=fetch)
    finding = [asyncio.create_task(book.find(f"{CLIENT}/{number}")) for number in range(20)]
    while most < 4:
        await asyncio.sleep(0)
    go_on.set()
    assert len(await asyncio.gather(*finding)) == 20
    assert most == 4


async def test_a_registration_is_the_clients_id_and_cannot_be_changed() -> None:
    book = a_book(GOOD)
    made = book.register(json.dumps({"client_name": "Desk\u202e", "redirect_uris": ["cursor://cb"]}).encode())
    client = await book.find(made["client_id"])
    assert (client.name, client.redirect_uris, client.host) == ("Desk", ("cursor://cb",), "")
    assert client.id == made["client_id"]
    text = made["client_id"]
    for forged in (text[:-1], text[:-2] + ("AA" if text[-2:] != "AA" else "BB"), text + "x", text.replace("reg.", "")):
        with pytest.raises(UnknownClient):
            await book.find(forged)
    with pytest.raises(UnknownClient):
        await ClientBook(Sealer(EnvironmentKeys("33" * 32)), ManualClock()).find(text)
    with pytest.raises(InvalidArguments):
        book.register(b"{}")


@pytest.mark.parametrize(
    ("named", "wanted", "fits"),
    [
        ("https://a.example/cb", "https://a.example/cb", True),
        ("https://a.example/cb", "https://a.example/cb/", False),
        ("https://a.example/cb", "https://a.example:8443/cb", False),
        ("https://a.example/cb", "https://a.example/cb?x=1", False),
        ("https://a.example/cb", "http://a.example/cb", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:50123/cb", True),
        ("http://127.0.0.1:1/cb", "http://127.0.0.1:2/cb", True),
        ("http://[::1]/cb", "http://[::1]:50123/cb", True),
        ("http://localhost/cb", "http://localhost:50123/cb", True),
        ("http://localhost/cb", "http://127.0.0.1:50123/cb", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:1/other", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:1@evil.example/cb", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:99999/cb", False),
        ("cursor://cb", "cursor://cb", True),
        ("cursor://cb", "cursor://other", False),
    ],
)
def test_an_answer_goes_where_the_client_said_and_nowhere_else(named: str, wanted: str, fits: bool) -> None:
    client = ClientInfo(id=CLIENT, name="Desk", redirect_uris=(named,))
    assert redirects_to(client, wanted) is fits
