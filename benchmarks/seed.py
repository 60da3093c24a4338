"""A database with a past: sessions, finished runs, and runs that wait.

Rows are made by SQL, one statement a table, with a few hundred bytes each, as short turns leave them.
"""

from __future__ import annotations

__all__ = ["Past", "seed"]

import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from botkit.store.open import DATABASE_NAME, open_store

_DAY_US = 86_400_000_000
_RUN_US = 1_000
"""Between the beginnings of two finished runs."""


@dataclass(frozen=True)
class Past:
    sessions: int = 100_000
    finished: int = 1_000_000
    paused: int = 10_000
    workflows: bool = False
    """Whether they are runs of workflows; the paused ones have walked a few nodes."""


# Each table's columns as SQL. `i` counts from 0; `:sessions`, `:at`, `:now` and `:kind` are given.

_ROOM = "'room-' || (i % :sessions)"
_LANE = f"'bench:' || {_ROOM} || ':'"
_SESSION = "printf('ses_%032x', i % :sessions)"
_RUN = "printf('run_%032x', i)"
_BEGUN = f":at + i * {_RUN_US}"
_MESSAGE = """'{"text":"an old message"}'"""
_ANSWER = """'{"text":"an old answer"}'"""


def _place(room: str) -> str:
    return f"""'{{"channel":"bench","room":"' || {room} || '"}}'"""


def _event(room: str) -> str:
    place = _place(room)
    before = """'{"channel":"bench","dedupe_key":"old","kind":"message","conversation":'"""
    after = """',"sender":{"id":"1"},"occurred_at":"2026-01-01T00:00:00Z","text":"an old message"}'"""
    return f"{before} || {place} || {after}"


_SPOKEN = {"session_id": _SESSION, "run_id": _RUN, "data": "'{}'", "at": _BEGUN}

_FINISHED: tuple[tuple[str, Mapping[str, str]], ...] = (
    (
        "inbox",
        {
            "id": "printf('in_%032x', i)",
            "channel": "'bench'",
            "dedupe_key": "'old' || i",
            "lane": _LANE,
            "kind": "'message'",
            "conversation": _LANE,
            "received_at": _BEGUN,
            "done_at": _BEGUN,
            "outcome": "'run'",
            "run_id": _RUN,
            "event": _event(_ROOM),
        },
    ),
    (
        "runs",
        {
            "id": _RUN,
            "kind": ":kind",
            "lane": _LANE,
            "conversation": _LANE,
            "channel": "'bench'",
            "bot": "'desk'",
            "person_id": "'per_old'",
            "session_id": _SESSION,
            "trace_id": "'trc'",
            "state": "'completed'",
            "input": _MESSAGE,
            "output": _ANSWER,
            "usage": "'{}'",
            "started_at": _BEGUN,
            "updated_at": _BEGUN,
            "ended_at": _BEGUN,
        },
    ),
    (
        "steps",
        {
            "run_id": _RUN,
            "key": "'turn/0'",
            "name": "'step'",
            "state": "'done'",
            "result": """'{"text":"what an old step returned"}'""",
            "started_at": _BEGUN,
            "ended_at": _BEGUN,
        },
    ),
    (
        "parts",
        {
            "id": f"{_RUN} || '.0'",
            "run_id": _RUN,
            "conversation": _LANE,
            "channel": "'bench'",
            "place": _place(_ROOM),
            "payload": _ANSWER,
            "text": "'an old answer'",
            "state": "'sent'",
            "message_id": "'1'",
            "owner": "'own_old'",
            "created_at": _BEGUN,
            "updated_at": _BEGUN,
        },
    ),
    ("transcript", {**_SPOKEN, "role": "'user'", "text": "'an old message'"}),
    ("transcript", {**_SPOKEN, "role": "'assistant'", "text": "'an old answer'"}),
)
_SESSIONS: tuple[tuple[str, Mapping[str, str]], ...] = (
    (
        "sessions",
        {
            "id": _SESSION,
            "lane": _LANE,
            "bot": "'desk'",
            "channel": "'bench'",
            "conversation": _LANE,
            "started_at": ":at",
            "last_at": ":now",
        },
    ),
    ("lanes", {"lane": _LANE, "epoch": "10"}),
)

_PAUSED_ROOM = "'paused-' || i"
_PAUSED_LANE = f"'bench:' || {_PAUSED_ROOM} || ':'"
_PAUSED_RUN = "printf('run_paused%026x', i)"
_DUE = f":now + {_DAY_US} + i"

_PAUSED: tuple[tuple[str, Mapping[str, str]], ...] = (
    (
        "runs",
        {
            "id": _PAUSED_RUN,
            "kind": ":kind",
            "lane": _PAUSED_LANE,
            "conversation": _PAUSED_LANE,
            "channel": "'bench'",
            "bot": "'desk'",
            "person_id": "'per_old'",
            "trace_id": "'trc'",
            "state": "'waiting'",
            "waiting_for": "'approval'",
            "input": _MESSAGE,
            "usage": "'{}'",
            "started_at": ":at",
            "updated_at": ":at",
        },
    ),
    (
        "waits",
        {
            "id": f"{_PAUSED_RUN} || '/wait'",
            "run_id": _PAUSED_RUN,
            "lane": _PAUSED_LANE,
            "key": "'wait'",
            "kind": "'approval'",
            "conversation": _PAUSED_LANE,
            "person_id": "'per_old'",
            "approvers": "'[]'",
            "payload": """'{"tool":"orders__refund"}'""",
            "token": "'token' || i",
            "state": "'open'",
            "created_at": ":at",
            "expires_at": _DUE,
        },
    ),
    (
        "timers",
        {"id": f"{_PAUSED_RUN} || '/wait'", "at": _DUE, "lane": _PAUSED_LANE, "event": _event(_PAUSED_ROOM)},
    ),
    ("lanes", {"lane": _PAUSED_LANE, "epoch": "1"}),
)

_VISIT = """'{"n":1,"node":"n","handle":"default","output":{"text":"what a node gave back"}}'"""
_WALKED: tuple[tuple[str, Mapping[str, str]], ...] = tuple(
    (
        "steps",
        {
            "run_id": _PAUSED_RUN,
            "key": f"'n{number}'",
            "name": "'node:act'",
            "state": "'done'",
            "result": _VISIT,
            "started_at": ":at",
            "ended_at": ":at",
        },
    )
    for number in range(3)
)


async def seed(home: Path, past: Past) -> None:
    """Make the database of `home` and fill it. Rooms with a session are `room-0` and so on."""
    async with open_store(home):
        pass
    now = time.time_ns() // 1000
    # Ids and times grow with the number of the run, and all of it was before now.
    begun = now - _DAY_US - past.finished * _RUN_US
    kind = "workflow" if past.workflows else "agent"
    values = {"sessions": past.sessions, "at": begun, "now": now, "kind": kind}
    paused = (*_PAUSED, *_WALKED) if past.workflows else _PAUSED
    with closing(sqlite3.connect(home / DATABASE_NAME, isolation_level=None)) as database:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -500000"):
            database.execute(f"PRAGMA {pragma}").fetchall()
        database.execute("BEGIN")
        for count, tables in (
            (past.finished, _FINISHED),
            (past.sessions, _SESSIONS),
            (past.paused, paused),
        ):
            for table, columns in tables:
                database.execute(_fill(table, columns), {**values, "n": count})
        database.execute("COMMIT")
        database.execute("PRAGMA journal_mode = WAL").fetchall()


def _fill(table: str, columns: Mapping[str, str]) -> str:
    names, values = ", ".join(f'"{name}"' for name in columns), ", ".join(columns.values())
    counted = "WITH RECURSIVE t(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM t WHERE i + 1 < :n)"
    return f"INSERT INTO {table} ({names}) {counted} SELECT {values} FROM t WHERE i < :n"
