"""The contract of the journal port within one process."""

from __future__ import annotations

__all__ = ["JournalContract"]

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from botkit.core.errors import Conflict, Fenced, NotFound
from botkit.core.events import Conversation
from botkit.core.journal import (
    Claimed,
    CloseWait,
    Consume,
    DropTimer,
    Emit,
    EndSession,
    Intent,
    Journal,
    MarkWelcomed,
    OpenWait,
    PutSession,
    PutTimer,
    Requeue,
    Say,
    Session,
    SetPart,
    SetRun,
    StartRun,
    TranscriptRow,
    Wake,
)
from botkit.core.models import Usage
from botkit.testing.stores.database import Database, Stores
from botkit.testing.stores.samples import LANE, ROOM, a_part, a_run, a_step, a_wait, an_event, begin_run

OTHER = Conversation(channel="desk", room="8")


class JournalContract:
    """Subclass with a `database` fixture."""

    @pytest.fixture
    async def store(self, database: Database) -> AsyncIterator[Stores]:
        store = await database.open()
        yield store
        await store.close()

    @pytest.fixture
    def journal(self, store: Stores) -> Journal:
        return store.journal

    # ── accept and claim ─────────────────────────────────────────────────────────────────────────────────

    async def test_an_accepted_event_comes_back_with_the_claim_of_its_lane(self, journal: Journal) -> None:
        event = an_event("u1", "where is ORD-1042?")
        accepted = await journal.accept(event, LANE)
        assert accepted.new
        assert accepted.claimed is not None
        assert [row.event for row in accepted.claimed.events] == [event]
        assert accepted.claimed.events[0].id == accepted.id
        assert accepted.claimed.claim.owner == journal.owner

    async def test_a_redelivered_event_is_stored_once(self, journal: Journal) -> None:
        first = await journal.accept(an_event("u1"), LANE)
        again = await journal.accept(an_event("u1", "changed on the way"), LANE)
        assert (again.new, again.id, again.claimed) == (False, first.id, None)
        assert first.claimed is not None
        assert len(await journal.pending(first.claimed.claim)) == 1

    async def test_a_redelivery_to_an_idle_lane_leaves_it_idle(self, journal: Journal) -> None:
        claim, _, _ = await begin_run(journal)
        await journal.commit(claim, (), release=True)
        assert (await journal.accept(an_event("u1"), LANE)).claimed is None
        assert await journal.claim(LANE) is not None

    async def test_the_same_key_on_another_channel_is_another_event(self, journal: Journal) -> None:
        there = Conversation(channel="sales", room="7")
        assert (await journal.accept(an_event("u1"), LANE)).new
        assert (await journal.accept(an_event("u1", room=there), there.key)).new

    async def test_a_lane_that_is_worked_on_is_not_claimed_twice(self, journal: Journal) -> None:
        first = await journal.accept(an_event("u1"), LANE)
        second = await journal.accept(an_event("u2"), LANE)
        assert first.claimed is not None
        assert second.claimed is None
        assert await journal.claim(LANE) is None
        assert [row.event.dedupe_key for row in await journal.pending(first.claimed.claim)] == ["u1", "u2"]

    async def test_lanes_are_independent(self, journal: Journal) -> None:
        assert (await journal.accept(an_event("u1"), LANE)).claimed is not None
        assert (await journal.accept(an_event("u2", room=OTHER), OTHER.key)).claimed is not None

    async def test_accept_without_claim_leaves_the_lane_to_others(self, journal: Journal) -> None:
        assert (await journal.accept(an_event("u1"), LANE, claim=False)).claimed is None
        claimed = await journal.claim(LANE)
        assert claimed is not None
        assert [row.event.dedupe_key for row in claimed.events] == ["u1"]

    async def test_a_claim_brings_everything_that_waits_in_order_of_arrival(self, journal: Journal) -> None:
        for number in range(5):
            await journal.accept(an_event(f"u{number}"), LANE, claim=False)
        accepted = await journal.accept(an_event("u5"), LANE)
        assert accepted.claimed is not None
        assert [row.event.dedupe_key for row in accepted.claimed.events] == [f"u{n}" for n in range(6)]

    async def test_many_at_once_are_all_stored_and_each_lane_claimed_once(self, journal: Journal) -> None:
        accepted = await asyncio.gather(*(journal.accept(an_event(f"u{n}"), f"lane-{n % 5}") for n in range(60)))
        assert all(one.new for one in accepted)
        assert sum(one.claimed is not None for one in accepted) == 5

    async def test_hostile_text_is_stored_and_read_back_harmless(self, journal: Journal) -> None:
        accepted = await journal.accept(an_event("k\x00ey", "a\x00b \ud83d lone \udc00 end"), LANE, claim=False)
        assert accepted.new
        claimed = await journal.claim(LANE)
        assert claimed is not None
        text = claimed.events[0].event.text
        assert "lone" in text
        assert "\ud83d" not in text
        late = await journal.accept(an_event("u2", "lone \udc00", room=OTHER), OTHER.key)
        assert late.claimed is not None
        assert late.claimed.events[0].event.text == "lone \ufffd"
        assert not (await journal.accept(an_event("k\x00ey"), LANE)).new

    async def test_a_ten_megabyte_message_is_stored_whole(self, journal: Journal) -> None:
        text = "ä" * 5_000_000
        accepted = await journal.accept(an_event("u1", text), LANE, claim=False)
        assert accepted.new
        claimed = await journal.claim(LANE)
        assert claimed is not None
        assert claimed.events[0].event.text == text

    # ── commit and release ───────────────────────────────────────────────────────────────────────────────

    async def test_release_gives_an_idle_lane_up(self, journal: Journal) -> None:
        claim, _, _ = await begin_run(journal)
        assert not (await journal.commit(claim, (), release=True)).more
        claimed = await journal.claim(LANE)
        assert claimed is not None
        assert claimed.claim.epoch > claim.epoch

    async def test_release_keeps_a_lane_in_which_something_waits(self, journal: Journal) -> None:
        claim, _, _ = await begin_run(journal)
        await journal.accept(an_event("u2"), LANE)
        assert (await journal.commit(claim, (), release=True)).more
        assert await journal.claim(LANE) is None
        assert [row.event.dedupe_key for row in await journal.pending(claim)] == ["u2"]

    async def test_a_claim_that_was_released_is_fenced(self, journal: Journal) -> None:
        claim, run, _ = await begin_run(journal)
        await journal.commit(claim, (), release=True)
        with pytest.raises(Fenced):
            await journal.commit(claim, [a_step(run, "turn/0")])
        with pytest.raises(Fenced):
            await journal.pending(claim)
        loaded = await journal.load_run(run.id)
        assert loaded is not None
        assert loaded.steps == {}

    async def test_a_commit_applies_all_writes_or_none(self, journal: Journal) -> None:
        claim, run, _ = await begin_run(journal)
        await journal.commit(claim, [a_step(run, "a")])
        with pytest.raises(Conflict):
            await journal.commit(claim, [a_step(run, "b"), Emit(part=a_part("p1")), a_step(run, "a")])
        loaded = await journal.load_run(run.id)
        assert loaded is not None
        assert set(loaded.steps) == {"a"}
        assert await journal.send_next(LANE) is None

    async def test_a_failing_commit_spares_those_that_travel_with_it(self, journal: Journal) -> None:
        claim, run, _ = await begin_run(journal)
        await journal.commit(claim, [a_step(run, "once")])
        results = await asyncio.gather(
            *(journal.commit(claim, [a_step(run, "once" if n % 3 == 0 else f"s{n}")]) for n in range(30)),
            return_exceptions=True,
        )
        assert [isinstance(result, Conflict) for result in results] == [n % 3 == 0 for n in range(30)]
        loaded = await journal.load_run(run.id)
        assert loaded is not None
        assert set(loaded.steps) == {"once"} | {f"s{n}" for n in range(30) if n % 3}

    async def test_consumed_events_are_not_pending(self, journal: Journal) -> None:
        accepted = await journal.accept(an_event("u1"), LANE)
        assert accepted.claimed is not None
        await journal.commit(accepted.claimed.claim, [Consume(event_ids=(accepted.id,), outcome="command")])
        assert list(await journal.pending(accepted.claimed.claim)) == []

    async def test_an_event_starts_one_run(self, journal: Journal) -> None:
        claim, _, row = await begin_run(journal)
        with pytest.raises(Conflict):
            await journal.commit(claim, [StartRun(run=a_run(), event_ids=(row.id,))])

    async def test_requeued_events_wait_again_in_their_order(self, journal: Journal) -> None:
        claims: list[Claimed] = []
        for key in ("u1", "u2", "u3"):
            accepted = await journal.accept(an_event(key), LANE)
            if accepted.claimed is not None:
                claims.append(accepted.claimed)
            outcome = "command" if key == "u2" else "held"
            await journal.commit(None, [Consume(event_ids=(accepted.id,), outcome=outcome)])
        claim = claims[0].claim
        assert list(await journal.pending(claim)) == []
        await journal.commit(claim, [Requeue(lane=LANE, outcome="held")])
        assert [row.event.dedupe_key for row in await journal.pending(claim)] == ["u1", "u3"]

    # ── runs and steps ───────────────────────────────────────────────────────────────────────────────────

    async def test_a_run_comes_back_as_it_was_written(self, journal: Journal) -> None:
        run = a_run(
            input={"text": "hi", "deep": {"n": [1, 2.5, None, True]}},
            kind="workflow",
            revision="r1",
            session_id="ses_1",
            parent_id="run_0",
            conversation_kind="group",
            usage=Usage(input_tokens=7),
            started_at=11,
            updated_at=12,
        )
        await begin_run(journal, "u1", run=run)
        loaded = await journal.load_run(run.id)
        assert loaded is not None
        assert loaded.run == run

    async def test_an_unknown_run_is_none(self, journal: Journal) -> None:
        assert await journal.load_run("run_none") is None

    async def test_steps_come_back_with_their_results(self, journal: Journal) -> None:
        claim, run, _ = await begin_run(journal)
        for number in range(3):
            await journal.commit(claim, [a_step(run, f"turn/{number}", {"n": number, "text": "ü" * 500})])
        loaded = await journal.load_run(run.id)
        assert loaded is not None
        assert [msgspec.json.decode(step.result)["n"] for step in loaded.steps.values()] == [0, 1, 2]

    async def test_a_step_is_done_once(self, journal: Journal) -> None:
        claim, run, _ = await begin_run(journal)
        await journal.commit(claim, [a_step(run, "turn/0", "first")])
        with pytest.raises(Conflict):
            await journal.commit(claim, [a_step(run, "turn/0", "second")])
        loaded = await journal.load_run(run.id)
        assert loaded is not None
        assert msgspec.json.decode(loaded.steps["turn/0"].result) == "first"

    async def test_an_intent_becomes_a_result_and_keeps_its_key(self, journal: Journal) -> None:
        claim, run, _ = await begin_run(journal)
        intent = Intent(run_id=run.id, key="turn/0", name="orders__refund", idempotency_key="idem-1", at=5)
        await journal.commit(claim, [intent])
        await journal.commit(claim, [intent])  # a repeat after a lost answer changes nothing
        loaded = await journal.load_run(run.id)
        assert loaded is not None
        assert loaded.steps["turn/0"].state == "intent"
        await journal.commit(claim, [a_step(run, "turn/0", "refunded")])
        loaded = await journal.load_run(run.id)
        assert loaded is not None
        step = loaded.steps["turn/0"]
        assert (step.state, step.idempotency_key, step.started_at) == ("done", "idem-1", 5)
        with pytest.raises(Conflict):
            await journal.commit(claim, [intent])

    async def test_a_step_of_no_run_is_refused(self, journal: Journal) -> None:
        claim, _, _ = await begin_run(journal)
        with pytest.raises(NotFound):
            await journal.commit(claim, [a_step(a_run(), "turn/0")])

    async def test_a_finished_run_never_changes_again(self, journal: Journal) -> None:
        claim, run, _ = await begin_run(journal)
        done = SetRun(run_id=run.id, state="completed", at=9, output={"text": "bye"}, usage=Usage(output_tokens=3))
        await journal.commit(claim, [done])
        with pytest.raises(Conflict):
            await journal.commit(claim, [SetRun(run_id=run.id, state="running", at=10)])
        loaded = await journal.load_run(run.id)
        assert loaded is not None
        assert (loaded.run.state, loaded.run.ended_at, loaded.run.output) == ("completed", 9, {"text": "bye"})
        assert loaded.run.usage.output_tokens == 3

    async def test_changing_a_run_that_is_not_there_is_an_error(self, journal: Journal) -> None:
        with pytest.raises(NotFound):
            await journal.commit(None, [SetRun(run_id="run_none", state="failed", at=1)])

    async def test_a_waiting_run_keeps_its_output_when_it_goes_on(self, journal: Journal) -> None:
        claim, run, _ = await begin_run(journal)
        waiting = SetRun(run_id=run.id, state="waiting", waiting_for="approval", at=3, output={"so": "far"})
        await journal.commit(claim, [waiting])
        await journal.commit(claim, [SetRun(run_id=run.id, state="running", at=4)])
        loaded = await journal.load_run(run.id)
        assert loaded is not None
        assert (loaded.run.state, loaded.run.waiting_for, loaded.run.output) == ("running", "", {"so": "far"})

    # ── waits ────────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_wait_comes_back_as_it_was_written(self, journal: Journal) -> None:
        run = a_run()
        wait = a_wait(
            run,
            kind="approval",
            conversation=LANE,
            person_id="per_1",
            approvers=("admin", "person:per_2"),
            payload={"tool": "orders__refund", "arguments": {"amount": 5}},
            token="tok",
            part_id="part_1",
            created_at=4,
            expires_at=99,
        )
        await begin_run(journal, "u1", OpenWait(wait=wait), run=run)
        assert await journal.find_wait(wait_id=wait.id) == wait
        assert await journal.find_wait(token="tok") == wait
        assert await journal.find_wait(token="") is None
        assert await journal.find_wait(wait_id="none") is None
        assert (await journal.context(LANE)).waits == (wait,)

    async def test_opening_a_wait_again_leaves_it_as_it_is(self, journal: Journal) -> None:
        run = a_run()
        claim, _, _ = await begin_run(journal, "u1", OpenWait(wait=a_wait(run, token="one")), run=run)
        await journal.commit(claim, [OpenWait(wait=a_wait(run, token="two"))])
        assert await journal.find_wait(token="two") is None
        loaded = await journal.load_run(run.id)
        assert loaded is not None
        assert [wait.token for wait in loaded.waits] == ["one"]

    async def test_a_decision_wakes_the_run_once(self, journal: Journal) -> None:
        run = a_run()
        wait = a_wait(run)
        claim, _, _ = await begin_run(journal, "u1", OpenWait(wait=wait), run=run)
        await journal.commit(claim, [SetRun(run_id=run.id, state="waiting", waiting_for="reply", at=2)], release=True)
        close = CloseWait(wait_id=wait.id, state="answered", at=7, answer={"text": "yes"}, by="per_1", via="cli")
        await journal.commit(None, [close])
        with pytest.raises(Conflict):
            await journal.commit(None, [close])
        claimed = await journal.claim(LANE)
        assert claimed is not None
        (row,) = claimed.events
        assert (row.event.kind, row.event.channel, row.event.dedupe_key) == ("wake", "@wake", wait.id)
        assert row.event.conversation == ROOM
        signal = row.event.signal or {}
        assert (signal["run_id"], signal["wait_id"], signal["key"]) == (run.id, wait.id, wait.key)
        assert (signal["state"], signal["answer"]) == ("answered", {"text": "yes"})
        closed = await journal.find_wait(wait_id=wait.id)
        assert closed is not None
        assert (closed.state, closed.answer, closed.decided_by, closed.decided_via, closed.decided_at) == (
            "answered",
            {"text": "yes"},
            "per_1",
            "cli",
            7,
        )
        assert claimed.context.waits == ()

    async def test_of_two_deciders_one_wins(self, journal: Journal) -> None:
        run = a_run()
        wait = a_wait(run)
        await begin_run(journal, "u1", OpenWait(wait=wait), run=run)
        results = await asyncio.gather(
            *(
                journal.commit(None, [CloseWait(wait_id=wait.id, state="answered", at=n, answer={"n": n}, by=str(n))])
                for n in range(10)
            ),
            return_exceptions=True,
        )
        assert sum(not isinstance(result, BaseException) for result in results) == 1
        closed = await journal.find_wait(wait_id=wait.id)
        assert closed is not None
        winner = next(n for n, result in enumerate(results) if not isinstance(result, BaseException))
        assert closed.answer == {"n": winner}

    async def test_a_decision_without_wake_leaves_the_inbox_alone(self, journal: Journal) -> None:
        run = a_run()
        wait = a_wait(run)
        claim, _, _ = await begin_run(journal, "u1", OpenWait(wait=wait), run=run)
        await journal.commit(claim, [CloseWait(wait_id=wait.id, state="expired", at=3, wake=False)])
        assert list(await journal.pending(claim)) == []

    async def test_the_end_of_a_run_cancels_what_it_still_asks(self, journal: Journal) -> None:
        run = a_run()
        wait = a_wait(run)
        claim, _, _ = await begin_run(journal, "u1", OpenWait(wait=wait), run=run)
        await journal.commit(claim, [SetRun(run_id=run.id, state="cancelled", at=5)])
        with pytest.raises(Conflict):
            await journal.commit(None, [CloseWait(wait_id=wait.id, state="answered", at=6, answer={})])
        await journal.commit(None, [CloseWait(wait_id=wait.id, state="cancelled", at=6)])  # agrees with what is
        assert list(await journal.pending(claim)) == []
        assert (await journal.context(LANE)).waits == ()

    async def test_deciding_a_wait_that_is_not_there_is_an_error(self, journal: Journal) -> None:
        with pytest.raises(NotFound):
            await journal.commit(None, [CloseWait(wait_id="none", state="answered", at=1)])

    # ── wake-ups and timers ──────────────────────────────────────────────────────────────────────────────

    async def test_a_wake_arrives_once(self, journal: Journal) -> None:
        wake = Wake(lane=LANE, event=an_event("again"))
        await journal.commit(None, [wake, wake])
        await journal.commit(None, [wake])
        claimed = await journal.claim(LANE)
        assert claimed is not None
        assert [row.event.dedupe_key for row in claimed.events] == ["again"]

    async def test_due_timers_arrive_in_order_and_later_ones_wait(self, journal: Journal, database: Database) -> None:
        now = database.clock.micros()
        timers = [
            PutTimer(id=f"t{n}", at=now + after, lane=LANE, event=an_event(f"timer-{n}"))
            for n, after in enumerate((3_000_000, 1_000_000, 60_000_000))
        ]
        await journal.commit(None, timers)
        assert await journal.fire_timers() == ((), now + 1_000_000)
        await database.clock.advance(5)
        lanes, next_at = await journal.fire_timers()
        assert (list(lanes), next_at) == ([LANE], now + 60_000_000)
        claimed = await journal.claim(LANE)
        assert claimed is not None
        assert [row.event.dedupe_key for row in claimed.events] == ["timer-1", "timer-0"]
        assert await journal.fire_timers() == ((), now + 60_000_000)

    async def test_a_timer_can_be_moved_and_dropped(self, journal: Journal, database: Database) -> None:
        now = database.clock.micros()
        await journal.commit(None, [PutTimer(id="t", at=now + 1_000_000, lane=LANE, event=an_event("e"))])
        await journal.commit(None, [PutTimer(id="t", at=now + 9_000_000, lane=LANE, event=an_event("e"))])
        await database.clock.advance(2)
        assert await journal.fire_timers() == ((), now + 9_000_000)
        await journal.commit(None, [DropTimer(id="t")])
        assert await journal.fire_timers() == ((), 0)

    async def test_timers_fire_no_more_than_asked_for_at_once(self, journal: Journal, database: Database) -> None:
        now = database.clock.micros()
        timers = [PutTimer(id=f"t{n}", at=now + n, lane=f"l{n}", event=an_event(f"e{n}")) for n in range(5)]
        await journal.commit(None, timers)
        await database.clock.advance(1)
        assert await journal.fire_timers(limit=2) == (("l0", "l1"), now + 2)

    # ── outbox ───────────────────────────────────────────────────────────────────────────────────────────

    async def test_parts_are_sent_in_order_and_by_one_sender(self, journal: Journal) -> None:
        await journal.commit(None, [Emit(part=a_part(f"p{n}", text=f"text {n}")) for n in range(3)])
        await journal.commit(None, [Emit(part=a_part("p9", room=OTHER))])
        part = await journal.send_next(LANE)
        assert part is not None
        assert (part.id, part.state, part.attempts, part.text) == ("p0", "sending", 1, "text 0")
        assert part.conversation == ROOM
        sent = SetPart(part_id="p0", state="sent", at=3, message_id="m-1", if_state=("sending",))
        part = await journal.send_next(LANE, done=sent)
        assert part is not None
        assert part.id == "p1"
        part = await journal.send_next(LANE)
        assert part is not None
        assert part.id == "p2"
        assert await journal.send_next(LANE) is None

    async def test_a_commit_can_begin_to_send_what_is_first_in_its_chat(self, journal: Journal) -> None:
        await journal.commit(None, [Emit(part=a_part("p0", text="earlier")), Emit(part=a_part("p9", room=OTHER))])
        claim, run, _ = await begin_run(journal)
        end = SetRun(run_id=run.id, state="completed", at=3)
        committed = await journal.commit(claim, [end, Emit(part=a_part("p1"))], release=True, send=LANE)
        assert committed.part is not None
        assert (committed.part.id, committed.part.state, committed.part.attempts) == ("p0", "sending", 1)
        assert not committed.more
        part = await journal.send_next(LANE)
        assert part is not None
        assert part.id == "p1"
        assert (await journal.commit(None, [], send=LANE)).part is None

    async def test_a_commit_that_fails_begins_to_send_nothing(self, journal: Journal) -> None:
        claim, run, _ = await begin_run(journal)
        await journal.commit(claim, [a_step(run, "once"), Emit(part=a_part("p0"))])
        with pytest.raises(Conflict):
            await journal.commit(claim, [a_step(run, "once")], send=LANE)
        part = await journal.send_next(LANE)
        assert part is not None
        assert (part.id, part.attempts) == ("p0", 1)

    async def test_a_part_goes_back_to_its_place(self, journal: Journal) -> None:
        await journal.commit(None, [Emit(part=a_part(f"p{n}")) for n in range(2)])
        await journal.send_next(LANE)
        part = await journal.send_next(LANE, done=SetPart(part_id="p0", state="pending", at=3, error="429"))
        assert part is not None
        assert (part.id, part.attempts, part.error) == ("p0", 2, "429")

    async def test_a_part_that_edits_knows_the_message_of_the_other(self, journal: Journal) -> None:
        await journal.commit(None, [Emit(part=a_part("p0"))])
        await journal.send_next(LANE)
        await journal.commit(None, [Emit(part=msgspec.structs.replace(a_part("p1"), edit_of="p0"))])
        part = await journal.send_next(LANE, done=SetPart(part_id="p0", state="sent", at=3, message_id="m-1"))
        assert part is not None
        assert (part.id, part.edit_of, part.message_id) == ("p1", "p0", "m-1")

    async def test_of_many_senders_one_gets_the_part(self, journal: Journal) -> None:
        await journal.commit(None, [Emit(part=a_part("p0"))])
        parts = await asyncio.gather(*(journal.send_next(LANE) for _ in range(10)))
        assert sum(part is not None for part in parts) == 1

    async def test_emitting_a_part_again_changes_nothing(self, journal: Journal) -> None:
        await journal.commit(None, [Emit(part=a_part("p0", text="one"))])
        await journal.commit(None, [Emit(part=a_part("p0", text="two"))])
        part = await journal.send_next(LANE)
        assert part is not None
        assert part.text == "one"
        assert await journal.send_next(LANE) is None

    async def test_a_sent_part_is_not_pending_and_keeps_its_platform_id(self, journal: Journal) -> None:
        await journal.commit(None, [Emit(part=a_part("p0"))])
        await journal.send_next(LANE)
        await journal.commit(None, [SetPart(part_id="p0", state="sent", at=3, message_id="m-1", if_state=("sending",))])
        assert await journal.send_next(LANE) is None
        final = SetPart(part_id="p0", state="pending", at=4, payload={"text": "final"}, text="final")
        await journal.commit(None, [final])
        part = await journal.send_next(LANE)
        assert part is not None
        assert (part.message_id, part.text, part.payload) == ("m-1", "final", {"text": "final"})

    async def test_a_report_from_the_wrong_state_records_the_id_but_not_the_state(self, journal: Journal) -> None:
        await journal.commit(None, [Emit(part=a_part("p0"))])
        await journal.send_next(LANE)
        final = SetPart(part_id="p0", state="pending", at=3, payload={"text": "final"}, text="final")
        await journal.commit(None, [final])
        report = SetPart(part_id="p0", state="sent", at=4, message_id="m-1", if_state=("sending", "unknown"))
        await journal.commit(None, [report])
        part = await journal.send_next(LANE)
        assert part is not None, "it is still pending"
        assert (part.message_id, part.text) == ("m-1", "final")

    async def test_changing_a_part_that_is_not_there_is_an_error(self, journal: Journal) -> None:
        with pytest.raises(NotFound):
            await journal.commit(None, [SetPart(part_id="none", state="sent", at=1)])

    # ── sessions and history ─────────────────────────────────────────────────────────────────────────────

    async def test_a_lane_remembers_its_session_and_the_newest_history(self, journal: Journal) -> None:
        session = Session(id="ses_1", lane=LANE, bot="helper", conversation=LANE, started_at=1, last_at=1)
        rows = [TranscriptRow(session_id="ses_1", role="user", text=f"line {n}", at=n + 1) for n in range(6)]
        await journal.commit(None, [PutSession(session=session), *(Say(row=row) for row in rows)])
        context = await journal.context(LANE, history_limit=4)
        assert context.session == session
        assert [row.text for row in context.history] == ["line 2", "line 3", "line 4", "line 5"]
        assert [row.seq for row in context.history] == sorted(row.seq for row in context.history)
        earlier = await journal.history("ses_1", before_seq=context.history[1].seq, limit=2)
        assert [row.text for row in earlier] == ["line 1", "line 2"]

    async def test_history_starts_after_the_summary(self, journal: Journal) -> None:
        session = Session(id="ses_1", lane=LANE, bot="helper", started_at=1, last_at=1)
        rows = [TranscriptRow(session_id="ses_1", role="user", text=f"line {n}", at=n + 1) for n in range(4)]
        await journal.commit(None, [PutSession(session=session), *(Say(row=row) for row in rows)])
        second = (await journal.context(LANE)).history[1]
        summarised = msgspec.structs.replace(session, summary="lines 0 and 1", summary_seq=second.seq, last_at=9)
        await journal.commit(None, [PutSession(session=summarised)])
        context = await journal.context(LANE)
        assert context.session == summarised
        assert [row.text for row in context.history] == ["line 2", "line 3"]

    async def test_an_ended_session_is_not_the_current_one(self, journal: Journal) -> None:
        old = Session(id="ses_1", lane=LANE, bot="helper", started_at=1, last_at=1)
        new = Session(id="ses_2", lane=LANE, bot="helper", started_at=5, last_at=5)
        await journal.commit(None, [PutSession(session=old)])
        await journal.commit(None, [EndSession(session_id="ses_1", at=4), PutSession(session=new)])
        assert (await journal.context(LANE)).session == new
        await journal.commit(None, [EndSession(session_id="ses_2", at=6)])
        assert (await journal.context(LANE)).session is None

    async def test_a_transcript_row_comes_back_as_it_was_written(self, journal: Journal) -> None:
        session = Session(id="ses_1", lane=LANE, bot="helper", started_at=1, last_at=1)
        row = TranscriptRow(
            session_id="ses_1",
            run_id="run_1",
            role="assistant",
            text="ok",
            data={"calls": [{"id": "c1", "name": "notes__add"}]},
            person_id="per_1",
            name="Ada",
            at=5,
            message_id="m-1",
        )
        await journal.commit(None, [PutSession(session=session), Say(row=row)])
        (found,) = (await journal.context(LANE)).history
        assert msgspec.structs.replace(found, seq=0) == row

    async def test_marking_somebody_welcomed_twice_is_no_error(self, journal: Journal) -> None:
        await journal.commit(None, [MarkWelcomed(person_id="per_1", bot="helper")])
        await journal.commit(None, [MarkWelcomed(person_id="per_1", bot="helper")])
