"""Order inside a lane, work side by side, and nothing that stops a lane for good."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from botkit.core.errors import Conflict, StoreError, StoreFull
from botkit.core.journal import InboxRow, SetRun
from botkit.runs.lanes import LaneScope
from tests.runs.support import Lab, Script, a_message


async def test_messages_of_one_lane_are_handled_in_order_and_never_two_at_once(lab: Lab):
    busy = 0

    async def work(scope: LaneScope, rows: Sequence[InboxRow]) -> None:
        nonlocal busy
        busy += 1
        assert busy == 1
        await asyncio.sleep(0)
        await lab.script.consume(scope, rows)
        busy -= 1

    lab.script.work = work
    await asyncio.gather(*(lab.accept(a_message(str(number))) for number in range(20)))
    await lab.settle()

    assert lab.script.handled == [str(number) for number in range(20)]


async def test_a_lane_that_waits_does_not_hold_up_another(lab: Lab):
    gate = asyncio.Event()

    async def work(scope: LaneScope, rows: Sequence[InboxRow]) -> None:
        if rows[0].event.text == "slow":
            await gate.wait()
        await lab.script.consume(scope, rows)

    lab.script.work = work
    await lab.accept(a_message("slow", room="a"))
    await lab.accept(a_message("fast", room="b"))
    await lab.journal.until(lambda: lab.owned() == ["fake:a:"])
    gate.set()
    await lab.settle()

    assert lab.script.handled == ["slow", "fast"]


async def test_no_more_turns_than_allowed_run_at_once_and_the_others_wait_their_turn(lab: Lab):
    await lab.close()
    lab.max_parallel = 2
    await lab.open()
    running: set[str] = set()
    most = 0

    async def work(scope: LaneScope, rows: Sequence[InboxRow]) -> None:
        nonlocal most
        running.add(scope.lane)
        most = max(most, len(running))
        await asyncio.sleep(0)
        await lab.script.consume(scope, rows)
        running.discard(scope.lane)

    lab.script.work = work
    await asyncio.gather(*(lab.accept(a_message(room=f"r{number}")) for number in range(8)))
    await lab.settle()

    assert most == 2
    assert len(lab.script.handled) == 8


async def test_a_repeated_event_is_taken_once(lab: Lab):
    event = a_message("once")

    assert await lab.accept(event)
    assert not await lab.accept(event)
    await lab.settle()
    assert not await lab.accept(event)
    await lab.settle()

    assert lab.script.handled == ["once"]


async def test_a_lane_at_rest_has_no_owner_and_no_task(lab: Lab):
    await lab.accept(a_message())
    await lab.settle()

    assert lab.lanes.active == 0
    assert lab.owned() == []


async def test_a_message_that_arrives_while_the_lane_is_given_back_is_handled(lab: Lab):
    """Accepted in the very transaction group that releases the lane: somebody must own it afterwards."""
    for number in range(30):
        first = asyncio.ensure_future(lab.accept(a_message(f"a{number}")))
        for _ in range(number % 7):
            await asyncio.sleep(0)
        second = asyncio.ensure_future(lab.accept(a_message(f"b{number}")))
        await asyncio.gather(first, second)
        await lab.settle()

    assert len(lab.script.handled) == 60
    assert lab.undone() == 0


async def test_a_handler_that_fails_does_not_stop_its_lane(lab: Lab):
    async def work(scope: LaneScope, rows: Sequence[InboxRow]) -> None:
        if rows[0].event.text == "poison":
            raise ValueError("nobody foresaw this")
        await lab.script.consume(scope, rows)

    lab.script.work = work
    await asyncio.gather(lab.accept(a_message("poison")), lab.accept(a_message("next")))
    await lab.settle()

    assert [str(error) for error in lab.script.failures] == ["nobody foresaw this"]
    assert lab.script.handled == ["poison", "next"]
    assert lab.owned() == []


async def test_an_event_whose_failure_cannot_even_be_reported_is_set_aside(lab: Lab):
    """The reply to a poisoned event may be poisoned by it too; the lane must go on all the same."""

    async def work(scope: LaneScope, rows: Sequence[InboxRow]) -> None:
        if rows[0].event.text == "poison":
            raise ValueError("nobody foresaw this")
        await lab.script.consume(scope, rows)

    def worse(error: Exception) -> None:
        raise KeyError("nor this")

    lab.script.work = work
    lab.script.on_failed = worse
    await asyncio.gather(lab.accept(a_message("poison")), lab.accept(a_message("next")))
    await lab.settle()

    assert lab.script.handled == ["poison", "next"]
    assert lab.rows("SELECT outcome FROM inbox ORDER BY seq")[0][0].startswith("failed: ")
    assert lab.owned() == []


async def test_a_statement_the_database_refuses_fails_one_event_not_the_lane(lab: Lab):
    async def work(scope: LaneScope, rows: Sequence[InboxRow]) -> None:
        if rows[0].event.text == "huge":
            raise StoreError("the database refused a statement: string or blob too big")
        await lab.script.consume(scope, rows)

    lab.script.work = work
    await asyncio.gather(lab.accept(a_message("huge")), lab.accept(a_message("next")))
    await lab.settle()

    assert lab.script.handled == ["huge", "next"]
    assert lab.owned() == []


async def test_while_the_disk_is_full_the_lane_keeps_its_event_and_tries_again(lab: Lab):
    full = True
    lab.journal.fault = lambda name, args: StoreFull("no space") if full and name == "commit" else None
    await lab.accept(a_message("patient"))
    await lab.journal.until(lambda: lab.journal.failed >= 1)
    await lab.clock.sleeping()
    assert lab.undone() == 1

    full = False
    await lab.clock.advance(60)
    await lab.settle()

    assert set(lab.script.handled) == {"patient"}
    assert lab.script.failures == []
    assert lab.undone() == 0


async def test_a_run_begun_before_a_conflict_goes_on(lab: Lab):
    """The first commit of a run consumed its event; looking at the inbox again must not forget the run."""
    stumbled: list[str] = []

    async def work(scope: LaneScope, rows: Sequence[InboxRow]) -> None:
        ctx = scope.current or await lab.start_run(scope, rows)
        await ctx.step("a", _done)
        if not stumbled:
            stumbled.append(ctx.run.id)
            raise Conflict("somebody decided first")
        await ctx.commit(SetRun(run_id=ctx.run.id, state="completed", at=1))

    lab.script.work = work
    await lab.accept(a_message("go"))
    await lab.settle()

    assert lab.script.recovered == stumbled
    assert lab.rows("SELECT state FROM runs") == [("completed",)]


async def test_an_edit_that_arrives_during_a_turn_is_seen_before_the_next_one(lab: Lab):
    """What is waiting is read anew before each batch, not once per claim."""
    gate, seen = asyncio.Event(), list[list[str]]()

    async def work(scope: LaneScope, rows: Sequence[InboxRow]) -> None:
        seen.append([row.event.text for row in scope.pending])
        if rows[0].event.text == "two":
            await gate.wait()
        await lab.script.consume(scope, rows)

    lab.script.work = work
    await asyncio.gather(*(lab.accept(a_message(text)) for text in ("one", "two", "three")))
    await lab.journal.until(lambda: len(seen) == 2)
    await lab.accept(a_message("edit of three", kind="edit"))
    gate.set()
    await lab.settle()

    assert seen[2] == ["three", "edit of three"]


async def test_a_control_event_reaches_the_running_turn_at_once(lab: Lab):
    stopped = asyncio.Event()

    async def work(scope: LaneScope, rows: Sequence[InboxRow]) -> None:
        if rows[0].event.kind == "message":
            ctx = await lab.start_run(scope, rows)
            await ctx.stop.wait()
            stopped.set()
            await ctx.commit(SetRun(run_id=ctx.run.id, state="cancelled", at=1))
        else:
            await lab.script.consume(scope, rows)

    lab.script.work = work
    await lab.accept(a_message("long"))
    await lab.journal.until(lambda: bool(lab.script.handled))
    await lab.accept(a_message("stop!", kind="stop_generation"))
    await lab.settle()

    assert stopped.is_set()
    assert lab.script.interrupts == ["stop!"]
    assert lab.script.handled == ["long", "stop!"], "a control event has its place in the lane too"


async def test_an_event_is_taken_even_when_acting_on_it_at_once_fails(lab: Lab):
    gate = asyncio.Event()

    async def work(scope: LaneScope, rows: Sequence[InboxRow]) -> None:
        if rows[0].event.text == "long":
            await gate.wait()
        await lab.script.consume(scope, rows)

    def broken(event: object) -> bool:
        raise RuntimeError("a bug in the handler")

    lab.script.work = work
    await lab.accept(a_message("long"))
    lab.script.controls = broken
    assert await lab.accept(a_message("press", kind="action")), "it is stored: the platform must hear yes"
    gate.set()
    await lab.settle()

    assert lab.script.handled == ["long", "press"]


async def test_a_crash_loses_no_event_and_repeats_none(lab: Lab):
    gate = asyncio.Event()

    async def work(scope: LaneScope, rows: Sequence[InboxRow]) -> None:
        if rows[0].event.text == "second":
            await gate.wait()
        await lab.script.consume(scope, rows)

    lab.script.work = work
    await asyncio.gather(*(lab.accept(a_message(text)) for text in ("first", "second", "third")))
    await lab.journal.until(lambda: lab.script.handled == ["first", "second"])
    await lab.crash()

    lab.script = Script()
    await lab.open()
    await lab.recover()
    await lab.settle()

    assert lab.script.handled == ["second", "third"]


async def test_a_run_that_was_under_way_at_a_crash_is_recovered_before_new_events(lab: Lab):
    order: list[str] = []

    async def start(scope: LaneScope, rows: Sequence[InboxRow]) -> None:
        ctx = await lab.start_run(scope, rows)
        await ctx.step("a", _done)
        await asyncio.Event().wait()

    lab.script.work = start
    await lab.accept(a_message("go"))
    await lab.journal.until(lambda: lab.rows("SELECT 1 FROM steps"))
    await lab.accept(a_message("later"))
    await lab.crash()

    async def finish(scope: LaneScope, rows: Sequence[InboxRow]) -> None:
        if rows:
            order.append(rows[0].event.text)
            await lab.script.consume(scope, rows)
            return
        assert scope.current is not None
        order.append("recovered")
        assert scope.current.done("a")
        await scope.current.commit(SetRun(run_id=scope.current.run.id, state="completed", at=1))

    lab.script = Script(finish)
    await lab.open()
    await lab.recover()
    await lab.settle()

    assert order == ["recovered", "later"]


async def test_hundreds_of_lanes_are_taken_up_side_by_side(lab: Lab):
    """Claimed together they share transactions; one after the other each would take a flush of its own."""
    await lab.lanes.drain(0)  # from now on events are stored and not worked on
    await asyncio.gather(*(lab.accept(a_message(room=f"r{number}")) for number in range(150)))
    await lab.crash()
    lab.script = Script()
    await lab.open()
    waiting = most = 0
    claim = lab.store.journal.claim

    async def counted(lane: str, **options: int) -> object:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        try:
            return await claim(lane, **options)
        finally:
            waiting -= 1

    vars(lab.journal)["claim"] = counted
    await lab.recover()
    await lab.settle()

    assert len(lab.script.handled) == 150
    assert most == 100


@pytest.mark.parametrize("patient", [True, False])
async def test_draining_lets_a_turn_end_and_begins_no_other(lab: Lab, patient: bool):
    gate = asyncio.Event()

    async def work(scope: LaneScope, rows: Sequence[InboxRow]) -> None:
        await gate.wait()
        await lab.script.consume(scope, rows)

    lab.script.work = work
    await asyncio.gather(lab.accept(a_message("one")), lab.accept(a_message("two")))
    await lab.journal.until(lambda: lab.script.handled == ["one"])
    draining = asyncio.ensure_future(lab.lanes.drain(10))
    await asyncio.sleep(0)
    if patient:
        gate.set()
    else:
        await lab.clock.sleeping()
        await lab.clock.advance(10)
    assert await draining is patient

    assert await lab.accept(a_message("three")), "an event is stored also while draining"
    assert lab.script.handled == ["one"], "what waits is for the next start"
    assert lab.undone() == (2 if patient else 3)


async def _done(scope: object) -> str:
    return "done"
