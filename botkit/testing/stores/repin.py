"""The contract of a paused run that goes on with another definition."""

from __future__ import annotations

__all__ = ["RepinContract"]

from collections.abc import AsyncIterator

import msgspec
import pytest

from botkit.core.errors import Conflict
from botkit.core.journal import (
    CloseWait,
    Consume,
    Journal,
    OpenWait,
    PutTimer,
    RenamedStep,
    RenamedWait,
    Repin,
    Run,
    SetRun,
    StartRun,
    Write,
)
from botkit.testing.stores.database import Database, Stores
from botkit.testing.stores.samples import LANE, a_run, a_step, a_wait, an_event

NEW = {"workflow": "refund", "graph_hash": "new"}


def repin(run: Run, **fields: object) -> Repin:
    made = Repin(run_id=run.id, lane=LANE, was="r1", revision="r2", input=NEW, at=9)
    return msgspec.structs.replace(made, **fields)


class RepinContract:
    """Subclass with a `database` fixture."""

    @pytest.fixture
    async def store(self, database: Database) -> AsyncIterator[Stores]:
        store = await database.open()
        yield store
        await store.close()

    @pytest.fixture
    def journal(self, store: Stores) -> Journal:
        return store.journal

    async def _paused(self, journal: Journal, *more: Write) -> Run:
        run = a_run(kind="workflow", revision="r1", input={"workflow": "refund", "graph_hash": "old"})
        waiting = SetRun(run_id=run.id, state="waiting", at=1, waiting_for="reply")
        asked = OpenWait(wait=a_wait(run, "ask/wait/0", token="tok"))
        writes: list[Write] = [StartRun(run=run), a_step(run, "first", 1), asked, waiting, *more]
        await journal.commit(None, writes)
        return run

    async def test_it_goes_on_with_the_other_definition(self, journal: Journal) -> None:
        run = await self._paused(journal)
        step = RenamedStep(key="first", to="begin", result=msgspec.Raw(b"2"))
        wait = RenamedWait(id=f"{run.id}/ask/wait/0", key="question/wait/0", payload={"node": "question"})
        await journal.commit(None, [repin(run, steps=(step,), waits=(wait,))])
        opened = await journal.load_run(run.id)
        assert opened is not None
        assert (opened.run.revision, opened.run.input, opened.run.state) == ("r2", NEW, "waiting")
        assert {key: bytes(one.result) for key, one in opened.steps.items()} == {"begin": b"2"}
        assert [(one.key, one.payload, one.token) for one in opened.waits] == [
            ("question/wait/0", {"node": "question"}, "tok")
        ]

    async def test_its_answer_and_its_deadline_still_find_it(self, journal: Journal) -> None:
        run = await self._paused(journal)
        wait = RenamedWait(id=f"{run.id}/ask/wait/0", key="question/wait/0", payload={})
        timer = PutTimer(id=wait.id, at=99, lane=LANE, event=an_event("later"))
        await journal.commit(None, [timer, repin(run, waits=(wait,))])
        await journal.commit(None, [CloseWait(wait_id=wait.id, state="answered", at=5, answer={"text": "yes"})])
        opened = await journal.load_run(run.id)
        assert opened is not None
        assert [(one.key, one.state, one.answer) for one in opened.waits] == [
            ("question/wait/0", "answered", {"text": "yes"})
        ]

    async def test_only_a_run_that_waits_is_moved(self, journal: Journal) -> None:
        run = await self._paused(journal)
        await journal.commit(None, [SetRun(run_id=run.id, state="running", at=2)])
        with pytest.raises(Conflict):
            await journal.commit(None, [repin(run)])
        await journal.commit(None, [SetRun(run_id=run.id, state="completed", at=3)])
        with pytest.raises(Conflict):
            await journal.commit(None, [repin(run)])

    async def test_a_run_that_was_moved_meanwhile_stays(self, journal: Journal) -> None:
        run = await self._paused(journal)
        await journal.commit(None, [repin(run)])
        with pytest.raises(Conflict):
            await journal.commit(None, [repin(run, revision="r3")])

    async def test_nothing_changes_while_somebody_works_on_the_lane(self, journal: Journal) -> None:
        run = await self._paused(journal)
        accepted = await journal.accept(an_event("u7"), LANE)
        assert accepted.claimed is not None
        with pytest.raises(Conflict):
            await journal.commit(None, [repin(run)])
        consumed = Consume(event_ids=(accepted.id,), outcome="command")
        await journal.commit(accepted.claimed.claim, [consumed], release=True)
        await journal.commit(None, [repin(run)])

    async def test_one_name_that_does_not_fit_changes_nothing(self, journal: Journal) -> None:
        run = await self._paused(journal)
        missing = RenamedStep(key="nothing", to="begin", result=msgspec.Raw(b"2"))
        with pytest.raises(Conflict):
            await journal.commit(None, [repin(run, steps=(missing,))])
        opened = await journal.load_run(run.id)
        assert opened is not None
        assert opened.run.revision == "r1"
