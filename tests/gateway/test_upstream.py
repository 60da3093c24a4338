"""Supervision: restarts with growing pauses, giving up for a while, stopping when idle, draining."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from botkit.core.errors import ToolUnavailable
from botkit.gateway import upstream as upstreams
from botkit.gateway.process import Command
from botkit.gateway.redact import SecretRedactor
from botkit.gateway.upstream import SpawnLimit, Upstream
from botkit.testing.clock import ManualClock
from tests.gateway.support import SERVERS


class Rig:
    """An upstream on a clock the test moves."""

    def __init__(self, folder: Path):
        self.clock = ManualClock()
        self.options: tuple[str, ...] = ()
        self.effects = folder / "effects"
        self.effects.touch()
        self.commands = 0
        self.ready = asyncio.Event()
        self.changed = asyncio.Event()
        self.upstreams: list[Upstream] = []

    def make(self, **fields: Any) -> Upstream:
        async def command() -> Command:
            self.commands += 1
            argv = (sys.executable, str(SERVERS / "raw.py"), *self.options)
            return Command(argv=argv, env={"EFFECTS": str(self.effects)}, grace_s=0.5)

        fields.setdefault("redactor", SecretRedactor())
        upstream = Upstream(
            "raw",
            command,
            clock=self.clock,
            spawning=fields.pop("spawning", SpawnLimit(2)),
            on_ready=self.ready.set,
            on_tools_changed=self.changed.set,
            **fields,
        )
        self.upstreams.append(upstream)
        return upstream

    async def call(self, upstream: Upstream, tool: str, **arguments: Any) -> dict[str, Any]:
        async with upstream.lease() as lease:
            return await lease.session.call_tool(tool, arguments, {}).result(45)

    async def until(self, upstream: Upstream, *states: str) -> None:
        """Let the event loop turn until the upstream is in one of the states; processes end in real time."""
        async with asyncio.timeout(45):
            while upstream.state not in states:
                await asyncio.sleep(0.005)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    await asyncio.gather(*(upstream.stop() for upstream in rig.upstreams))


async def test_it_starts_once_however_many_ask(rig: Rig) -> None:
    upstream = rig.make()
    assert upstream.state == "idle"
    sessions = await asyncio.gather(*(upstream.ready() for _ in range(10)))
    assert len(set(map(id, sessions))) == 1
    assert (rig.commands, upstream.starts, upstream.state) == (1, 1, "ready")


async def test_a_caller_that_gives_up_does_not_stop_the_start(rig: Rig) -> None:
    upstream = rig.make()
    first = asyncio.ensure_future(upstream.ready())
    await asyncio.sleep(0)
    first.cancel()
    await upstream.ready()
    assert rig.commands == 1


async def test_it_restarts_after_a_crash_and_calls_in_between_fail_fast(rig: Rig) -> None:
    upstream = rig.make()
    with pytest.raises(ToolUnavailable, match="The server raw ended"):
        await rig.call(upstream, "crash")
    await rig.until(upstream, "failing")
    with pytest.raises(ToolUnavailable, match="it ended with status 3"):
        await rig.call(upstream, "echo", text="x")
    rig.ready.clear()
    await rig.clock.sleeping()
    await rig.clock.advance(1)
    await asyncio.wait_for(rig.ready.wait(), 45)
    assert upstream.starts == 2
    assert await rig.call(upstream, "echo", text="x")


async def test_the_last_words_of_a_server_explain_its_end(rig: Rig) -> None:
    upstream = rig.make()
    with pytest.raises(ToolUnavailable):
        await rig.call(upstream, "effect_then_crash")
    await rig.until(upstream, "failing")
    assert upstream.error == "it ended with status 4. Its last words: about to fall"


async def test_pauses_grow_until_it_is_given_up_and_tried_again_later(rig: Rig) -> None:
    rig.options = ("--exit-at-start",)
    upstream = rig.make()
    with pytest.raises(ToolUnavailable, match="cannot find my configuration"):
        await upstream.ready()
    pauses: list[float] = []
    while upstream.state == "failing":
        begun = rig.clock.monotonic()
        await rig.clock.sleeping()
        while upstream.state == "failing":
            await rig.clock.advance(0.05)
        pauses.append(rig.clock.monotonic() - begun)
        await rig.until(upstream, "failing", "paused")
    assert upstream.state == "paused"
    assert len(pauses) == 5
    assert all(later > 1.2 * earlier for earlier, later in itertools.pairwise(pauses))
    assert upstream.dead

    starts = upstream.starts
    await rig.clock.advance(200)
    with pytest.raises(ToolUnavailable, match="cannot find my configuration"):
        await upstream.ready()
    assert upstream.starts == starts
    rig.options = ()
    await rig.clock.advance(101)
    await upstream.ready()
    assert upstream.state == "ready"


async def test_a_mended_server_need_not_wait(rig: Rig) -> None:
    rig.options = ("--exit-at-start",)
    upstream = rig.make()
    with pytest.raises(ToolUnavailable):
        await upstream.ready()
    rig.options = ()
    upstream.resume()
    await upstream.ready()


async def test_a_long_life_wipes_out_the_past(rig: Rig) -> None:
    upstream = rig.make()
    for _ in range(8):
        with pytest.raises(ToolUnavailable):
            await rig.call(upstream, "crash")
        await rig.until(upstream, "failing")
        await rig.clock.sleeping()
        await rig.clock.advance(1)
        await rig.until(upstream, "ready")
        await rig.clock.advance(61)
    assert upstream.state == "ready"


async def test_a_server_that_never_says_hello_is_ended(rig: Rig) -> None:
    rig.options = ("--mute",)
    upstream = rig.make(start_timeout_s=0.2)
    with pytest.raises(ToolUnavailable, match="did not answer within"):
        await upstream.ready()
    assert upstream.state == "failing"
    assert upstream.pid == 0


async def test_an_idle_server_stops_and_starts_again_by_itself(rig: Rig) -> None:
    upstream = rig.make(idle_s=60)
    await rig.call(upstream, "echo", text="x")
    await rig.clock.sleeping()
    await rig.clock.advance(59)
    assert upstream.state == "ready"
    await rig.call(upstream, "echo", text="x")
    await rig.clock.advance(59)
    assert upstream.state == "ready"
    await rig.clock.advance(2)
    await rig.until(upstream, "idle")
    await rig.call(upstream, "echo", text="x")
    assert upstream.starts == 2


async def test_a_busy_server_is_not_idle(rig: Rig) -> None:
    upstream = rig.make(idle_s=60)
    async with upstream.lease() as lease:
        exchange = lease.session.call_tool("slow", {}, {})
        await rig.clock.sleeping()
        await rig.clock.advance(600)
        assert upstream.state == "ready"
        exchange.abandon("enough")


async def test_draining_lets_calls_finish_and_takes_no_new_ones(rig: Rig) -> None:
    upstream = rig.make()
    async with upstream.lease() as lease:
        exchange = lease.session.call_tool("echo", {"text": "last"}, {})
        draining = asyncio.ensure_future(upstream.drain(10))
        assert (await exchange.result(45))["content"][0]["text"] == "last"
        assert not draining.done()
    await draining
    assert upstream.state == "stopped"
    with pytest.raises(ToolUnavailable, match="is being replaced"):
        await rig.call(upstream, "echo", text="x")


async def test_only_so_many_calls_run_at_once(rig: Rig) -> None:
    upstream = rig.make(parallel_calls=1)
    async with upstream.lease():
        waiting = asyncio.ensure_future(rig.call(upstream, "echo", text="x"))
        await asyncio.sleep(0.02)
        assert not waiting.done()
    await waiting


async def test_mute_servers_do_not_keep_others_from_starting(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstreams, "_TURN_S", 0.05)
    rig.options = ("--mute",)
    spawning = SpawnLimit(1)
    mute = asyncio.ensure_future(rig.make(spawning=spawning).ready())
    await asyncio.sleep(0.01)
    rig.options = ()
    await rig.make(spawning=spawning).ready()
    assert not mute.done()
    mute.cancel()


async def test_secrets_do_not_show_in_an_error(rig: Rig) -> None:
    upstream = rig.make(redactor=SecretRedactor(["configuration"]))
    rig.options = ("--exit-at-start",)
    with pytest.raises(ToolUnavailable, match=r"cannot find my \[redacted\]"):
        await upstream.ready()
