"""Export, erasure and retention.

What is deleted is gone: on SQLite freed pages are overwritten (`secure_delete`) and the log is emptied
afterwards; on PostgreSQL the rows are dead at once and their space is reused when autovacuum has passed.
Candidates are looked up beside the writer; only the deletion itself goes through it, in small units.
"""

from __future__ import annotations

__all__ = ["SqlLifecycle"]

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, case, delete, exists, func, or_, select, update

from botkit.core.clock import Clock
from botkit.core.errors import Conflict
from botkit.core.journal import AddAudit, Audit, Signal
from botkit.core.stores import Erased
from botkit.store.codec import load_json
from botkit.store.files import DiskFiles
from botkit.store.footprint import Rows, find_footprint
from botkit.store.query import Query, Tx, arg, const
from botkit.store.reader import Reader
from botkit.store.schema import (
    audits,
    call_payloads,
    calls,
    files,
    inbox,
    is_open,
    kept_answers,
    metadata,
    model_calls,
    notes,
    pairing_codes,
    parts,
    runs,
    sessions,
    transcript,
    verifications,
    waits,
)
from botkit.store.signals import announce
from botkit.store.writer import Writer
from botkit.store.writes import Act, apply_write

_FINAL = ("completed", "failed", "cancelled", "limit_reached")
_DELIVERED = ("sent", "failed", "dropped")
_BATCH = 200
"""Rows deleted in one unit: a few milliseconds."""
_TRIM_SESSIONS = 500
_PASSES = 3
"""How often erasure looks again for what arrived meanwhile."""

_JSON_COLUMNS = {
    "aliases", "allow", "answer", "approvers", "arguments", "data", "deny", "details", "event", "input", "output",
    "payload", "place", "reply", "result", "roles", "taint", "usage", "value",
}  # fmt: skip
_SEALED = {"wrapped_key", "nonce", "ciphertext", "digest"}
"""Left out of an export. What `call_payloads` holds is added by whoever can open it."""


def _key(table: Table) -> tuple[ColumnElement[Any], ...]:
    return tuple(table.primary_key)


def _delete_one(table: Table) -> Query:
    names = [f"key{at}" for at, _ in enumerate(_key(table))]
    return Query(
        " ".join(names),
        lambda _: delete(table).where(*(column == arg(name) for column, name in zip(_key(table), names, strict=True))),
    )


_DELETE = {table.name: _delete_one(table) for table in metadata.sorted_tables}
_DELETE_REST = Query(
    "id before", lambda _: delete(sessions).where(sessions.c.id == arg("id"), sessions.c.last_at < arg("before"))
)
_BLANK = {
    "calls": Query("seq", lambda _: update(calls).values(principal=const("")).where(calls.c.seq == arg("seq"))),
    "model_calls": Query(
        "seq", lambda _: update(model_calls).values(person_id=const("")).where(model_calls.c.seq == arg("seq"))
    ),
    # Not empty: an open question without an addressee could be answered by anybody.
    "waits": Query(
        "id",
        lambda _: (
            update(waits)
            .values(
                person_id=const("erased"),
                decided_by=case((waits.c.decided_by != const(""), const("erased")), else_=const("")),
            )
            .where(waits.c.id == arg("id"))
        ),
    ),
    "notes": Query(
        "key0 key1 key2",
        lambda _: (
            update(notes)
            .values(by=const(""))
            .where(notes.c.scope == arg("key0"), notes.c.owner == arg("key1"), notes.c.name == arg("key2"))
        ),
    ),
    "sessions": Query(
        "id",
        lambda _: update(sessions).values(person_id=const(""), summary=const("")).where(sessions.c.id == arg("id")),
    ),
}
_BUSY = Query(
    "person_id",
    lambda _: select(runs.c.id).where(
        runs.c.person_id == arg("person_id"), runs.c.state == const("running"), is_open(runs.c.state)
    ),
)
_FILE_USED = Query("file_id", lambda _: select(const(1)).where(files.c.file_id == arg("file_id")).limit(const(1)))
_TRIM = Query(
    "session_id seq",
    lambda _: delete(transcript).where(transcript.c.session_id == arg("session_id"), transcript.c.seq <= arg("seq")),
)


class SqlLifecycle:
    """Implements `botkit.core.stores.Lifecycle`."""

    def __init__(self, writer: Writer, reader: Reader, store: DiskFiles, clock: Clock, *, owner: str):
        self._writer = writer
        self._reader = reader
        self._files = store
        self._clock = clock
        self._owner = owner

    # ── one person ───────────────────────────────────────────────────────────────────────────────────────

    async def export_person(self, person_id: str) -> AsyncIterator[dict[str, Any]]:
        """One record a row, with its `table`; JSON columns as values, secrets by name only."""
        footprint = await find_footprint(self._reader, person_id)
        for table, condition in (*reversed(footprint.owned()), *footprint.mentioned()):
            columns = [column for column in table.c if column.name not in _SEALED]
            async for row in self._reader.stream(select(*columns).where(condition)):
                values = zip((column.name for column in columns), row, strict=True)
                yield {"table": str(table.name), **{str(name): _value(table, name, value) for name, value in values}}

    async def erase_person(self, person_id: str, *, actor: str) -> Erased:
        """Erasing somebody who is not there leaves only the audit row; so a repeat is safe.

        Raises:
            Conflict: a turn of this person is running right now.
        """
        await self._writer.run(lambda tx: _refuse_busy(tx, person_id))
        statement = select(files.c.file_id).where(files.c.person_id == person_id)
        file_ids = [row[0] for row in await self._reader.all(statement)]
        rows: Counter[str] = Counter()
        for _ in range(_PASSES):
            before = rows.total()
            footprint = await find_footprint(self._reader, person_id)
            for target, query in ((footprint.mentioned(), _BLANK), (footprint.owned(), _DELETE)):
                for table, condition in target:
                    rows[str(table.name)] += await self._each(query[table.name], (table, condition))
            if rows.total() == before:
                break
        gone = await self._drop_unused(file_ids)
        counted = dict(+rows)
        now = self._clock.micros()
        audit = Audit(at=now, actor=actor, via="", action="data.erase", target=person_id, detail=counted)
        act = Act(owner=self._owner, now=now)

        def end(tx: Tx) -> None:
            apply_write(tx, AddAudit(audit=audit), act)
            announce(tx, Signal(kind="people"), sender=self._owner)

        await self._writer.run(end)
        await self._writer.maintain()
        return Erased(person_id=person_id, rows=counted, files=gone)

    # ── age and size ─────────────────────────────────────────────────────────────────────────────────────

    async def expire(
        self,
        *,
        messages_before: int = 0,
        runs_before: int = 0,
        logs_before: int = 0,
        files_before: int = 0,
        payloads_before: int = 0,
        notes_before: int = 0,
        limit: int = 1000,
    ) -> dict[str, int]:
        """Table → rows deleted; empty when nothing is left to do. 0 leaves that kind alone.

        `messages`: transcript, dealt-with inbox rows, delivered parts, and sessions nobody continued; those
        that a running or waiting run needs are kept. `runs`: finished ones with steps and waits. `logs`: tool
        calls, model calls, audit rows, spent pairing codes, verified identities that count no
        more. `files`: rows, and bytes nobody else refers to.
        Answers kept for identical model calls go when their own time is over, at the latest as `messages` say.
        `payloads`: records of what calls carried, at the latest with the rows of those calls. `notes`: those nobody
        changed since; and, whatever is asked, those whose own time is over.
        """
        deleted: Counter[str] = Counter()
        if messages_before:
            await self._expire_messages(messages_before, limit, deleted)
        if runs_before:
            deleted["runs"] += await self._expire(runs, limit, runs.c.state.in_(_FINAL), runs.c.ended_at < runs_before)
        if logs_before:
            for table in (calls, model_calls, audits):
                deleted[str(table.name)] += await self._expire(table, limit, table.c.at < logs_before)
            for table in (pairing_codes, verifications):
                deleted[str(table.name)] += await self._expire(table, limit, table.c.expires_at < logs_before)
        if payloads_before or logs_before:
            deleted["call_payloads"] += await self._expire(
                call_payloads, limit, call_payloads.c.at < max(payloads_before, logs_before)
            )
        now = self._clock.micros()
        stale = or_(kept_answers.c.expires_at <= now, kept_answers.c.at < messages_before)
        deleted["kept_answers"] += await self._expire(kept_answers, limit, stale)
        over = and_(notes.c.expires_at > 0, notes.c.expires_at <= now)
        deleted["notes"] += await self._expire(notes, limit, or_(over, notes.c.updated_at < notes_before))
        if files_before:
            await self._expire_files(files_before, limit, deleted)
        if deleted.total():
            await self._writer.maintain()
        return dict(+deleted)

    async def _expire_messages(self, before: int, limit: int, deleted: Counter[str]) -> None:
        needed = select(runs.c.session_id).where(is_open(runs.c.state))
        deleted["transcript"] += await self._expire(
            transcript, limit, transcript.c.at < before, transcript.c.session_id.not_in(needed)
        )
        rested = (
            sessions.c.last_at < before,
            sessions.c.id.not_in(needed),
            ~exists().where(transcript.c.session_id == sessions.c.id),
        )
        for (session_id,) in await self._reader.all(select(sessions.c.id).where(*rested).limit(limit)):
            deleted["sessions"] += await self._writer.execute(_DELETE_REST, session_id, before)
        deleted["inbox"] += await self._expire(
            inbox,
            limit,
            inbox.c.received_at < before,
            inbox.c.done_at > 0,
            ~exists().where(runs.c.id == inbox.c.run_id, is_open(runs.c.state)),
        )
        deleted["parts"] += await self._expire(
            parts,
            limit,
            parts.c.created_at < before,
            parts.c.state.in_(_DELIVERED),
            ~exists().where(runs.c.id == parts.c.run_id, is_open(runs.c.state)),
        )

    async def _expire_files(self, before: int, limit: int, deleted: Counter[str]) -> None:
        statement = select(files.c.file_id).where(files.c.at < before).order_by(files.c.seq).limit(limit)
        file_ids = {row[0] for row in await self._reader.all(statement)}
        deleted["files"] += await self._expire(files, limit, files.c.at < before)
        # Also bytes whose row was never written: the process died between the two.
        stale = (await self._files.older_than(before))[:limit]
        await self._drop_unused(sorted(file_ids | set(stale)))

    async def trim_history(self, *, keep: int) -> int:
        """Rows deleted; at most 500 sessions a call, so call again until it returns 0."""
        needed = select(runs.c.session_id).where(is_open(runs.c.state))
        long = (
            select(transcript.c.session_id)
            .where(transcript.c.session_id.not_in(needed))
            .group_by(transcript.c.session_id)
            .having(func.count() > keep)
            .limit(_TRIM_SESSIONS)
        )
        deleted = 0
        for (session_id,) in await self._reader.all(long):
            newest = select(transcript.c.seq).where(transcript.c.session_id == session_id)
            last = await self._reader.value(newest.order_by(transcript.c.seq.desc()).offset(keep))
            if last is not None:
                deleted += await self._writer.execute(_TRIM, session_id, last)
        if deleted:
            await self._writer.maintain()
        return deleted

    # ── helpers ──────────────────────────────────────────────────────────────────────────────────────────

    async def _expire(self, table: Table, limit: int, *conditions: ColumnElement[bool]) -> int:
        return await self._each(_DELETE[table.name], (table, and_(*conditions)), limit)

    async def _each(self, query: Query, rows: Rows, limit: int | None = None) -> int:
        """Run a query for the key of each row that fits, oldest first; how many rows it changed."""
        table, condition = rows
        found = await self._reader.all(select(*_key(table)).where(condition).order_by(*_key(table)).limit(limit))
        changed = 0
        for start in range(0, len(found), _BATCH):
            batch = [tuple(row) for row in found[start : start + _BATCH]]
            changed += await self._writer.run(lambda tx, batch=batch: sum(tx(query, *key).rowcount for key in batch))
        return changed

    async def _drop_unused(self, file_ids: Sequence[str]) -> int:
        """Delete bytes that no row refers to any more."""
        gone = 0
        for file_id in dict.fromkeys(file_ids):

            def unused(tx: Tx, file_id: str = file_id) -> bool:
                return tx(_FILE_USED, file_id).fetchone() is None

            if await self._writer.run(unused) and await self._files.delete(file_id):
                gone += 1
        return gone


def _refuse_busy(tx: Tx, person_id: str) -> None:
    busy = tx(_BUSY, person_id).fetchone()
    if busy is not None:
        raise Conflict(
            f"run {busy[0]} of this person is under way; wait for it, or stop it with `botkit runs cancel`, then try "
            f"again",
            run=busy[0],
        )


def _value(table: Table, name: str, value: Any) -> Any:
    is_json = name in _JSON_COLUMNS or (name == "error" and table is runs)
    return load_json(value) if is_json and isinstance(value, str) else value
