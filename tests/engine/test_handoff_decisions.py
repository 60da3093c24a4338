"""Who decides a handoff, when several want to, too late, or while nothing runs: one defined outcome each."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from botkit.core.errors import Conflict
from botkit.core.journal import CloseWait, OpenRun, Wait
from tests.engine.support import World
from tests.engine.test_handoff import HOUR, begin, said_to
from tests.engine.test_workflow_ends import states

YES, NO, LATE = "Refunded all, says Boss.", "Sorry: ", "Nobody looked."


async def outcome(world: World) -> str:
    """What the person was told in the end: one sentence, and the run is over."""
    await world.settle()
    assert await states(world) == ["completed"]
    told = [text for text in said_to(world, "ada") if "colleague" not in text]
    assert len(told) == 1, told
    return told[0]


async def test_of_two_who_press_at_once_one_decides_and_the_other_is_told(world: World):
    await begin(world, approvers=["boss", "owner"])
    boss, owner = (
        next(one for one in world.platform.messages if one.conversation.room == f"dm-{who}")
        for who in ("boss", "owner")
    )
    await asyncio.gather(
        world.platform.press(boss, "Approve", person="boss"), world.platform.press(owner, "Reject", person="owner")
    )
    first = await outcome(world)
    assert sum("already" in text for text in world.platform.acknowledged) == 1
    assert (first == YES) == ("Approved." in world.platform.acknowledged)
    assert all(("Approved" in text) == (first == YES) for who in ("boss", "owner") for text in said_to(world, who))


async def test_a_button_and_a_command_at_once_are_one_decision(world: World):
    wait = await begin(world)
    asked = next(one for one in world.platform.messages if one.conversation.room == "dm-boss")
    results = await asyncio.gather(
        world.platform.press(asked, "Approve", person="boss"),
        world.engine.decide(wait.id, approved=False, by="ops", via="cli"),
        world.engine.decide(wait.id, approved=False, by="other", via="api"),
        return_exceptions=True,
    )
    first = await outcome(world)
    refused = [result for result in results if isinstance(result, Conflict)]
    assert len(refused) == (2 if first == YES else 1)
    assert [result for result in results if isinstance(result, Exception)] == refused


@pytest.mark.parametrize("approved", [True, False])
async def test_a_decision_while_the_process_is_down_is_found_at_its_start(world: World, approved: bool):
    wait = await begin(world, expires_s=HOUR)
    await decided_elsewhere(world, wait, approved=approved)
    assert await outcome(world) == (YES if approved else NO)


async def test_a_decision_in_time_counts_though_the_start_comes_after_the_deadline(world: World):
    wait = await begin(world, expires_s=HOUR)
    await decided_elsewhere(world, wait, down_s=2 * HOUR)
    await world.pass_time(HOUR)
    assert await outcome(world) == YES


async def test_after_a_deadline_that_passed_while_the_process_was_down_nobody_decides(world: World):
    wait = await begin(world, expires_s=HOUR)
    await world.crash()
    await world.clock.advance(2 * HOUR)
    await world.start()
    await world.pass_time(1)
    with pytest.raises(Conflict):
        await world.engine.decide(wait.id, approved=True, by="boss", via="cli")
    assert await outcome(world) == LATE


async def test_a_decision_that_comes_while_the_deadline_is_being_dealt_with(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    """Whichever is committed first holds; the other is refused or passed over."""
    wait = await begin(world, expires_s=HOUR)
    load = world.journal.load_run
    late: list[Any] = []

    async def loaded_then_decided(run_id: str) -> OpenRun | None:
        opened = await load(run_id)
        if not late:
            late.append(None)
            late[0] = (await asyncio.gather(decide(world, wait), return_exceptions=True))[0]
        return opened

    monkeypatch.setattr(world.journal, "load_run", loaded_then_decided, raising=False)
    await world.pass_time(HOUR + 1)
    said = await outcome(world)
    assert said == (LATE if isinstance(late[0], Conflict) else YES)
    (kept,) = (await world.ports.journal.load_run((await world.runs())[0].id)).waits  # type: ignore[union-attr]
    assert kept.state == ("expired" if said == LATE else "answered")


async def test_a_decision_outlives_a_kill_right_after_it(world: World):
    wait = await begin(world)
    await world.engine.decide(wait.id, approved=True, by="boss", via="cli")
    await world.crash()
    await world.start()
    assert await outcome(world) == "Refunded all, says boss."


async def decide(world: World, wait: Wait) -> Wait:
    return await world.engine.decide(wait.id, approved=True, by="Boss", via="cli")


async def decided_elsewhere(world: World, wait: Wait, *, approved: bool = True, down_s: float = 0.0) -> None:
    """The process dies; a command decides, which finds no process; it starts again later."""
    answer = {"approved": approved, "comment": ""}
    at = world.clock.micros()
    close = CloseWait(wait_id=wait.id, state="answered", at=at, answer=answer, by="Boss", via="cli")
    await world.journal.commit(None, [close])
    await world.crash()
    if down_s:
        await world.clock.advance(down_s)
    await world.start()
