"""The event stream of a page: what it tells, from where it goes on, when it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from botkit.console.feed import Feed
from botkit.console.hub import Hub
from botkit.console.stream import events
from botkit.core.errors import StoreBusy
from botkit.core.live import LiveEvent
from botkit.testing.clock import ManualClock
from tests.console.fake import FakeConsole
from tests.console.support import client_of, message, settled


class Reader:
    """Reads one stream as a browser does."""

    def __init__(self, stream: AsyncGenerator[bytes]):
        self._stream = stream
        self._rest = b""
        self.last_id = ""

    async def next(self) -> tuple[str, Any]:
        """(event name, data) of the next event."""
        while b"\n\n" not in self._rest:
            self._rest += await anext(self._stream)
        block, self._rest = self._rest.split(b"\n\n", 1)
        fields = dict(line.split(": ", 1) for line in block.decode().splitlines())
        if "retry" in fields:
            return await self.next()
        self.last_id = fields.get("id", self.last_id)
        return fields["event"], json.loads(fields["data"])

    async def until(self, name: str) -> list[tuple[str, Any]]:
        """Everything up to and with the next event of that name."""
        seen: list[tuple[str, Any]] = []
        while not seen or seen[-1][0] != name:
            seen.append(await self.next())
        return seen


def live(seen: list[tuple[str, Any]]) -> list[str]:
    return [data.get("text") or data["kind"] for name, data in seen if name == "live"]


async def test_a_fresh_stream_greets_tells_the_state_and_then_what_happens() -> None:
    fake, clock = FakeConsole(), ManualClock()
    hub = Hub(fake, clock)
    async with aclosing(events(hub, "r1")) as stream:
        reader = Reader(stream)
        assert await reader.next() == ("hello", {"resumed": False, "replay": []})
        assert (await reader.next())[0] == "ready"
        (_, status) = (await reader.until("status"))[-1]
        assert [bot["name"] for bot in status["overview"]["bots"]] == ["concierge", "helpdesk"]
        fake.publish("r1", "delta", "run_1", "Hel")
        fake.publish("other", "delta", "run_2", "not ours")
        fake.publish("r1", "delta", "run_1", "lo")
        assert live([await reader.next(), await reader.next()]) == ["Hel", "lo"]


async def test_a_dropped_stream_goes_on_where_it_broke() -> None:
    fake, clock = FakeConsole(), ManualClock()
    hub = Hub(fake, clock)
    async with aclosing(events(hub, "r1")) as stream:
        reader = Reader(stream)
        await reader.until("ready")
        fake.publish("r1", "delta", "run_1", "seen")
        await reader.until("live")
    fake.publish("r1", "delta", "run_1", "missed")
    fake.publish("r1", "done", "run_1")
    await settled(fake)
    async with aclosing(events(hub, "r1", reader.last_id)) as stream:
        again = Reader(stream)
        seen = await again.until("ready")
    assert seen[0] == ("hello", {"resumed": True, "replay": []})
    assert live(seen) == ["missed", "done"]


async def test_a_new_page_in_the_middle_of_a_turn_is_told_that_turn_and_none_before() -> None:
    fake, clock = FakeConsole(), ManualClock()
    hub = Hub(fake, clock)
    async with aclosing(events(hub, "r1")) as stream:
        reader = Reader(stream)
        await reader.until("ready")
        for kind, run_id, text in (
            ("delta", "run_1", "old"),
            ("done", "run_1", ""),
            ("status", "run_2", ""),
            ("delta", "run_2", "new"),
        ):
            fake.publish("r1", kind, run_id, text)
        while (await reader.next())[1].get("text") != "new":
            pass
        async with aclosing(events(hub, "r1", "another-boot.7")) as second:
            seen = await Reader(second).until("ready")
    assert seen[0] == ("hello", {"resumed": False, "replay": ["run_2"]})
    assert live(seen) == ["status", "new"]


async def test_every_stream_ends_when_the_instance_shuts_down() -> None:
    fake, clock = FakeConsole(), ManualClock()
    hub = Hub(fake, clock)
    async with aclosing(events(hub, "r1")) as stream:
        reader = Reader(stream)
        await reader.until("ready")
        fake.shut_down()
        assert (await reader.until("bye"))[-1] == ("bye", {})
        assert [chunk async for chunk in stream] == []


async def test_the_stream_over_http_is_an_event_stream_that_ends_with_the_instance() -> None:
    fake = FakeConsole()
    async with client_of(fake) as client:
        reading = asyncio.ensure_future(client.get("/api/sandbox/stream?room=r1"))
        while not fake.hub.watched("sandbox:r1:"):
            await asyncio.sleep(0)
        await client.post("/api/sandbox/messages", json=message("fail"))
        fake.shut_down()
        answer = await reading
        long = await client.get("/api/sandbox/stream?room=" + "x" * 129)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert "event: hello" in answer.text
    assert "event: bye" in answer.text
    assert long.status_code == 400


async def test_a_quiet_stream_still_says_that_it_lives() -> None:
    fake, clock = FakeConsole(), ManualClock()
    hub = Hub(fake, clock)
    async with aclosing(events(hub, "r1")) as stream:
        reader = Reader(stream)
        await reader.until("status")
        beat = asyncio.ensure_future(reader.until("beat"))
        for _ in range(4):
            await clock.advance(4.0)
        assert (await beat)[-1] == ("beat", {})


async def test_health_is_told_when_it_changes_and_not_otherwise() -> None:
    fake, clock = FakeConsole(), ManualClock()
    hub = Hub(fake, clock)
    async with aclosing(events(hub, "~")) as stream:
        reader = Reader(stream)
        await reader.until("status")
        coming = asyncio.ensure_future(reader.next())
        await clock.advance(4.0)
        assert not coming.done()
        fake.fault = StoreBusy("The database is locked; stop the other process.")
        await clock.advance(4.0)
        assert await coming == ("trouble", {"message": "The database is locked; stop the other process."})
        fake.fault = None
        coming = asyncio.ensure_future(reader.next())
        await clock.advance(4.0)
        assert (await coming)[0] == "status"


async def test_a_decision_elsewhere_is_told_at_once() -> None:
    fake, clock = FakeConsole(), ManualClock()
    hub = Hub(fake, clock)
    async with aclosing(events(hub, "r1")) as stream:
        reader = Reader(stream)
        await reader.until("status")
        await fake.send("r1", bot="concierge", person="ada", text="Refund it", message_id="m")
        while not (seen := (await reader.until("status"))[-1][1]["waits"]):
            pass
        await fake.decide(seen[0]["id"], approved=True)
        while (await reader.until("status"))[-1][1]["waits"]:
            pass


async def test_nothing_is_polled_or_followed_when_nobody_looks() -> None:
    fake, clock = FakeConsole(), ManualClock()
    hub = Hub(fake, clock, linger_s=60.0)
    async with aclosing(events(hub, "r1")) as stream:
        await Reader(stream).until("status")
    await asyncio.sleep(0)
    assert fake.hub.watched("sandbox:r1:")
    await clock.advance(61.0)
    for _ in range(10):
        await asyncio.sleep(0)
    assert not fake.hub.watched("sandbox:r1:")
    reads = fake.reads
    await clock.advance(60.0)
    assert fake.reads == reads


async def test_a_reload_within_the_minute_keeps_the_room_followed() -> None:
    fake, clock = FakeConsole(), ManualClock()
    hub = Hub(fake, clock, linger_s=60.0)
    async with aclosing(events(hub, "r1")) as stream:
        await Reader(stream).until("ready")
    await clock.advance(30.0)
    async with aclosing(events(hub, "r1")) as stream:
        reader = Reader(stream)
        await reader.until("ready")
        await clock.advance(90.0)
        fake.publish("r1", "delta", "run_1", "still here")
        assert live(await reader.until("live")) == ["still here"]


async def test_a_stream_that_fell_behind_is_told_to_read_the_history_again() -> None:
    fake, clock = FakeConsole(), ManualClock()
    hub = Hub(fake, clock)
    async with aclosing(events(hub, "r1")) as stream:
        reader = Reader(stream)
        await reader.until("status")
        async with hub.subscribe("r1") as other:
            for number in range(6_000):
                fake.publish("r1", "delta", "run_1", str(number))
            while other.feed.last < 6_000:
                await asyncio.sleep(0)
        seen = await reader.until("resync")
        assert (await reader.next())[0] == "hello"
    assert live(seen) == []


# ── the feed itself ──────────────────────────────────────────────────────────────────────────────────────


def event(run_id: str = "run_1", kind: Any = "delta", text: str = "x") -> LiveEvent:
    return LiveEvent(kind=kind, conversation="sandbox:r1:", run_id=run_id, text=text)


def test_a_feed_keeps_no_more_than_it_may_in_events_and_in_bytes() -> None:
    few, small = Feed("r", keep_events=3), Feed("r", keep_bytes=400)
    for number in range(10):
        few.append(event(text=str(number)))
        small.append(event(text="y" * 100))
    assert few.since(6) is None
    assert [item.seq for item in few.since(7) or []] == [8, 9, 10]
    assert small.since(0) is None
    assert 1 <= len(small.since(9) or []) <= 3


def test_a_number_from_the_future_or_another_boot_is_not_believed() -> None:
    feed = Feed("r")
    feed.append(event())
    assert feed.since(5) is None
    assert feed.position(feed.event_id(1)) == 1
    for forged in (
        "",
        "x",
        f"{feed.boot}",
        f"{feed.boot}.",
        f"{feed.boot}.-1",
        f"{feed.boot}.1e3",
        "other.1",
        f"{feed.boot}.²",
    ):
        assert feed.position(forged) is None


def test_a_run_that_goes_on_after_it_paused_is_under_way_again() -> None:
    feed = Feed("r")
    for kind in ("tool_call", "done", "part", "status", "delta"):
        feed.append(event(kind=kind))
    assert [item.seq for item in feed.unsettled()] == [4, 5]


def test_what_is_delivered_after_a_run_ended_does_not_bring_it_back() -> None:
    feed = Feed("r")
    for kind in ("status", "done", "part"):
        feed.append(event(kind=kind))
    assert feed.unsettled() == []
