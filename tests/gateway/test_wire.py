"""JSON-RPC over lines: whatever way the bytes come, and whatever they hold."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.core.errors import ToolUnavailable
from botkit.gateway.wire import Answer, Failure, Inbound, Notice, Peer, RpcError


class Line:
    """A peer whose writes are kept."""

    def __init__(self, **fields: Any):
        self.sent: list[dict[str, Any]] = []
        self.reports: list[str] = []
        self.peer = Peer(
            lambda raw: self.sent.append(msgspec.json.decode(raw)), on_report=self.reports.append, **fields
        )

    def receive(self, message: Any) -> None:
        self.peer.feed((message if isinstance(message, bytes) else msgspec.json.encode(message)) + b"\n")


async def test_a_request_carries_its_progress_token_and_gets_its_answer() -> None:
    line = Line()
    exchange = line.peer.start("tools/call", {"name": "x"}, meta={"a": 1})
    (sent,) = line.sent
    assert sent["params"] == {"name": "x", "_meta": {"a": 1, "progressToken": sent["id"]}}
    line.receive({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}})
    line.receive({"jsonrpc": "2.0", "id": 1, "result": {"unknown": [None]}})
    assert isinstance(await exchange.next(), Notice)
    assert await exchange.next() == Answer({"unknown": [None]})


@given(cuts=st.lists(st.integers(0, 400), max_size=20))
def test_bytes_may_be_cut_anywhere(cuts: list[int]) -> None:
    async def check() -> None:
        line = Line()
        exchanges = [line.peer.start("x", {}) for _ in range(3)]
        stream = b"".join(b'{"jsonrpc":"2.0","id":%d,"result":{"text":"\xc3\xbc%d"}}\r\n\n' % (n, n) for n in (2, 1, 3))
        points = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
        for start, end in itertools.pairwise(points):
            line.peer.feed(stream[start:end])
        results = [await exchange.result(1) for exchange in exchanges]
        assert results == [{"text": f"ü{n}"} for n in (1, 2, 3)]

    asyncio.run(check())


@given(raw=st.binary(max_size=300))
def test_no_bytes_can_raise_or_disturb_what_follows(raw: bytes) -> None:
    async def check() -> None:
        line = Line(limit_bytes=200)
        exchange = line.peer.start("x", {})
        exchange.id = 77
        line.peer._pending[77] = exchange  # pyright: ignore[reportPrivateUsage]  # an id no random bytes hit
        line.peer.feed(raw)
        line.peer.feed(b"\n")
        line.receive({"id": 77, "result": {}})
        assert await exchange.result(1) == {}

    asyncio.run(check())


async def test_a_line_too_long_fails_its_request_and_no_other() -> None:
    line = Line(limit_bytes=100)
    first, second = line.peer.start("x", {}), line.peer.start("x", {})
    for piece in (
        b'{"jsonrpc":"2.0","id":1,',
        b'"result":{"text":"',
        b"x" * 90,
        b"x" * 90,
        b'"}}\n{"id":2,"result":{}}\n',
    ):
        line.peer.feed(piece)
    with pytest.raises(RpcError, match="longer than 100 bytes"):
        await first.result(1)
    assert await second.result(1) == {}
    assert line.reports == ["sent a line that is longer than 100 bytes"]


async def test_errors_of_every_shape_are_errors() -> None:
    for error, text in [
        ({"code": -1, "message": "no", "data": {"x": 1}}, "no"),
        ({"code": "x"}, "without a message"),
        ("just text", "just text"),
        (None, "None"),
    ]:
        line = Line()
        exchange = line.peer.start("x", {})
        line.receive({"id": 1, "error": error})
        with pytest.raises(RpcError, match=text):
            await exchange.result(1)


async def test_an_abandoned_request_is_cancelled_once_and_its_answer_dropped() -> None:
    line = Line()
    exchange = line.peer.start("tools/call", {})
    exchange.abandon("enough")
    exchange.abandon("enough")
    assert line.sent[1:] == [
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1, "reason": "enough"}}
    ]
    line.receive({"id": 1, "result": {}})
    assert line.peer.strays == 0
    line.receive({"id": 9, "result": {}})
    assert line.peer.strays == 1


async def test_a_timeout_abandons() -> None:
    line = Line()
    with pytest.raises(TimeoutError):
        await line.peer.start("tools/list", {}).result(0.01)
    assert line.sent[-1]["method"] == "notifications/cancelled"


async def test_closing_fails_what_waits_and_what_comes() -> None:
    line = Line()
    exchange = line.peer.start("x", {})
    line.peer.close("The server ended.")
    event = await exchange.next()
    assert isinstance(event, Failure)
    assert isinstance(event.error, ToolUnavailable)
    with pytest.raises(ToolUnavailable, match="The server ended"):
        line.peer.start("x", {})


async def test_a_request_that_cannot_be_written_leaves_nothing_behind() -> None:
    def refuse(raw: bytes) -> None:
        raise ToolUnavailable("gone")

    peer = Peer(refuse)
    with pytest.raises(ToolUnavailable):
        peer.start("x", {})
    peer.notify("x", {})
    assert not peer._pending  # pyright: ignore[reportPrivateUsage]  # a leak shows nowhere else


async def test_requests_of_the_server_are_answered_once() -> None:
    inbound: list[Inbound] = []
    line = Line(on_request=inbound.append)
    line.receive({"jsonrpc": "2.0", "id": "p", "method": "ping"})
    line.receive({"jsonrpc": "2.0", "id": 0, "method": "elicitation/create", "params": {"message": "?"}})
    assert line.sent == [{"jsonrpc": "2.0", "id": "p", "result": {}}]
    (asked,) = inbound
    assert asked.params == {"message": "?"}
    asked.respond({"action": "accept"})
    asked.refuse(-1, "too late")
    assert line.sent[1:] == [{"jsonrpc": "2.0", "id": 0, "result": {"action": "accept"}}]


async def test_what_nobody_handles_is_refused() -> None:
    line = Line()
    line.receive([{"jsonrpc": "2.0", "id": 5, "method": "roots/list"}, {"jsonrpc": "2.0", "method": "notifications/x"}])
    assert line.sent == [
        {"jsonrpc": "2.0", "id": 5, "error": {"code": -32601, "message": "roots/list is not offered by this client"}}
    ]


async def test_last_words_of_a_server_that_was_told_to_stop_are_no_misbehaviour() -> None:
    line = Line()
    exchange = line.peer.start("subscriptions/listen", {})
    line.peer.close("it stops")
    line.receive({"jsonrpc": "2.0", "id": exchange.id, "error": {"code": -32000, "message": "Connection closed"}})
    assert (line.reports, line.peer.strays) == ([], 0)
