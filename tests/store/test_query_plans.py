"""No statement on the path of a turn reads more as history grows."""

from __future__ import annotations

import importlib
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.sql import ClauseElement

from botkit.store import schema
from botkit.store.open import open_store
from botkit.store.query import Query, Tx
from botkit.store.reader import Reader
from botkit.store.records import SqlRecords

HOT = ("contexts", "journal", "lanes", "writes.inbox", "writes.logs", "writes.outbox", "writes.runs",
       "writes.sessions", "writes.waits", "people", "pairing", "administration",
       "members", "oauth", "limits", "call_approvals", "payloads", "notes", "writes.notes")  # fmt: skip

RARE = {
    "lanes._BURY_ALL", "lanes._DEAD_OWNERS", "lanes._FREE_LANES", "lanes._DROP_OTHERS",  # at a start or a death
    "pairing._EXPIRE", "pairing._COUNT_OPEN",  # a few open codes
    "people._INHERIT_CALLS", "people._INHERIT",  # when two accounts become one person
    "administration._DEACTIVATE",
    "limits._EXPIRE", "limits._FORGET_HITS", "limits._FORGET_KEYS", "oauth._EXPIRE_TOKENS",  # housekeeping
}  # fmt: skip


def queries() -> Iterator[tuple[str, Query]]:
    for name in HOT:
        module = importlib.import_module(f"botkit.store.{name}")
        for attribute, value in vars(module).items():
            several = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
            for item in several:
                if isinstance(item, Query):
                    yield f"{name}.{attribute}", item


@pytest.fixture
async def tx(home: Path) -> AsyncIterator[Tx]:
    async with open_store(home):
        pass
    with closing(sqlite3.connect(home / "botkit.db")) as connection:
        yield Tx(lambda sql, args: connection.execute(f"EXPLAIN QUERY PLAN {sql}", args), "sqlite")


async def test_hot_statements_search_an_index_and_never_scan_a_table(tx: Tx) -> None:
    whole_tables = {f"SCAN {table}" for table in schema.metadata.tables}
    scans: dict[str, list[str]] = {}
    checked = 0
    for name, query in queries():
        if name in RARE:
            continue
        plan = [row[3] for row in tx(query, *[None] * len(query.arguments)).fetchall()]
        checked += 1
        if found := [line for line in plan if line in whole_tables]:
            scans[name] = found
    assert checked > 60
    assert scans == {}


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("contexts._UNDONE", "ix_inbox_undone"),
        ("contexts._RUNNING", "ix_runs_open"),
        ("contexts._OPEN_WAITS", "ix_waits_open"),
        ("contexts._SESSION", "ix_sessions_current"),
        ("contexts._HISTORY", "ix_transcript_session_id"),
        ("journal._BEGIN_SEND", "ix_parts_open"),
        ("journal._DUE", "ix_timers_at"),
        ("lanes._RELEASE", "ix_inbox_undone"),
        ("lanes._LOSE_PARTS", "ix_parts_open"),
        ("writes.inbox._REQUEUE", "ix_inbox_silent"),
    ],
)
async def test_what_waits_is_found_by_its_partial_index(tx: Tx, name: str, index: str) -> None:
    query = dict(queries())[name]
    plan = " ".join(row[3] for row in tx(query, *[None] * len(query.arguments)).fetchall())
    assert index in plan


class _Asked:
    """A reader that only takes note."""

    def __init__(self) -> None:
        self.sql = ""

    async def all(self, statement: ClauseElement) -> list[object]:
        dialect = SQLiteDialect_pysqlite()
        self.sql = str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
        return []


@pytest.mark.parametrize("state", ["running", "waiting"])
@pytest.mark.parametrize("before", ["", "run_7"])
async def test_listing_runs_that_have_not_ended_looks_at_no_other(home: Path, state: str, before: str) -> None:
    async with open_store(home):
        pass
    reader = _Asked()
    await SqlRecords(cast("Reader", reader)).runs(state=state, before=before)
    with closing(sqlite3.connect(home / "botkit.db")) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {reader.sql}")]
    scans = [line for line in plan if line.startswith("SCAN")]
    assert scans == ["SCAN runs USING INDEX ix_runs_open"]
