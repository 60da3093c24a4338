"""A stop ends the answer at its next safe point: what was said is kept, what was used is booked, what was sent is
recorded."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from botkit.testing.models import calls
from tests.engine.support import World, a_config

GROUP: dict[str, Any] = {"room": "g1", "group": True, "addressed": "mention"}


async def begin(
    world: World, text: str = "tell me a story", answer: str = "Once upon a time there was a fox.", **more: Any
) -> None:
    """A turn whose model has written its first word."""
    world.script.append(answer)
    await world.start()
    world.gate.clear()
    await world.platform.say(text, **more)
    await world.asked()
    await world.until(lambda: _shown(world))


def _shown(world: World) -> bool:
    scope = world.engine.lanes.scope("fake:dm-ada:") or world.engine.lanes.scope("fake:g1:")
    return scope is not None and scope.current is not None


@pytest.mark.parametrize("how", [{"text": "/stop"}, {"text": "", "kind": "stop_generation"}])
async def test_stop_keeps_the_partial_answer_and_books_the_part_that_was_used(world: World, how: dict[str, str]):
    await begin(world)
    await world.platform.say(**how)  # pyright: ignore[reportArgumentType]  # text and kind
    await world.settle()

    assert world.texts == ["Once\n\n_Stopped._"]
    assert [run.state for run in await world.runs()] == ["cancelled"]
    assert world.model.closed_early == 1, "the provider's connection is closed, so it stops writing"
    (booked,) = await world.store.records.model_calls()
    assert booked.finish == "cut"
    assert booked.usage.estimated
    assert booked.usage.output_tokens > 0


async def test_the_next_message_after_a_stop_is_answered_and_remembers_it(world: World):
    await begin(world)
    await world.platform.say("/stop")
    await world.settle()
    world.gate.set()
    await world.ask("go on")

    assert world.texts[-1] == "You said: go on"
    assert any("Stopped." in str(m["content"]) for m in world.model.requests[-1].messages)


async def test_a_write_that_was_sent_is_awaited_and_recorded_before_the_run_is_cancelled(world: World):
    going, finish = asyncio.Event(), asyncio.Event()

    async def pay() -> str:
        going.set()
        await finish.wait()
        return "paid"

    world.tools.add("shop__pay", pay)
    world.script.append(calls(("shop__pay", {})))
    await world.start()
    await world.platform.say("pay")
    await going.wait()
    await world.platform.say("/stop")
    assert [run.state for run in await world.runs()] == ["running"]
    finish.set()
    await world.settle()

    assert len(world.tools.effects) == 1
    (run,) = await world.runs()
    assert run.state == "cancelled"
    opened = await world.journal.load_run(run.id)
    assert b"paid" in bytes(opened.steps["turn/0/tool/0"].result)
    assert len(world.model.requests) == 1, "the model was not asked again"


async def test_a_read_is_cut_off_by_a_stop(world: World):
    going = asyncio.Event()
    cut: list[bool] = []

    async def look() -> str:
        going.set()
        try:
            await asyncio.Event().wait()
        finally:
            cut.append(True)
        return "never"

    world.tools.add("shop__look", look, tool_class="read-only")
    world.script.append(calls(("shop__look", {})))
    await world.start()
    await world.platform.say("look")
    await going.wait()
    await world.platform.say("/stop")
    await world.settle()

    assert cut == [True]
    assert [run.state for run in await world.runs()] == ["cancelled"]


async def test_somebody_else_cannot_stop_an_answer_but_an_admin_can(world: World):
    world.config = a_config(people={"boss": {"roles": ["admin"], "identities": {"fake": ["boss"]}}})
    await begin(world, person="ada", **GROUP)
    await world.platform.say("/stop", person="mallory", **GROUP)
    await world.until(lambda: True)
    assert _shown(world)
    await world.platform.say("/stop", person="boss", **GROUP)
    await world.settle()

    assert [run.state for run in await world.runs()] == ["cancelled"]


async def test_a_stop_by_the_operator_ends_the_run(world: World):
    await begin(world)
    scope = world.engine.lanes.scope("fake:dm-ada:")
    assert scope is not None
    assert scope.current is not None
    run_id = scope.current.run.id
    await world.engine.cancel(run_id, by="operator", via="cli")
    await world.settle()

    (run,) = await world.runs()
    assert (run.id, run.state) == (run_id, "cancelled")


async def test_a_stop_reaches_the_turn_also_when_messages_wait_behind_it(world: World):
    await begin(world)
    await world.platform.say("next question")
    await world.platform.say("/stop")
    world.gate.set()
    await world.settle()

    assert [run.state for run in await world.runs()] == ["cancelled", "completed"]
    assert world.texts[-1] == "You said: next question"
