"""The contract of the journal port across deaths, and across processes that share a database."""

from __future__ import annotations

__all__ = ["LeaseContract", "RecoveryContract"]

import asyncio

import pytest

from botkit.core.errors import Conflict, Fenced
from botkit.core.journal import CloseWait, Emit, Intent, Journal, OpenWait, PutTimer, SetPart, SetRun, StartRun
from botkit.testing.stores.database import Database
from botkit.testing.stores.samples import LANE, a_part, a_run, a_step, a_wait, an_event, begin_run


class RecoveryContract:
    """A process dies and the next one finds everything. Subclass with a `database` fixture."""

    @pytest.fixture
    def lease_s(self) -> float:
        """Seconds after which a silent process is dead; 0 when the next one knows at once."""
        return 0.0

    async def test_a_running_run_comes_back_with_its_steps(self, database: Database, lease_s: float) -> None:
        dead = await database.open()
        claim, run, _ = await begin_run(dead.journal)
        await dead.journal.commit(claim, [a_step(run, "turn/0", "kept")])
        intent = Intent(run_id=run.id, key="turn/1", name="orders__refund", idempotency_key="i", at=3)
        await dead.journal.commit(claim, [intent])
        await dead.journal.accept(an_event("u2"), LANE)
        await dead.abandon()
        await database.clock.advance(lease_s)

        journal = (await database.open()).journal
        recovered = await journal.recover()
        assert recovered.lanes == (LANE,)
        claimed = await journal.claim(LANE)
        assert claimed is not None
        assert [row.event.dedupe_key for row in claimed.events] == ["u2"]
        assert [open_run.run.id for open_run in claimed.runs] == [run.id]
        assert {key: step.state for key, step in claimed.runs[0].steps.items()} == {
            "turn/0": "done",
            "turn/1": "intent",
        }
        assert claimed.claim.epoch > claim.epoch

    async def test_recovery_lists_only_lanes_with_work(self, database: Database, lease_s: float) -> None:
        dead = await database.open()
        claim, run, _ = await begin_run(dead.journal)
        await dead.journal.commit(claim, [SetRun(run_id=run.id, state="completed", at=1)])  # not released: killed
        await dead.journal.accept(an_event("u2"), "desk:8:")
        paused = a_run(lane="desk:9:")
        accepted = await dead.journal.accept(an_event("u3"), "desk:9:")
        assert accepted.claimed is not None
        await dead.journal.commit(
            accepted.claimed.claim,
            [
                StartRun(run=paused, event_ids=(accepted.id,)),
                OpenWait(wait=a_wait(paused)),
                SetRun(run_id=paused.id, state="waiting", waiting_for="reply", at=2),
            ],
        )
        await dead.abandon()
        await database.clock.advance(lease_s)
        journal = (await database.open()).journal
        assert (await journal.recover()).lanes == ("desk:8:",)
        assert await journal.claim(LANE) is not None
        assert [wait.run_id for wait in (await journal.context("desk:9:")).waits] == [paused.id]

    async def test_a_part_being_sent_at_the_death_is_unknown_and_others_are_delivered(
        self, database: Database, lease_s: float
    ) -> None:
        dead = await database.open()
        await dead.journal.commit(None, [Emit(part=a_part(f"p{n}")) for n in range(3)])
        await dead.journal.send_next(LANE)
        await dead.journal.commit(None, [SetPart(part_id="p0", state="sent", at=1, message_id="m0")])
        await dead.journal.send_next(LANE)
        await dead.abandon()
        await database.clock.advance(lease_s)
        journal = (await database.open()).journal
        recovered = await journal.recover()
        assert [(part.id, part.state) for part in recovered.unknown_parts] == [("p1", "unknown")]
        assert recovered.conversations == (LANE,)
        assert await _begun(journal) == ["p2"]
        again = await journal.recover()
        assert (again.unknown_parts, again.conversations) == ((), ())

    async def test_an_unknown_part_can_be_sent_again_by_decision(self, database: Database, lease_s: float) -> None:
        dead = await database.open()
        await dead.journal.commit(None, [Emit(part=a_part("p0"))])
        await dead.journal.send_next(LANE)
        await dead.abandon()
        await database.clock.advance(lease_s)
        journal = (await database.open()).journal
        await journal.recover()
        await journal.commit(None, [SetPart(part_id="p0", state="pending", at=9, if_state=("sending", "unknown"))])
        part = await journal.send_next(LANE)
        assert part is not None
        assert part.attempts == 2

    async def test_a_clean_end_leaves_its_lanes_to_the_next_at_once(self, database: Database) -> None:
        first = await database.open()
        await begin_run(first.journal)
        await first.journal.commit(None, [Emit(part=a_part("p0"))])
        await first.close()
        journal = (await database.open()).journal
        recovered = await journal.recover()
        assert (recovered.lanes, recovered.conversations) == ((LANE,), (LANE,))
        assert await journal.claim(LANE) is not None

    async def test_timers_outlive_their_process(self, database: Database, lease_s: float) -> None:
        dead = await database.open()
        at = database.clock.micros() + 1_000_000
        await dead.journal.commit(None, [PutTimer(id="t", at=at, lane=LANE, event=an_event("timer"))])
        await dead.abandon()
        await database.clock.advance(lease_s + 60)
        lanes, _ = await (await database.open()).journal.fire_timers()
        assert list(lanes) == [LANE]

    async def test_closing_twice_is_harmless(self, database: Database) -> None:
        store = await database.open()
        await store.close()
        await store.close()


class LeaseContract:
    """Two processes on one database, one of them frozen past its lease. Subclass with `database` and `lease_s`."""

    @pytest.fixture
    def lease_s(self) -> float:
        return 15.0

    async def test_a_living_process_keeps_its_lanes(self, database: Database, lease_s: float) -> None:
        one, two = (await database.open()).journal, (await database.open()).journal
        claim, run, _ = await begin_run(one)
        for _ in range(3):
            await database.clock.advance(lease_s * 0.6)
            await one.heartbeat()
            await two.heartbeat()
        assert (await two.recover()).lanes == ()
        assert await two.claim(LANE) is None
        assert (await two.accept(an_event("u2"), LANE)).claimed is None
        await one.commit(claim, [a_step(run, "turn/0")])
        assert (await one.commit(claim, (), release=True)).more  # the event the other process took in

    async def test_a_process_frozen_past_its_lease_writes_nothing(self, database: Database, lease_s: float) -> None:
        frozen, alive = (await database.open()).journal, (await database.open()).journal
        claim, run, _ = await begin_run(frozen)
        await frozen.commit(claim, [a_step(run, "turn/0", "by the first")])
        await frozen.commit(claim, [Emit(part=a_part("p0")), Emit(part=a_part("p1"))])
        assert await frozen.send_next(LANE) is not None
        await database.clock.advance(lease_s * 0.9)
        await alive.heartbeat()
        await database.clock.advance(lease_s * 0.2)
        assert not await frozen.has_lease()
        assert await alive.has_lease()

        recovered = await alive.recover()
        assert recovered.lanes == (LANE,)
        assert [part.id for part in recovered.unknown_parts] == ["p0"]
        assert recovered.conversations == (LANE,)
        taken = await alive.claim(LANE)
        assert taken is not None
        assert set(taken.runs[0].steps) == {"turn/0"}
        await alive.commit(taken.claim, [a_step(run, "turn/1", "by the second")])

        # The frozen one wakes up in the middle of its turn and goes on as if nothing had happened.
        with pytest.raises(Fenced):
            await frozen.commit(claim, [a_step(run, "turn/1", "too late"), Emit(part=a_part("p2"))])
        with pytest.raises(Fenced):
            await frozen.pending(claim)
        with pytest.raises(Fenced):
            await frozen.commit(claim, (), release=True)
        assert await frozen.send_next(LANE) is None
        with pytest.raises(Fenced):
            await frozen.heartbeat()
        with pytest.raises(Fenced):
            await frozen.claim("desk:8:")
        assert (await frozen.accept(an_event("u9"), "desk:8:")).claimed is None  # stored, for others to work on

        loaded = await alive.load_run(run.id)
        assert loaded is not None
        assert {key: bytes(step.result) for key, step in loaded.steps.items()} == {
            "turn/0": b'"by the first"',
            "turn/1": b'"by the second"',
        }
        assert await _begun(alive) == ["p1"]
        assert "desk:8:" in (await alive.recover()).lanes

    async def test_a_late_heartbeat_saves_a_process_nobody_buried(self, database: Database, lease_s: float) -> None:
        slow, other = (await database.open()).journal, (await database.open()).journal
        claim, run, _ = await begin_run(slow)
        await database.clock.advance(lease_s * 1.5)
        assert not await slow.has_lease()
        await slow.heartbeat()
        assert await slow.has_lease()
        await other.heartbeat()
        assert (await other.recover()).lanes == ()
        await slow.commit(claim, [a_step(run, "turn/0")])

    async def test_claiming_a_dead_owners_lane_buries_the_owner(self, database: Database, lease_s: float) -> None:
        dead, alive = (await database.open()).journal, (await database.open()).journal
        claim, run, _ = await begin_run(dead)
        await database.clock.advance(lease_s * 0.9)
        await alive.heartbeat()
        await database.clock.advance(lease_s * 0.2)
        taken = await alive.claim(LANE)
        assert taken is not None
        assert [open_run.run.id for open_run in taken.runs] == [run.id]
        with pytest.raises(Fenced):
            await dead.heartbeat()
        with pytest.raises(Fenced):
            await dead.commit(claim, [a_step(run, "turn/0")])

    async def test_two_processes_recovering_at_once_share_the_work(self, database: Database, lease_s: float) -> None:
        dead = await database.open()
        for number in range(20):
            await dead.journal.commit(None, [Emit(part=a_part(f"p{number}", run_id=f"r{number}"))])
        await dead.journal.send_next(LANE)
        for number in range(10):
            await dead.journal.accept(an_event(f"u{number}"), f"lane-{number}")
        await dead.abandon()
        await database.clock.advance(lease_s * 1.1)
        one, two = (await database.open()).journal, (await database.open()).journal
        first, second = await asyncio.gather(one.recover(), two.recover())
        assert len(first.unknown_parts) + len(second.unknown_parts) == 1
        assert len(await _begun(one)) + len(await _begun(two)) == 19
        lanes = [f"lane-{n}" for n in range(10)]
        claims = await asyncio.gather(*(journal.claim(lane) for lane in lanes for journal in (one, two)))
        assert sum(claim is not None for claim in claims) == 10

    async def test_an_event_taken_in_twice_at_once_is_stored_once(self, database: Database) -> None:
        one, two = (await database.open()).journal, (await database.open()).journal
        for number in range(10):
            accepted = await asyncio.gather(
                *(journal.accept(an_event(f"u{number}"), f"lane-{number}") for journal in (one, two))
            )
            assert [result.new for result in accepted].count(True) == 1
            assert len({result.id for result in accepted}) == 1
            assert sum(result.claimed is not None for result in accepted) == 1

    async def test_no_wake_up_is_lost_between_release_and_accept(self, database: Database) -> None:
        one, two = (await database.open()).journal, (await database.open()).journal
        for number in range(30):
            lane = f"lane-{number}"
            first = await one.accept(an_event(f"a{number}"), lane)
            assert first.claimed is not None
            run = a_run(lane=lane)
            end = [StartRun(run=run, event_ids=(first.id,)), SetRun(run_id=run.id, state="completed", at=1)]
            committed, second = await asyncio.gather(
                one.commit(first.claimed.claim, end, release=True), two.accept(an_event(f"b{number}"), lane)
            )
            assert committed.more != (second.claimed is not None)

    async def test_of_two_deciders_in_two_processes_one_wins(self, database: Database) -> None:
        one, two = (await database.open()).journal, (await database.open()).journal
        run = a_run()
        wait = a_wait(run)
        await begin_run(one, "u1", OpenWait(wait=wait), run=run)
        results = await asyncio.gather(
            *(
                journal.commit(None, [CloseWait(wait_id=wait.id, state="answered", at=1, by=name)])
                for journal, name in ((one, "ada"), (two, "bo"))
            ),
            return_exceptions=True,
        )
        assert sum(isinstance(result, Conflict) for result in results) == 1
        closed = await one.find_wait(wait_id=wait.id)
        assert closed is not None
        assert closed.decided_by == ("ada" if not isinstance(results[0], Conflict) else "bo")

    async def test_a_timer_fires_in_one_process(self, database: Database) -> None:
        one, two = (await database.open()).journal, (await database.open()).journal
        now = database.clock.micros()
        timers = [PutTimer(id=f"t{n}", at=now, lane=f"lane-{n}", event=an_event(f"t{n}")) for n in range(20)]
        await one.commit(None, timers)
        (first, _), (second, _) = await asyncio.gather(one.fire_timers(limit=15), two.fire_timers(limit=15))
        (rest, _) = await one.fire_timers()
        assert sorted([*first, *second, *rest]) == sorted(f"lane-{n}" for n in range(20))


async def _begun(journal: Journal) -> list[str]:
    """Ids of all parts this process may send, in order; they are `sending` afterwards."""
    ids: list[str] = []
    while (part := await journal.send_next(LANE)) is not None:
        ids.append(part.id)
    return ids
