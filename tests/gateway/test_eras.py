"""Both protocol eras, against a server built with the official SDK."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from botkit.core.errors import ToolUnavailable
from botkit.core.tools import NeedsInput, Progress, Result
from botkit.gateway import session as sessions
from botkit.gateway.process import Command, spawn
from botkit.gateway.session import Era, Session, open_session
from botkit.gateway.wire import Answer, Inbound, Notice, Peer
from tests.gateway.support import SERVERS, Bench, text_of


@pytest.fixture(params=["handshake", "modern"])
async def session(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Session]:
    """A session with the SDK's server in one era; the server itself speaks both."""
    era: Era = request.param
    command = Command(argv=(sys.executable, str(SERVERS / "sdk.py")), env={"EFFECTS": str(tmp_path / "effects")})
    process = await spawn(command)
    peer = Peer(process.write)
    process.listen(peer.feed)
    opened = await open_session(peer, era=era)
    assert opened.era == era
    yield opened
    await process.stop()


async def test_everything_works_in_both_eras(session: Session, tmp_path: Path) -> None:
    """One process for all of it: starting the SDK takes longer than the rest."""
    tools = await session.list_tools(45)
    assert [tool["name"] for tool in tools] == ["echo", "count", "order", "slow", "grow"]

    answer = await session.call_tool("echo", {"text": "hi"}, {"io.botkit/idempotency-key": "k"}).result(45)
    assert answer["structuredContent"] == {"text": "hi", "meta": {"io.botkit/idempotency-key": "k"}}

    exchange = session.call_tool("count", {}, {})
    events = [await exchange.next() for _ in range(4)]
    assert [event.params["message"] for event in events if isinstance(event, Notice)] == ["step 1", "step 2", "step 3"]
    assert isinstance(events[-1], Answer)

    slow = session.call_tool("slow", {}, {})
    await session.call_tool("echo", {"text": "slow has begun"}, {}).result(45)
    slow.abandon("test")
    effects = tmp_path / "effects"
    while not effects.exists() or effects.read_text() != "cancelled":  # the test's own time limit ends it
        await session.call_tool("echo", {"text": "turn"}, {}).result(45)

    changed = asyncio.Event()
    session.on_tools_changed = changed.set
    session.listen()
    await session.call_tool("grow", {}, {}).result(45)
    await asyncio.wait_for(changed.wait(), 45)
    assert "grown" in [tool["name"] for tool in await session.list_tools(45)]

    if session.era == "handshake":
        exchange = session.call_tool("order", {}, {})
        for value in ({"size": "L"}, {"colour": "red"}):
            asked = await exchange.next()
            assert isinstance(asked, Inbound)
            asked.respond({"action": "accept", "content": value})
        assert (await exchange.result(45))["structuredContent"] == {"result": "L red"}


async def test_modern_questions_come_one_at_a_time_through_the_gateway(bench: Bench) -> None:
    await bench.start(bench.raw(name="sdk", file="sdk.py"))
    size = await bench.call("sdk__order")
    assert isinstance(size, NeedsInput)
    assert size.message == "Which size?"
    await bench.forget_parked_calls()  # nothing is kept here: the state carries it all
    colour = await bench.call("sdk__order", state=size.state, answers={"size": "L"})
    assert isinstance(colour, NeedsInput)
    assert colour.message == "Which colour?"
    result = await bench.call("sdk__order", state=colour.state, answers={"colour": "red"})
    assert text_of(result) == "L red"

    *progress, last = await bench.events("sdk__count")
    assert [event.message for event in progress if isinstance(event, Progress)] == ["step 1", "step 2", "step 3"]
    assert isinstance(last, Result)
    assert bench.gateway.status()[0].state == "ready"


class FakeServer:
    """Answers requests from a table: method → result, error code, or nothing."""

    def __init__(self, **answers: Any):
        self.answers = answers
        self.seen: list[dict[str, Any]] = []
        self.peer = Peer(self.receive)

    def receive(self, raw: bytes) -> None:
        message = msgspec.json.decode(raw)
        self.seen.append(message)
        answer = self.answers.get(message["method"].replace("/", "_"))
        if answer is None or "id" not in message:
            return
        body = {"error": {"code": answer, "message": "no"}} if isinstance(answer, int) else {"result": answer}
        self.peer.feed(msgspec.json.encode({"jsonrpc": "2.0", "id": message["id"], **body}) + b"\n")


HELLO: dict[str, Any] = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}}
DISCOVERED: dict[str, Any] = {
    "supportedVersions": ["2026-07-28"],
    "capabilities": {"tools": {}},
    "resultType": "complete",
}


@pytest.mark.parametrize(
    ("answers", "era", "version"),
    [
        ({"server_discover": DISCOVERED}, "modern", "2026-07-28"),
        ({"server_discover": -32601, "initialize": HELLO}, "handshake", "2025-11-25"),
        (
            {"server_discover": -32602, "initialize": {**HELLO, "protocolVersion": "2024-11-05"}},
            "handshake",
            "2024-11-05",
        ),
        ({"server_discover": {"supportedVersions": ["2025-11-25"]}, "initialize": HELLO}, "handshake", "2025-11-25"),
        ({"server_discover": {"nonsense": 1}, "initialize": HELLO}, "handshake", "2025-11-25"),
    ],
)
async def test_the_era_is_found_out(answers: dict[str, Any], era: str, version: str) -> None:
    session = await open_session(FakeServer(**answers).peer, timeout_s=45)
    assert (session.era, session.version) == (era, version)


async def test_a_server_silent_to_the_modern_question_is_asked_the_old_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_PROBE_TIMEOUT_S", 0.01)
    server = FakeServer(initialize=HELLO)
    assert (await open_session(server.peer, timeout_s=45)).era == "handshake"
    methods = [message["method"] for message in server.seen]
    assert methods == ["server/discover", "initialize", "notifications/initialized"]  # and no cancellation


async def test_a_slow_starter_already_in_the_modern_era_is_asked_again() -> None:
    server = FakeServer(server_discover=-32601, initialize=-32022)
    del server.answers["server_discover"]
    server.answers["initialize"] = -32022

    def receive(raw: bytes) -> None:
        if b"initialize" in raw:
            server.answers["server_discover"] = DISCOVERED
        FakeServer.receive(server, raw)

    server.peer = Peer(receive)
    assert (await open_session(server.peer, era="handshake", timeout_s=45)).era == "modern"


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"server_discover": -32601, "initialize": -32603}, "refused the connection"),
        ({"server_discover": -32601, "initialize": {"protocolVersion": "1999-01-01"}}, "not known here"),
        ({"server_discover": -32601}, "Is it an MCP server"),
    ],
)
async def test_what_cannot_be_spoken_with_is_unavailable(answers: dict[str, Any], reason: str) -> None:
    with pytest.raises(ToolUnavailable, match=reason):
        await open_session(FakeServer(**answers).peer, timeout_s=1)


async def test_every_modern_request_carries_version_and_capabilities() -> None:
    server = FakeServer(server_discover=DISCOVERED, tools_list={"tools": []})
    session = await open_session(server.peer, timeout_s=45)
    await session.list_tools(45)
    for message in server.seen:
        meta = message["params"]["_meta"]
        assert meta["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
        assert "elicitation" in meta["io.modelcontextprotocol/clientCapabilities"]


def test_our_constants_are_the_sdks() -> None:
    """The vocabulary is written down here, so that the SDK need not be imported to call a tool."""
    import mcp_types
    import mcp_types.version as versions

    assert versions.HANDSHAKE_PROTOCOL_VERSIONS == sessions.HANDSHAKE_VERSIONS
    assert versions.LATEST_MODERN_VERSION == sessions.MODERN_VERSION
    assert mcp_types.UNSUPPORTED_PROTOCOL_VERSION == sessions.UNSUPPORTED_VERSION
