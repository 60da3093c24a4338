"""What a network, a restart or a rival can do to the writer on PostgreSQL."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from sqlalchemy import insert, select, text, update

from botkit.core.errors import ConfigError, StoreBusy, StoreError
from botkit.store import postgres
from botkit.store.open import Store, open_store
from botkit.store.postgres import PostgresBackend, normal_url
from botkit.store.query import Query, Tx, arg
from botkit.store.schema import lanes
from botkit.store.writer import Unit, Writer
from botkit.testing.stores.samples import LANE, a_step, an_event, begin_run

ADD = Query("lane", lambda _: insert(lanes).values(lane=arg("lane"), owner="", epoch=1))
COUNT = Query("", lambda _: select(lanes.c.lane).order_by(lanes.c.lane))
BUMP = Query("lane", lambda _: update(lanes).values(epoch=lanes.c.epoch + 1).where(lanes.c.lane == arg("lane")))
EPOCHS = Query("", lambda _: select(lanes.c.epoch).order_by(lanes.c.lane))


def cut_connections(url: str) -> None:
    """What an administrator or a failing network does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def test_work_goes_on_after_the_server_dropped_the_connection(home: Path, postgres_url: str) -> None:
    async with open_store(home, postgres_url) as store:
        await store.journal.accept(an_event("u1"), LANE, claim=False)
        assert len(await store.records.inbox()) == 1
        cut_connections(postgres_url)
        assert (await store.journal.accept(an_event("u2"), LANE, claim=False)).new
        assert not (await store.journal.accept(an_event("u1"), LANE, claim=False)).new
        assert len(await store.records.inbox()) == 2


class CutAtCommit(PostgresBackend):
    """The connection breaks during COMMIT, before or after the server did it."""

    def __init__(self, url: str, *, after: bool):
        super().__init__(url)
        self.after = after
        self.cuts = 0

    def _run(self, sql: LiteralString) -> psycopg.Cursor[Any]:
        if sql != "COMMIT" or self.cuts:
            return super()._run(sql)
        self.cuts += 1
        assert self._connection is not None
        if self.after:
            super()._run(sql)
        self._connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")


@pytest.mark.parametrize("after", [True, False])
async def test_a_unit_whose_commit_got_no_answer_is_applied_exactly_once(postgres_url: str, after: bool) -> None:
    backend = CutAtCommit(postgres_url, after=after)
    writer = Writer(backend)
    await writer.open()
    await writer.execute(ADD, "a")  # twice would violate the primary key, never would leave nothing
    assert backend.cuts == 1
    assert [row[0] for row in await writer.run(lambda tx: tx(COUNT).fetchall())] == ["a"]
    await writer.close()


async def test_two_writers_that_lock_in_opposite_order_both_finish(postgres_url: str) -> None:
    one, two = Writer(PostgresBackend(postgres_url)), Writer(PostgresBackend(postgres_url))
    await one.open()
    await two.open()
    await one.execute(ADD, "a")
    await one.execute(ADD, "b")
    barrier = threading.Barrier(2)

    def crosswise(first: str, second: str) -> Unit[None]:
        tries: list[int] = []

        def unit(tx: Tx) -> None:
            tx(BUMP, first)
            tries.append(1)
            if len(tries) == 1:
                barrier.wait(timeout=45)  # both hold one lane and now ask for the other's
            tx(BUMP, second)

        return unit

    await asyncio.gather(one.run(crosswise("a", "b")), two.run(crosswise("b", "a")))
    assert [row[0] for row in await one.run(lambda tx: tx(EPOCHS).fetchall())] == [3, 3]
    await one.close()
    await two.close()


async def test_a_process_frozen_inside_a_transaction_does_not_hold_others_up(home: Path, postgres_url: str) -> None:
    async with open_store(home, postgres_url) as alive:
        claim, _, _ = await begin_run(alive.journal)
        with closing(psycopg.connect(postgres_url)) as frozen:
            frozen.execute("SELECT set_config('idle_in_transaction_session_timeout', '200', false)")
            frozen.commit()
            frozen.execute("SELECT epoch FROM lanes FOR UPDATE")
            assert not (await alive.journal.commit(claim, (), release=True)).more


async def test_a_process_frozen_between_the_statements_of_a_pipeline_does_not_hold_others_up(
    home: Path, postgres_url: str
) -> None:
    """There the server does not count it as idle: three processes once waited for the locks of a fourth for good."""
    async with open_store(home, postgres_url) as alive:
        claim, _, _ = await begin_run(alive.journal)
        frozen = PostgresBackend(postgres_url, freeze_s=0.5)
        tx = frozen.open()
        frozen.begin(together=True)
        assert tx(BUMP, LANE).rowcount == 1
        tx(BUMP, "another")  # sent, and its answer not awaited
        assert not (await alive.journal.commit(claim, (), release=True)).more
        frozen.rollback()
        frozen.close()


async def test_our_connections_ask_the_server_to_end_frozen_transactions(home: Path, postgres_url: str) -> None:
    show = Query("", lambda _: text("SELECT current_setting('idle_in_transaction_session_timeout')"))
    async with open_store(home, postgres_url, lease_s=7) as store:
        assert await _value(store, show) == "7s"


async def _value(store: Store, query: Query) -> object:
    def unit(tx: Tx) -> object:
        row = tx(query).fetchone()
        return None if row is None else row[0]

    return await store.writer.run(unit)


async def test_reads_for_people_cannot_write(home: Path, postgres_url: str) -> None:
    async with open_store(home, postgres_url) as store:
        with pytest.raises(StoreError, match="read-only"):
            await store.reader.all(select(text("pg_advisory_lock(1), nextval('inbox_seq_seq')")))


async def test_a_server_that_is_not_there_is_named_without_the_password(home: Path) -> None:
    with pytest.raises(StoreBusy, match="cannot be reached") as refused:
        async with open_store(home, "postgresql://bot:hunter2@127.0.0.1:1/desk"):
            pass
    assert "desk" in str(refused.value)
    assert "hunter2" not in f"{refused.value} {refused.value.facts}"


async def test_a_database_that_is_not_there_says_what_to_do(home: Path, postgres_server: str) -> None:
    with pytest.raises(StoreError, match="Create it first"):
        async with open_store(home, postgres_server.replace("/postgres?", "/nothing?")):
            pass


@pytest.mark.parametrize(
    "url",
    [
        "hunter2",
        "mysql://u:hunter2@h/x",
        "postgresql://u:hunter2@h:port/x",
        "postgresql://u:hun[ter2@h/x",
    ],
)
def test_a_wrong_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigError, match="BOTKIT_DATABASE_URL") as refused:
        normal_url(url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_all_spellings_of_the_scheme_are_taken(scheme: str) -> None:
    assert normal_url(f"{scheme}://u@h/x") == "postgresql://u@h/x"


async def test_commits_that_travel_together_wait_for_the_server_together(
    home: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = 0

    class Counted(postgres._Answer):  # pyright: ignore[reportPrivateUsage] - there is no other place to count
        @property
        def rowcount(self) -> int:
            self._count()
            return super().rowcount

        def fetchone(self) -> tuple[Any, ...] | None:
            self._count()
            return super().fetchone()

        def _count(self) -> None:
            nonlocal waits
            waits += self._cursor.pgresult is None

    monkeypatch.setattr(postgres, "_Answer", Counted)
    async with open_store(home, postgres_url) as store:
        claim, run, _ = await begin_run(store.journal)
        waits = 0
        await asyncio.gather(*(store.journal.commit(claim, [a_step(run, f"s{n}")]) for n in range(30)))
    assert 0 < waits <= 2, "one journey for all claims and results, not one for each"
