"""The writer thread: grouping, failing alone, retrying, stopping."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Column, MetaData, Table, Text, insert, select

from botkit.core.errors import Conflict, StoreBusy, StoreError, StoreFull
from botkit.store.query import Query, Tx, arg
from botkit.store.sqlite import SqliteBackend, connect_sqlite
from botkit.store.writer import Retry, Unit, Writer

notes = Table("notes", MetaData(), Column("text", Text, primary_key=True))
ADD = Query("text", lambda _: insert(notes).values(text=arg("text")))
ALL = Query("", lambda _: select(notes.c.text).order_by(notes.c.text))


class Recorder(SqliteBackend):
    """SQLite that counts its commits and fails on demand."""

    def __init__(self, path: Path):
        super().__init__(path)
        self.commits = 0
        self.failures: list[Exception] = []

    def open(self) -> Tx:
        with_table = connect_sqlite(self._path)
        with_table.execute("CREATE TABLE IF NOT EXISTS notes (text TEXT PRIMARY KEY)")
        with_table.close()
        return super().open()

    def commit(self) -> None:
        if self.failures:
            raise self.failures.pop(0)
        super().commit()
        self.commits += 1


@pytest.fixture
def backend(home: Path) -> Recorder:
    home.mkdir()
    return Recorder(home / "notes.db")


def add(text: str) -> Unit[int]:
    return lambda tx: tx(ADD, text).rowcount


def texts(tx: Tx) -> list[str]:
    return [row[0] for row in tx(ALL).fetchall()]


async def test_units_submitted_together_share_one_commit(backend: Recorder) -> None:
    writer = Writer(backend)
    await writer.open()
    assert await asyncio.gather(*(writer.run(add(f"n{n:03}")) for n in range(100))) == [1] * 100
    assert backend.commits == 1
    assert len(await writer.run(texts)) == 100
    await writer.close()


async def test_a_group_is_no_larger_than_its_limit(backend: Recorder) -> None:
    writer = Writer(backend, group_limit=1)
    await writer.open()
    await asyncio.gather(writer.run(add("a")), writer.run(add("b")))
    await writer.run(add("c"))
    assert backend.commits == 2
    await writer.close()


async def test_a_failing_unit_fails_alone_and_leaves_nothing(backend: Recorder) -> None:
    writer = Writer(backend)
    await writer.open()

    def half(tx: Tx) -> None:
        tx(ADD, "half")
        raise Conflict("no")

    results = await asyncio.gather(
        writer.run(add("a")), writer.run(half), writer.run(add("a")), writer.run(add("b")), return_exceptions=True
    )
    assert [type(result) for result in results] == [int, Conflict, Conflict, int]
    assert await writer.run(texts) == ["a", "b"]
    await writer.close()


async def test_an_error_of_ours_inside_a_unit_reaches_its_caller_as_it_is(backend: Recorder) -> None:
    writer = Writer(backend)
    await writer.open()

    def wrong(_: Tx) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await writer.run(wrong)
    assert await writer.run(add("fine")) == 1
    await writer.close()


async def test_a_group_is_run_again_after_a_deadlock(backend: Recorder) -> None:
    backend.failures = [Retry(RuntimeError("deadlock")), Retry(RuntimeError("deadlock"))]
    writer = Writer(backend)
    await writer.open()
    await asyncio.gather(writer.run(add("a")), writer.run(add("b")))
    assert await writer.run(texts) == ["a", "b"]
    await writer.close()


async def test_endless_deadlocks_become_busy_and_write_nothing(backend: Recorder) -> None:
    backend.failures = [Retry(RuntimeError("deadlock"))] * 3
    writer = Writer(backend, attempts=3)
    await writer.open()
    with pytest.raises(StoreBusy, match="deadlock"):
        await writer.run(add("a"))
    assert await writer.run(texts) == []
    await writer.close()


async def test_when_the_group_is_too_large_for_the_disk_each_unit_tries_alone(backend: Recorder) -> None:
    backend.failures = [StoreFull("the group"), StoreFull("the first alone")]
    writer = Writer(backend)
    await writer.open()
    results = await asyncio.gather(writer.run(add("a")), writer.run(add("b")), return_exceptions=True)
    assert [type(result) for result in results] == [StoreFull, int]
    assert await writer.run(texts) == ["b"]
    await writer.close()


async def test_a_cancelled_caller_disturbs_nobody(backend: Recorder) -> None:
    writer = Writer(backend)
    await writer.open()
    leaving = asyncio.ensure_future(writer.run(add("a")))
    staying = asyncio.ensure_future(writer.run(add("b")))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == 1
    assert await writer.run(texts) == ["a", "b"]
    await writer.close()


async def test_closing_finishes_what_was_submitted_and_then_refuses(backend: Recorder) -> None:
    writer = Writer(backend)
    await writer.open()
    pending = [asyncio.ensure_future(writer.run(add(f"n{n}"))) for n in range(10)]
    await asyncio.sleep(0)
    await writer.close()
    assert await asyncio.gather(*pending) == [1] * 10
    with pytest.raises(StoreError, match="closed"):
        await writer.run(texts)
    await writer.close()


async def test_abandoning_commits_nothing_more(backend: Recorder) -> None:
    writer = Writer(backend)
    await writer.open()
    await writer.run(add("before"))
    lost = asyncio.ensure_future(writer.run(add("after")))
    await asyncio.sleep(0)
    writer.abandon()
    assert not lost.done()
    lost.cancel()
    again = Writer(backend)
    await again.open()
    assert await again.run(texts) == ["before"]
    await again.close()


async def test_a_database_that_does_not_open_is_reported_to_whoever_opens_it(home: Path) -> None:
    writer = Writer(SqliteBackend(home / "nowhere" / "x.db"))
    with pytest.raises(StoreError, match="owner and mode"):
        await writer.open()
    with pytest.raises(StoreError, match="closed"):
        await writer.run(texts)
