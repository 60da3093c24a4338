"""Remote servers built with the official SDK, each in a process of its own, in both eras and both transports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from botkit.core.clock import SystemClock
from botkit.core.tools import NeedsInput, Progress, Result
from botkit.gateway.link import LinkHooks
from botkit.gateway.remote.endpoint import Endpoint
from botkit.gateway.remote.link import RemoteLink
from botkit.gateway.remote.sse import SsePeer
from botkit.gateway.session import Era, Session
from botkit.gateway.settings import RemoteSettings
from botkit.gateway.wire import Answer, Inbound, Notice
from tests.gateway.remote.support import sdk_server
from tests.gateway.support import Bench, text_of

CASES = [("http", "handshake"), ("http", "modern"), ("json", "modern"), ("stateless", "modern"), ("sse", "handshake")]


@pytest.fixture(params=CASES, ids="-".join)
async def session(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Session]:
    kind, era = request.param
    async with sdk_server(kind, tmp_path / "effects") as base:
        reports: list[str] = []
        hooks = LinkHooks(SystemClock(), lambda _: None, reports.append, lambda: None)
        path = "/sse" if kind == "sse" else "/mcp"
        link = RemoteLink(Endpoint(base + path, transport="sse" if kind == "sse" else "streamable-http"), hooks)
        try:
            wanted: Era = era
            opened = await link.open(wanted, 45)
            assert opened.era == era
            yield opened
        finally:
            await link.stop()
        assert set(reports) <= {"answered after the call had been given up; the answer was dropped"}


async def test_everything_works_over_http(session: Session, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    kind: str = request.node.callspec.params["session"][0]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType, reportAttributeAccessIssue]  # pytest's own
    tools = await session.list_tools(10)
    assert [tool["name"] for tool in tools] == ["echo", "count", "order", "slow", "grow"]

    answer = await session.call_tool("echo", {"text": "hi"}, {"io.botkit/idempotency-key": "k"}).result(45)
    assert answer["structuredContent"] == {"text": "hi", "meta": {"io.botkit/idempotency-key": "k"}}

    if kind != "json":  # an answer that is one piece of JSON has no room for news
        exchange = session.call_tool("count", {}, {})
        events = [await exchange.next() for _ in range(4)]
        assert [one.params["message"] for one in events if isinstance(one, Notice)] == ["step 1", "step 2", "step 3"]
        assert isinstance(events[-1], Answer)

    if kind != "json":  # before it answers, the SDK does not look whether anybody still waits
        slow = session.call_tool("slow", {}, {})
        await session.call_tool("echo", {"text": "slow has begun"}, {}).result(45)
        slow.abandon("test")
        async with asyncio.timeout(45):
            while not (tmp_path / "effects").exists():
                await session.call_tool("echo", {"text": "turn"}, {}).result(45)
        assert (tmp_path / "effects").read_text() == "cancelled"

    changed = asyncio.Event()
    session.on_tools_changed = changed.set
    session.listen()
    if kind != "stateless":
        async with asyncio.timeout(45):
            while not changed.is_set():  # the stream of news may open a moment after the first call
                await session.call_tool("grow", {}, {}).result(45)
                await asyncio.sleep(0.01)
        assert "grown" in [tool["name"] for tool in await session.list_tools(10)]


async def test_two_calls_are_asked_at_once_and_each_gets_its_own_answer(session: Session) -> None:
    """On a stream of its own it is clear which call asks, unlike over standard input and output."""
    if session.era != "handshake" or isinstance(session.peer, SsePeer):
        pytest.skip("the modern era asks in its results, and the old transport has one stream for everything")
    calls = [session.call_tool("order", {}, {}) for _ in range(2)]
    for turn in ("size", "colour"):
        for number, call in enumerate(calls):
            asked = await call.next()
            assert isinstance(asked, Inbound)
            asked.respond({"action": "accept", "content": {turn: f"{turn}-{number}"}})
    results = [await call.result(45) for call in calls]
    assert [one["structuredContent"]["result"] for one in results] == ["size-0 colour-0", "size-1 colour-1"]


@pytest.mark.parametrize("kind", ["http", "sse"])
async def test_the_gateway_finds_out_era_and_transport_by_itself(bench: Bench, kind: str) -> None:
    async with sdk_server(kind, bench.effects) as base:
        await bench.start(RemoteSettings(name="far", url=f"{base}/{'sse' if kind == 'sse' else 'mcp'}"))
        assert bench.gateway.status()[0].error == ""
        assert await bench.names() == ["far__echo", "far__count", "far__order", "far__slow", "far__grow"]
        *progress, last = await bench.events("far__count")
        assert [one.message for one in progress if isinstance(one, Progress)] == ["step 1", "step 2", "step 3"]
        assert isinstance(last, Result)
        size = await bench.call("far__order")
        assert isinstance(size, NeedsInput)
        colour = await bench.call("far__order", state=size.state, answers={"size": "L"})
        assert isinstance(colour, NeedsInput)
        result = await bench.call("far__order", state=colour.state, answers={"colour": "red"})
        assert text_of(result) == "L red"
        await bench.gateway.stop()
