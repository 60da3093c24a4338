"""Steps run once, waits pause, and what was done outside is written down whatever happens to the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from botkit.core.errors import Conflict, StoreFull
from botkit.core.journal import AddUsage, CloseWait, InboxRow, ModelCall, SetRun
from botkit.runs.context import EffectUnknown, Paused, RunContext, StepScope, Stopped, WaitSpec
from botkit.runs.lanes import LaneScope
from tests.runs.support import Lab, Script, a_message

Body = Callable[[RunContext], Awaitable[Any]]


class Turns(Script):
    """Runs `body` as a turn: to its end, its pause, or its stop."""

    def __init__(self, lab: Lab, body: Body):
        super().__init__(self.turn)
        self.lab = lab
        self.body = body
        self.ends: list[Any] = []

    async def turn(self, scope: LaneScope, rows: Sequence[InboxRow]) -> None:
        if rows and rows[0].event.kind == "wake":
            signal = rows[0].event.signal or {}
            opened = await scope.journal.load_run(signal["run_id"])
            assert opened is not None
            ctx = scope.open(opened)
            await self.consume(scope, rows)
        else:
            ctx = scope.current or await self.lab.start_run(scope, rows)
        try:
            self.ends.append(await self.body(ctx))
            await ctx.commit(SetRun(run_id=ctx.run.id, state="completed", at=1))
        except Paused:
            self.ends.append("paused")
            await ctx.commit(SetRun(run_id=ctx.run.id, state="waiting", waiting_for="approval", at=1))
        except Stopped:
            self.ends.append("stopped")
            await ctx.commit(SetRun(run_id=ctx.run.id, state="cancelled", at=1))


async def play(lab: Lab, body: Body) -> Turns:
    """Begin a turn with this body; the caller waits for what it wants to see."""
    lab.script = turns = Turns(lab, body)
    lab.lanes.attach(turns)
    turns.changed = lab.journal.changed
    await lab.accept(a_message("go"))
    return turns


async def again(lab: Lab, body: Body) -> Turns:
    """The process died; the next one takes the turn up."""
    await lab.crash()
    lab.script = turns = Turns(lab, body)
    await lab.open()
    await lab.recover()
    return turns


async def test_a_finished_step_never_runs_again(lab: Lab):
    done: list[str] = []

    async def body(ctx: RunContext) -> str:
        first = await ctx.step("a", lambda scope: _note(done, "a"))
        if len(done) == 1 and not lab_died:
            await asyncio.Event().wait()
        return first + await ctx.step("b", lambda scope: _note(done, "b"))

    lab_died: list[bool] = []
    await play(lab, body)
    await lab.journal.until(lambda: lab.rows("SELECT 1 FROM steps WHERE state = 'done'"))
    lab_died.append(True)
    turns = await again(lab, body)
    await lab.settle()

    assert done == ["a", "b"]
    assert turns.ends == ["ab"]


async def test_a_step_in_flight_at_a_crash_runs_again_with_the_same_idempotency_key(lab: Lab):
    keys: list[str] = []

    async def body(ctx: RunContext) -> None:
        await ctx.step("first", lambda scope: _note([], "x"))

        async def work(scope: StepScope) -> None:
            keys.append(scope.idempotency_key)
            lab.journal.changed()
            if len(keys) == 1:
                await asyncio.Event().wait()

        await ctx.step("second", work)

    await play(lab, body)
    await lab.journal.until(lambda: keys)
    await again(lab, body)
    await lab.settle()

    assert len(keys) == 2
    assert keys[0] == keys[1]


async def test_a_lost_effect_that_must_not_happen_twice_waits_for_an_operator(lab: Lab):
    sent: list[str] = []

    async def body(ctx: RunContext) -> Any:
        async def refund(scope: StepScope) -> str:
            sent.append("refund")
            lab.journal.changed()
            await asyncio.Event().wait()
            return "never"

        return await ctx.step("refund", refund, name="orders__refund", once=True)

    await play(lab, body)
    await lab.journal.until(lambda: sent)
    turns = await again(lab, body)
    await lab.settle()

    assert sent == ["refund"], "nobody knows whether it happened: it is not sent again"
    assert turns.ends == ["paused"]
    assert lab.rows("SELECT kind, state, key FROM waits") == [("reconcile", "open", "refund/reconcile/0")]


@pytest.mark.parametrize(
    ("answer", "end", "times"),
    [
        ({"action": "retry"}, "refunded", 2),
        ({"action": "result", "result": "it had happened"}, "it had happened", 1),
        ({"action": "fail", "message": "it had not"}, "it had not", 1),
    ],
)
async def test_an_operator_resolves_an_unknown_effect(lab: Lab, answer: dict[str, Any], end: str, times: int):
    sent: list[str] = []

    async def body(ctx: RunContext) -> Any:
        async def refund(scope: StepScope) -> str:
            sent.append(scope.idempotency_key)
            if len(sent) == 1:
                raise EffectUnknown("the line went dead")
            return "refunded"

        return await ctx.step(
            "refund", refund, once=True, resolve=lambda given: str(given.get("result") or given.get("message"))
        )

    turns = await play(lab, body)
    await lab.settle()
    assert turns.ends == ["paused"]

    wait_id = lab.rows("SELECT id FROM waits")[0][0]
    close = CloseWait(wait_id=wait_id, state="answered", at=2, answer=answer, by="operator")
    await lab.journal.commit(None, [close])
    await lab.lanes.wake("fake:r1:")
    await lab.settle()

    assert turns.ends == ["paused", end]
    assert len(sent) == times
    assert len(set(sent)) == 1, "a retry carries the same key"


async def test_a_pause_in_one_branch_lets_the_others_finish(lab: Lab):
    done: list[str] = []

    async def body(ctx: RunContext) -> Any:
        async def asks() -> str:
            return (await ctx.wait("ask", WaitSpec(kind="approval"))).by

        async def works() -> str:
            await asyncio.sleep(0)
            return await ctx.step("work", lambda scope: _note(done, "worked"))

        return await ctx.gather(asks(), works())

    turns = await play(lab, body)
    await lab.settle()
    assert turns.ends == ["paused"]
    assert done == ["worked"]

    wait_id = lab.rows("SELECT id FROM waits")[0][0]
    close = CloseWait(wait_id=wait_id, state="answered", at=2, answer={"approved": True}, by="eve")
    await lab.journal.commit(None, [close])
    await lab.lanes.wake("fake:r1:")
    await lab.settle()

    assert turns.ends == ["paused", ["eve", "worked"]]
    assert done == ["worked"]


async def test_a_wait_is_decided_once_whoever_comes_second(lab: Lab):
    async def body(ctx: RunContext) -> Any:
        return (await ctx.wait("ask", WaitSpec(kind="approval"))).by

    turns = await play(lab, body)
    await lab.settle()
    wait_id = lab.rows("SELECT id FROM waits")[0][0]

    def decision(by: str) -> CloseWait:
        return CloseWait(wait_id=wait_id, state="answered", at=2, answer={"approved": True}, by=by)

    results = await asyncio.gather(
        *(lab.journal.commit(None, [decision(by)]) for by in ("eve", "bob", "eve")), return_exceptions=True
    )
    await lab.lanes.wake("fake:r1:")
    await lab.settle()

    assert [isinstance(result, Conflict) for result in results] == [False, True, True]
    assert turns.ends == ["paused", "eve"]


async def test_what_a_step_writes_is_committed_with_its_result(lab: Lab):
    async def body(ctx: RunContext) -> None:
        async def ask(scope: StepScope) -> str:
            scope.write(AddUsage(call=ModelCall(id="mc-1", at=1, run_id=ctx.run.id)))
            return "answer"

        await ctx.step("model", ask)

    await play(lab, body)
    await lab.settle()

    assert lab.rows("SELECT id FROM model_calls") == [("mc-1",)]


async def test_a_result_is_kept_in_memory_until_the_disk_takes_it(lab: Lab):
    """An effect was made and the disk is full: asking again later must not make it a second time."""
    done: list[str] = []
    full: list[bool] = []

    async def body(ctx: RunContext) -> Any:
        async def refund(scope: StepScope) -> str:
            full.append(True)
            return await _note(done, "refunded")

        return await ctx.step("refund", refund, once=True)

    lab.journal.fault = lambda name, args: StoreFull("no space") if full and name == "commit" else None
    turns = await play(lab, body)
    await lab.clock.sleeping()
    assert turns.ends == []

    full.clear()
    await lab.clock.advance(10)
    await lab.settle()

    assert done == ["refunded"]
    assert turns.ends == ["refunded"]
    assert lab.undone() == 0


async def test_a_stop_cuts_off_work_that_may_be_repeated(lab: Lab):
    cut: list[str] = []

    async def body(ctx: RunContext) -> Any:
        async def ask(scope: StepScope) -> str:
            ctx.stop.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cut.append("cut")
                ctx.write(AddUsage(call=ModelCall(id="mc-cut", at=1, run_id=ctx.run.id, finish="cut")))
                raise
            return "never"

        return await ctx.step("model", ask)

    turns = await play(lab, body)
    await lab.settle()

    assert turns.ends == ["stopped"]
    assert cut == ["cut"]
    assert lab.rows("SELECT finish FROM model_calls") == [("cut",)], "the part that was used is booked"
    assert lab.rows("SELECT state FROM runs") == [("cancelled",)]


async def test_a_stop_awaits_and_records_an_effect_that_was_sent(lab: Lab):
    done: list[str] = []

    async def body(ctx: RunContext) -> Any:
        async def refund(scope: StepScope) -> str:
            ctx.stop.set()
            await asyncio.sleep(0)
            return await _note(done, "refunded")

        await ctx.step("refund", refund, once=True)
        return await ctx.step("next", lambda scope: _note(done, "next"))

    turns = await play(lab, body)
    await lab.settle()

    assert turns.ends == ["stopped"]
    assert done == ["refunded"]
    assert lab.rows("SELECT key, state FROM steps") == [("refund", "done")]


async def _note(into: list[str], what: str) -> str:
    into.append(what)
    return what


async def test_branches_do_not_overtake_the_commit_that_starts_their_run(lab: Lab):
    """The first branch's commit carries the run; it waits for the disk, and the second one waits with it."""
    commits: list[int] = []

    def fault(name: str, args: tuple[Any, ...]) -> Exception | None:
        if name != "commit":
            return None
        commits.append(len(args[1]))
        return StoreFull("no space") if len(commits) == 1 else None

    async def body(ctx: RunContext) -> Any:
        return await ctx.gather(
            ctx.step("a", lambda scope: _note([], "a")), ctx.step("b", lambda scope: _note([], "b"))
        )

    lab.journal.fault = fault
    turns = await play(lab, body)
    await lab.clock.sleeping()
    await lab.clock.advance(1)
    await lab.settle()

    assert turns.ends == [["a", "b"]]


async def test_a_cancellation_from_elsewhere_is_not_taken_for_a_stop(lab: Lab):
    going = asyncio.Event()

    async def body(ctx: RunContext) -> Any:
        async def ask(scope: StepScope) -> str:
            going.set()
            await asyncio.Event().wait()
            return "never"

        return await ctx.step("model", ask)

    turns = await play(lab, body)
    await going.wait()
    await lab.lanes.drain(0)

    assert turns.ends == []
    assert lab.undone() == 1


async def test_work_that_ends_as_the_stop_arrives_keeps_its_result(lab: Lab):
    async def body(ctx: RunContext) -> Any:
        async def ask(scope: StepScope) -> str:
            ctx.stop.set()
            return "said"

        await ctx.step("model", ask)
        return await ctx.step("next", lambda scope: _note([], "next"))

    turns = await play(lab, body)
    await lab.settle()

    assert turns.ends == ["stopped"]
    assert lab.rows("SELECT key, state FROM steps") == [("model", "done")]
