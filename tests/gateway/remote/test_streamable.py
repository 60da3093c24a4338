"""Streamable HTTP with servers that forget, break, stall and lie."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from botkit.core.errors import ToolUnavailable
from botkit.gateway.link import LinkHooks
from botkit.gateway.remote import peer as peers
from botkit.gateway.remote import streamable
from botkit.gateway.remote.endpoint import Endpoint
from botkit.gateway.remote.link import RemoteLink
from botkit.gateway.session import Session
from botkit.gateway.wire import NeverSent, RpcError, SpoiledAnswer
from botkit.testing.clock import ManualClock
from tests.gateway.remote.support import Answering, Handmade, Response, Seen, error, event, handmade, stream


class Rig:
    """Links to a handmade server, on a clock the test moves."""

    def __init__(self, server: Handmade):
        self.server = server
        self.clock = ManualClock()
        self.reports: list[str] = []
        self.down = asyncio.Event()
        self.links: list[RemoteLink] = []

    async def open(self, url: str = "", **fields: Any) -> Session:
        hooks = LinkHooks(self.clock, lambda _: None, self.reports.append, self.down.set)
        link = RemoteLink(Endpoint(url or self.server.url, **fields), hooks)
        self.links.append(link)
        return await link.open(None, 45)

    async def until_seen(self, method: str, count: int = 1) -> None:
        async with asyncio.timeout(45):
            while sum(one.method == method or one.rpc == method for one in self.server.seen) < count:
                await asyncio.sleep(0.005)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with handmade() as server:
        rig = Rig(server)
        yield rig
        for link in rig.links:
            await link.stop()


async def call(session: Session, tool: str = "echo", **arguments: Any) -> dict[str, Any]:
    return await session.call_tool(tool, arguments, {}).result(45)


async def test_the_handshake_era_carries_session_and_version(rig: Rig) -> None:
    session = await rig.open()
    assert (session.era, session.version) == ("handshake", "2025-11-25")
    await call(session)
    sent = rig.server.calls()[0].headers
    assert sent["mcp-session-id"] == "session-1"
    assert sent["mcp-protocol-version"] == "2025-11-25"
    assert "mcp-method" not in sent
    order = [one.rpc or one.method for one in rig.server.seen if one.method != "GET"]
    assert order == ["server/discover", "initialize", "notifications/initialized", "tools/call"]
    await rig.links[0].stop()
    assert rig.server.seen[-1].method == "DELETE"


async def test_the_modern_era_mirrors_names_and_marked_arguments(rig: Rig) -> None:
    rig.server.modern = True
    schema: dict[str, Any] = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}

    def schema_of(tool: str) -> dict[str, Any] | None:
        return schema if tool == "echo" else None

    session = await rig.open(schema_of=schema_of)
    assert session.era == "modern"
    await call(session, region="Zürich")
    sent = rig.server.calls()[0].headers
    assert (sent["mcp-protocol-version"], sent["mcp-method"], sent["mcp-name"]) == ("2026-07-28", "tools/call", "echo")
    assert sent["mcp-param-region"] == "=?base64?WsO8cmljaA==?="
    assert "mcp-session-id" not in sent


async def test_a_forgotten_session_is_opened_anew_and_the_call_arrives_once(rig: Rig) -> None:
    session = await rig.open()
    await call(session)
    rig.server.live.clear()
    results = await asyncio.gather(*(call(session) for _ in range(3)))
    assert len(results) == 3
    assert len(rig.server.calls("initialize")) == 2  # once for all three
    accepted = [one for one in rig.server.calls() if one.headers["mcp-session-id"] == "session-2"]
    assert len(accepted) == 3
    assert "forgot our session; it is opened anew" in rig.reports


async def test_a_call_whose_stream_broke_is_not_repeated(rig: Rig) -> None:
    session = await rig.open()
    rig.server.answers["tools/call"] = lambda _: stream(event({"jsonrpc": "2.0", "method": "notifications/message"}))
    with pytest.raises(ToolUnavailable, match="ended its answer") as caught:
        await call(session)
    assert not isinstance(caught.value, NeverSent)  # it may have had an effect
    assert len(rig.server.calls()) == 1


async def test_a_broken_stream_is_taken_up_where_it_stood(rig: Rig) -> None:
    session = await rig.open()
    await rig.until_seen("GET")
    rig.server.answers["tools/call"] = lambda _: stream(event("", id="e1", retry="2500"))
    final: dict[str, Any] = {"jsonrpc": "2.0", "id": 99, "result": {"content": []}}

    def resumed(seen: Seen) -> Response | None:
        return stream(event(final, id="e2")) if seen.headers.get("last-event-id") == "e1" else None

    rig.server.answers["GET"] = resumed
    exchange = session.call_tool("echo", {}, {})
    await rig.clock.sleeping()
    await rig.clock.advance(2.4)
    assert len([one for one in rig.server.seen if one.method == "GET"]) == 1
    await rig.clock.advance(0.2)
    assert await exchange.result(45) == {"content": []}
    assert len(rig.server.calls()) == 1


async def test_cancelling_says_so_in_the_handshake_era_and_hangs_up_in_the_modern_one(rig: Rig) -> None:
    forever = asyncio.Event()
    rig.server.answers["tools/call"] = lambda _: stream(event("", id="x"), then=forever)
    old = await rig.open()
    exchange = old.call_tool("echo", {}, {})
    await rig.until_seen("tools/call")
    exchange.abandon("enough")
    await rig.until_seen("notifications/cancelled")
    assert rig.server.calls("notifications/cancelled")[0].message["params"]["requestId"] == exchange.id
    rig.server.modern = True
    new = await rig.open()
    exchange = new.call_tool("echo", {}, {})
    await rig.until_seen("tools/call", 2)
    exchange.abandon("enough")
    await call_until_closed(rig)
    assert len(rig.server.calls("notifications/cancelled")) == 1
    forever.set()


async def call_until_closed(rig: Rig) -> None:
    """The task of the abandoned request is gone."""
    peer = rig.links[-1]._peer  # pyright: ignore[reportPrivateUsage]  # nothing outside shows it
    assert peer is not None
    async with asyncio.timeout(45):
        while peer._flights:  # pyright: ignore[reportPrivateUsage]  # nothing outside shows it
            await asyncio.sleep(0.005)


ODD: list[tuple[Answering, type[Exception], str]] = [
    (lambda _: Response(status_code=401), NeverSent, "refuses our credentials"),
    (lambda _: Response(status_code=404), NeverSent, "HTTP 404"),
    (lambda _: Response(status_code=429, headers={"Retry-After": "7"}), NeverSent, "asked too often"),
    (lambda _: Response(status_code=500), ToolUnavailable, "HTTP 500"),
    (lambda _: Response(status_code=302, headers={"Location": "http://10.0.0.1/"}), NeverSent, "not followed"),
    (lambda _: Response(status_code=202), RpcError, "instead of JSON"),
    (lambda _: Response("<html>", media_type="text/html"), RpcError, "text/html"),
    (lambda _: Response("{", media_type="application/json"), SpoiledAnswer, "is not JSON"),
    (lambda _: stream(event("{{{")), SpoiledAnswer, "is not JSON"),
    (lambda seen: error(seen, -32602, "no such tool", 400), RpcError, "no such tool"),
    (lambda _: Response('{"id":null,"error":{"code":-1,"message":"why"}}', 400), RpcError, "why"),
]


@pytest.mark.parametrize(("answer", "kind", "words"), ODD)
async def test_every_odd_answer_becomes_one_clear_error(
    rig: Rig, answer: Answering, kind: type[Exception], words: str
) -> None:
    rig.server.sessions = False
    session = await rig.open()
    rig.server.answers["tools/call"] = answer
    with pytest.raises(kind, match=words) as caught:
        await call(session)
    assert isinstance(caught.value, NeverSent) == (kind is NeverSent)
    assert len(rig.server.calls()) == 1
    del rig.server.answers["tools/call"]
    assert await call(session)


async def test_an_answer_beyond_the_limit_ends_only_its_call(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamable, "LIMIT_BYTES", 2000)
    session = await rig.open()
    big: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "result": {"content": [], "x": "y" * 5000}}
    rig.server.answers["tools/call"] = lambda _: stream(event(big))
    with pytest.raises(SpoiledAnswer, match="longer than 2000"):
        await call(session)
    rig.server.answers.clear()
    assert await call(session)


async def test_an_answer_with_a_strange_id_belongs_to_whoever_asked(rig: Rig) -> None:
    session = await rig.open()
    answer: dict[str, Any] = {"jsonrpc": "2.0", "id": "what?", "result": {"content": []}}
    rig.server.answers["tools/call"] = lambda _: stream(event(answer))
    assert await call(session) == {"content": []}


async def test_three_errors_in_a_row_give_the_server_up_and_one_good_answer_forgives(rig: Rig) -> None:
    session = await rig.open()
    rig.server.answers["tools/call"] = lambda _: Response(status_code=503)
    for _ in range(2):
        with pytest.raises(ToolUnavailable):
            await call(session)
    rig.server.answers.clear()
    await call(session)
    rig.server.answers["tools/call"] = lambda _: Response(status_code=503)
    for _ in range(3):
        assert not rig.down.is_set()
        with pytest.raises(ToolUnavailable):
            await call(session)
    assert rig.down.is_set()
    with pytest.raises(NeverSent, match="HTTP 503"):
        await call(session)


async def test_calls_that_get_no_sign_of_life_lead_to_a_question_and_then_to_giving_up(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "_PROBE_S", 0.05)
    session = await rig.open()
    stuck = asyncio.Event()

    async def silent(_: Seen) -> None:
        await stuck.wait()

    rig.server.answers["tools/call"] = rig.server.answers["ping"] = silent
    for number in range(3):
        assert not rig.down.is_set()
        exchange = session.call_tool("echo", {}, {})
        await rig.until_seen("tools/call", number + 1)
        await rig.clock.advance(6)
        exchange.abandon("too late")
    await asyncio.wait_for(rig.down.wait(), 45)
    stuck.set()


async def test_a_dead_server_is_told_at_once_and_nothing_was_sent(rig: Rig) -> None:
    session = await rig.open()
    async with handmade() as gone:
        pass
    with pytest.raises(ToolUnavailable, match="cannot be reached"):
        await rig.open(url=gone.url)
    assert await call(session)


async def test_the_stream_of_news_is_opened_again(rig: Rig) -> None:
    changed = asyncio.Event()
    notice = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
    streams = iter([stream(event(notice, id="n1")), stream(event(notice, id="n2"), then=asyncio.Event())])
    rig.server.answers["GET"] = lambda _: next(streams, None) or Response(status_code=405)
    session = await rig.open()
    session.on_tools_changed = changed.set
    await asyncio.wait_for(changed.wait(), 45)
    changed.clear()
    await rig.clock.sleeping()
    await rig.clock.advance(1.1)
    await asyncio.wait_for(changed.wait(), 45)
    gets = [one for one in rig.server.seen if one.method == "GET"]
    assert [one.headers.get("last-event-id") for one in gets] == [None, "n1"]


async def test_a_stream_that_ends_at_once_is_asked_for_ever_less_often(rig: Rig) -> None:
    rig.server.answers["GET"] = lambda _: stream(event("", id="x"))
    await rig.open()
    for number in range(1, 6):
        await rig.until_seen("GET", number)
        await rig.clock.sleeping()
        await rig.clock.advance(2 ** (number - 1) - 0.1)
        assert sum(one.method == "GET" for one in rig.server.seen) == number
        await rig.clock.advance(0.2)


async def test_a_server_of_the_first_generation_is_found_behind_a_refusal(rig: Rig) -> None:
    rig.server.answers["server/discover"] = rig.server.answers["initialize"] = lambda _: Response(status_code=405)
    with pytest.raises(ToolUnavailable, match="HTTP 405"):
        await rig.open()
    assert [one.method for one in rig.server.seen] == ["POST", "POST", "GET"]
