"""The contract of what processes on one database tell each other."""

from __future__ import annotations

__all__ = ["SignalsContract"]

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

import pytest

from botkit.core.errors import Conflict
from botkit.core.events import Conversation
from botkit.core.journal import CloseWait, Consume, Journal, OpenWait, Requeue, SetRun, Signal, Wake
from botkit.testing.stores.database import Database
from botkit.testing.stores.samples import LANE, a_run, a_step, a_wait, an_event, begin_run


class SignalsContract:
    """Two or three processes on one database. Subclass with a `database` fixture."""

    async def test_who_begins_to_listen_is_told_to_look(self, database: Database) -> None:
        async with aclosing((await database.open()).journal.signals()) as signals:
            assert await anext(signals) == Signal(kind="recover")

    async def test_whoever_works_on_a_lane_hears_of_its_new_events_and_nobody_else(self, database: Database) -> None:
        one, two, three = [(await database.open()).journal for _ in range(3)]
        await begin_run(one)
        async with _listening(one) as heard, _listening(three) as idle:
            accepted = await two.accept(an_event("u2"), LANE)
            assert accepted.claimed is None
            assert await anext(heard) == Signal(kind="lane", lane=LANE, event_id=accepted.id)
            last = await _says_last(two)
            assert await anext(idle) == last, "it has nothing to do with that lane"

    async def test_an_event_nobody_took_is_told_to_everybody(self, database: Database) -> None:
        one, two = [(await database.open()).journal for _ in range(2)]
        async with _listening(one) as heard:
            accepted = await two.accept(an_event("u1"), LANE, claim=False)
            assert await anext(heard) == Signal(kind="lane", lane=LANE, event_id=accepted.id)

    async def test_what_a_process_does_itself_it_is_not_told(self, database: Database) -> None:
        one, two = [(await database.open()).journal for _ in range(2)]
        async with _listening(one) as heard:
            await one.accept(an_event("u1"), LANE, claim=False)
            await one.commit(None, [Wake(lane=LANE, event=an_event("w1"))])
            last = await _says_last(two)
            assert await anext(heard) == last

    async def test_a_decision_in_another_process_is_told(self, database: Database) -> None:
        one, two = [(await database.open()).journal for _ in range(2)]
        run = a_run()
        wait = a_wait(run)
        claim, _, _ = await begin_run(one, "u1", OpenWait(wait=wait), run=run)
        async with _listening(one) as heard:
            await two.commit(None, [CloseWait(wait_id=wait.id, state="answered", at=1, by="ada")])
            signal = await anext(heard)
            assert (signal.kind, signal.lane) == ("lane", LANE)
            assert [(row.id, row.event.kind) for row in await one.pending(claim)] == [(signal.event_id, "wake")]

    async def test_a_run_ended_from_outside_is_told(self, database: Database) -> None:
        one, two = [(await database.open()).journal for _ in range(2)]
        _, run, _ = await begin_run(one)
        async with _listening(one) as heard:
            await two.commit(None, [SetRun(run_id=run.id, state="cancelled", at=1)])
            assert await anext(heard) == Signal(kind="run", run_id=run.id)

    async def test_events_given_back_to_a_lane_are_told(self, database: Database) -> None:
        one, two = [(await database.open()).journal for _ in range(2)]
        accepted = await one.accept(an_event("u1"), LANE)
        assert accepted.claimed is not None
        kept = Consume(event_ids=(accepted.id,), outcome="queued: run_1")
        await one.commit(accepted.claimed.claim, [kept], release=True)
        async with _listening(one) as heard:
            await two.commit(None, [Requeue(lane=LANE, outcome="queued: nothing")])
            await two.commit(None, [Requeue(lane=LANE, outcome="queued: run_1")])
            assert await anext(heard) == Signal(kind="lane", lane=LANE)
            last = await _says_last(two)
            assert await anext(heard) == last

    async def test_what_was_not_committed_is_not_told(self, database: Database) -> None:
        one, two = [(await database.open()).journal for _ in range(2)]
        claim, run, _ = await begin_run(two)
        await two.commit(claim, [a_step(run, "once")])
        async with _listening(one) as heard:
            with pytest.raises(Conflict):
                await two.commit(claim, [Wake(lane=LANE, event=an_event("w1")), a_step(run, "once")])
            last = await _says_last(two)
            assert await anext(heard) == last

    async def test_a_clean_end_is_told(self, database: Database) -> None:
        one, two = await database.open(), await database.open()
        async with _listening(one.journal) as heard:
            await two.close()
            assert await anext(heard) == Signal(kind="recover")

    async def test_a_word_too_long_for_the_database_becomes_a_call_to_look(self, database: Database) -> None:
        one, two = [(await database.open()).journal for _ in range(2)]
        room = Conversation(channel="desk", room="r" * 9000)
        async with _listening(one) as heard:
            await two.accept(an_event("u1", room=room), room.key, claim=False)
            assert await anext(heard) == Signal(kind="recover")


_LAST_LANE = "desk:last:"


async def _says_last(journal: Journal) -> Signal:
    """Do something that everybody hears, after which nothing else comes; what is heard."""
    accepted = await journal.accept(an_event("last"), _LAST_LANE, claim=False)
    return Signal(kind="lane", lane=_LAST_LANE, event_id=accepted.id)


@asynccontextmanager
async def _listening(journal: Journal) -> AsyncGenerator[AsyncGenerator[Signal]]:
    """Signals from now on."""
    async with aclosing(journal.signals()) as signals:
        await anext(signals)
        yield signals
