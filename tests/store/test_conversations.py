"""A conversation is recalled whole, alone, and without a look at those of others; on both databases."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from botkit.core.events import Conversation, User
from botkit.core.journal import Consume, Emit, SetPart, SetRun, StartRun
from botkit.store.conversations import SqlConversations
from botkit.store.open import Store
from botkit.store.reader import Reader
from botkit.testing.stores.samples import a_part, a_run, an_event
from tests.store.conftest import SqlDatabase

ADA = Conversation(channel="site", room="anon-ada", kind="dm")
BOB = Conversation(channel="site", room="anon-bob", kind="dm")


async def talk(store: Store, where: Conversation, number: int) -> str:
    """One message and its answer; the id of the run."""
    user = User(id=where.room)
    person = await store.people.resolve("site", user)
    event = msgspec.structs.replace(an_event(f"{where.room}/{number}", f"question {number}", room=where), sender=user)
    event = msgspec.structs.replace(event, channel="site")
    accepted = await store.journal.accept(event, where.key, claim=False, history_limit=0)
    run = a_run(lane=where.key, person_id=person.id, conversation=where.key)
    part = a_part(f"{run.id}.0", run_id=run.id, room=where, text=f"answer {number}")
    await store.journal.commit(None, [StartRun(run=run, event_ids=(accepted.id,)), Emit(part=part)])
    return run.id


async def recalled(store: Store, where: Conversation, limit: int = 40) -> tuple[list[str], list[str], int]:
    found = await store.conversations.recall("site", where.key, (where.room,), limit=limit)
    return [one.event.text for one in found.heard], [one.part.text for one in found.said], found.since


class Conversations:
    @pytest.fixture
    async def store(self, database: SqlDatabase) -> AsyncIterator[Store]:
        store = await database.open()
        yield store
        await store.close()

    async def test_each_visitor_has_what_was_said_with_them_and_nothing_else(self, store: Store) -> None:
        for number in range(2):
            await talk(store, ADA, number)
            await talk(store, BOB, number + 10)
        assert await recalled(store, ADA) == (["question 0", "question 1"], ["answer 0", "answer 1"], 0)
        assert await recalled(store, BOB) == (["question 10", "question 11"], ["answer 10", "answer 11"], 0)
        assert await recalled(store, Conversation(channel="site", room="anon-eve")) == ([], [], 0)

    async def test_waiting_and_silent_messages_and_notices_are_recalled_too(self, store: Store) -> None:
        for key, outcome in (("waits", ""), ("silent", "ignored")):
            event = msgspec.structs.replace(an_event(key, key, room=ADA), channel="site")
            accepted = await store.journal.accept(event, ADA.key, claim=False, history_limit=0)
            if outcome:
                await store.journal.commit(None, [Consume(event_ids=(accepted.id,), outcome=outcome)])
        notices = [a_part(f"{who.room}.0", room=who, text=f"to {who.room}") for who in (ADA, BOB)]
        await store.journal.commit(None, [Emit(part=notice) for notice in notices])
        assert await recalled(store, ADA) == (["waits", "silent"], ["to anon-ada"], 0)

    async def test_an_old_run_that_went_on_is_among_the_newest(self, store: Store) -> None:
        first = await talk(store, ADA, 0)
        for number in range(1, 4):
            await talk(store, ADA, number)
        at = store.clock.micros() + 60_000_000
        late = a_part(f"{first}.late", run_id=first, room=ADA, text="at last")
        changes = [SetRun(run_id=first, state="completed", at=at), Emit(part=late)]
        await store.journal.commit(None, [*changes, SetPart(part_id=late.id, state="sent", at=at)])
        heard, said, since = await recalled(store, ADA, limit=2)
        assert "question 0" in heard
        assert "at last" in said
        assert 0 < since <= at


class TestOnSqlite(Conversations):
    @pytest.fixture
    def database(self, sqlite_database: SqlDatabase) -> SqlDatabase:
        return sqlite_database


class TestOnPostgres(Conversations):
    @pytest.fixture
    def database(self, postgres_database: SqlDatabase) -> SqlDatabase:
        return postgres_database


async def test_no_table_is_read_from_end_to_end(sqlite_database: SqlDatabase, home: Path) -> None:
    await sqlite_database.open()
    plans: list[str] = []

    class Explaining(Reader):
        def __init__(self) -> None: ...

        async def all(self, statement: object) -> list[tuple[str, int]]:  # pyright: ignore[reportIncompatibleMethodOverride]
            compiled = statement.compile(  # type: ignore[attr-defined]
                dialect=SQLiteDialect_pysqlite(), compile_kwargs={"literal_binds": True}
            )
            with closing(sqlite3.connect(home / "botkit.db")) as connection:
                plans.extend(str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {compiled}"))
            return [("run_1", 1)] if len(plans) < 5 else []

    await SqlConversations(Explaining()).recall("site", ADA.key, (ADA.room,), limit=40)
    assert len(plans) >= 6
    assert [plan for plan in plans if plan.startswith("SCAN")] == []
