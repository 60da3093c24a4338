"""Crashes, full disks, drains and channels that come and go: nothing lost, nothing done twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from botkit.core.errors import ChannelFatal, Fenced, StoreFull
from botkit.core.journal import StepDone
from botkit.testing.models import calls
from tests.engine.support import World, a_config


async def test_a_killed_turn_goes_on_where_it_was(world: World):
    """Killed after its write was recorded and before the model was asked again."""
    world.tools.add("shop__pay", lambda: "paid")
    world.script.append(calls(("shop__pay", {})))
    await world.start()
    await world.platform.say("pay")
    await world.asked()
    world.gate.clear()
    await world.asked(2)
    await world.crash()
    world.gate.set()
    world.script.append("Paid.")
    await world.start()
    await world.settle()

    assert len(world.tools.effects) == 1
    assert len(world.model.requests) == 3, "only the question without an answer was asked again"
    assert world.texts == ["Paid."]


async def test_a_resumed_turn_reads_the_same_clock_and_the_same_history(world: World):
    await world.start()
    await world.ask("I am Ada")
    world.tools.add("shop__look", tool_class="read-only")
    world.script.append(calls(("shop__look", {})))
    await world.platform.say("look")
    await world.asked(2)
    world.gate.clear()
    await world.asked(3)
    await world.crash()
    await world.clock.advance(7200)
    world.gate.set()
    await world.start()
    await world.settle()

    before, after = world.model.requests[2], world.model.requests[3]
    assert before.messages == after.messages


async def test_a_write_in_flight_at_a_kill_waits_for_an_operator(world: World):
    going = asyncio.Event()

    async def pay() -> str:
        going.set()
        await asyncio.Event().wait()
        return "never"

    world.tools.add("shop__pay", pay)
    world.script.append(calls(("shop__pay", {})))
    await world.start()
    await world.platform.say("pay")
    await going.wait()
    await world.crash()
    await world.start()
    await world.settle()

    assert len(world.tools.calls) == 1
    assert [(run.state, run.waiting_for) for run in await world.runs()] == [("waiting", "reconcile")]
    assert "can't tell whether it happened" in world.texts[-1]


async def test_an_event_the_full_disk_refused_is_not_acknowledged_and_comes_again(world: World):
    await world.start()
    world.journal.fault = lambda name, args: StoreFull("no space left")
    with pytest.raises(StoreFull):
        await world.platform.say("hello")
    assert len(world.platform.unacknowledged) == 1

    world.journal.fault = lambda name, args: None
    await world.platform.redeliver()
    await world.settle()

    assert world.texts == ["You said: hello"]


async def test_a_disk_that_fills_up_in_the_middle_of_a_turn_costs_nothing_but_time(world: World):
    world.tools.add("shop__pay", lambda: "paid")
    world.script.append(calls(("shop__pay", {})))
    world.script.append("Paid.")
    await world.start()
    full: list[bool] = []

    def fault(name: str, args: tuple[Any, ...]) -> Exception | None:
        if name == "commit" and any(isinstance(write, StepDone) and "tool" in write.key for write in args[1]):
            full.append(True)
        return StoreFull("no space left") if len(full) and len(full) < 4 and name == "commit" else None

    world.journal.fault = fault
    await world.platform.say("pay")
    await world.until(lambda: world.journal.failed)
    await world.clock.sleeping(3)  # timers, lease, and the turn that waits for the disk
    await world.clock.advance(10)
    await world.settle()

    assert len(world.tools.effects) == 1
    assert world.texts == ["Paid."]
    assert [run.state for run in await world.runs()] == ["completed"]


async def test_a_drain_lets_the_running_answer_leave_and_keeps_the_next_message(world: World):
    await world.start()
    world.gate.clear()
    await world.platform.say("one")
    await world.asked()
    await world.platform.say("two")
    draining = asyncio.ensure_future(world.engine.drain(20))
    await asyncio.sleep(0)
    world.gate.set()
    assert await draining
    assert world.texts == ["You said: one"]

    await world.crash()
    await world.start()
    await world.settle()
    assert world.texts == ["You said: one", "You said: two"]


async def test_a_turn_that_outlasts_the_drain_resumes_at_the_next_start(world: World):
    await world.start()
    world.gate.clear()
    await world.platform.say("one")
    await world.asked()
    assert not await world.engine.drain(0)
    assert world.texts == []

    await world.crash()
    world.gate.set()
    await world.start()
    await world.settle()
    assert world.texts == ["You said: one"]


async def test_a_channel_that_starts_later_delivers_what_was_kept(world: World):
    world.started = False
    await world.start()
    await world.ask("hello")
    assert world.texts == []
    world.started = True
    await world.engine.channel_started("fake")
    await world.settle()

    assert world.texts == ["You said: hello"]


async def test_a_channel_whose_token_was_revoked_keeps_its_answers(world: World):
    world.platform.faults.append(ChannelFatal("the token was revoked; set a new one"))
    await world.start()
    await world.ask("hello")
    assert [part.state for part in await world.parts()] == ["pending"]
    await world.restart()
    await world.settle()

    assert world.texts == ["You said: hello"]


async def test_a_process_that_was_declared_dead_stops_and_says_so(world: World):
    world.heartbeat_s = 5.0
    await world.start()
    world.journal.fault = lambda name, args: Fenced("taken over") if name == "heartbeat" else None
    await world.clock.sleeping(2)
    await world.clock.advance(5.1)
    await world.until(lambda: world.fenced)

    assert world.fenced


async def test_work_another_process_left_behind_is_found_while_running(world: World):
    """What recovery finds at a heartbeat: an event stored by a process that died before working on it."""
    world.heartbeat_s = 5.0
    await world.start()
    event = world.platform.event("hello")
    await world.store.journal.accept(event, event.conversation.key, claim=False)
    await world.clock.sleeping(2)
    await world.clock.advance(5.1)
    await world.platform.until(lambda: bool(world.texts))

    assert world.texts == ["You said: hello"]


async def test_a_new_revision_holds_for_the_next_message(world: World):
    await world.start()
    await world.ask("hello")
    world.config = a_config(bot={"prompt": "Speak Latin."})
    world.engine.reconfigured()
    await world.ask("hello")

    first, second = world.model.requests
    assert "Be brief." in str(first.messages[0])
    assert "Speak Latin." in str(second.messages[0])


async def test_a_message_to_a_channel_that_was_taken_out_is_recorded(world: World):
    await world.start()
    world.config = a_config(channel={"enabled": False}).model_copy(update={"channels": {}})
    world.engine.reconfigured()
    await world.ask("hello")

    assert world.texts == []
    assert (await world.outcomes())[0].startswith("ignored: the channel is not in bots.yaml")
