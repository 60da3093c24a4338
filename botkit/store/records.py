"""What happened, for people: runs, traces, waits, logs. Reads beside the writer."""

from __future__ import annotations

__all__ = ["SqlRecords", "read_call", "read_event", "read_model_call"]

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, select

from botkit.core.data import decode
from botkit.core.errors import Conflict
from botkit.core.journal import Audit, ModelCall, OpenRun, Run, TranscriptRow, Wait
from botkit.core.messages import Part, PartState
from botkit.core.models import Usage
from botkit.core.stores import Asides, FileRow, RunSummary, Trace
from botkit.core.tools import CallRecord
from botkit.store.codec import load_dict
from botkit.store.query import const
from botkit.store.reader import Reader
from botkit.store.rows import (
    PART_COLUMNS,
    RUN_COLUMNS,
    STEP_COLUMNS,
    TRANSCRIPT_COLUMNS,
    WAIT_COLUMNS,
    Row,
    read_part,
    read_run,
    read_step,
    read_transcript,
    read_wait,
)
from botkit.store.schema import (
    audits,
    calls,
    files,
    inbox,
    is_open,
    is_undelivered,
    model_calls,
    parts,
    people,
    runs,
    sessions,
    steps,
    transcript,
    waits,
)

CALL_COLUMNS = tuple(column for column in calls.c if column.name != "seq")
MODEL_CALL_COLUMNS = tuple(column for column in model_calls.c if column.name != "seq")
EVENT_COLUMNS = tuple(inbox.c)
_AUDIT = tuple(column for column in audits.c if column.name != "seq")
_TEXT_CHARS = 200


_SENT_LIMIT = 5_000
"""Messages back that a reaction is looked up among."""


class SqlRecords:
    """Implements `botkit.core.stores.Records`."""

    def __init__(self, reader: Reader):
        self._reader = reader

    async def runs(
        self,
        *,
        state: str = "",
        bot: str = "",
        person_id: str = "",
        conversation: str = "",
        workflow: str = "",
        limit: int = 50,
        before: str = "",
    ) -> Sequence[RunSummary]:
        """Newest first. Runs that have not ended are found without a look at those that have."""
        counted = select(func.count()).select_from(steps).where(steps.c.run_id == runs.c.id).scalar_subquery()
        wanted = _ids(state, before).limit(limit)
        for column, value in ((runs.c.bot, bot), (runs.c.person_id, person_id), (runs.c.conversation, conversation)):
            if value:
                wanted = wanted.where(column == value)
        if workflow:  # the text of a message is escaped in there, so only the field itself looks like this
            field = f'"workflow":"{workflow}"'
            wanted = wanted.where(runs.c.kind == "workflow", runs.c.input.contains(field, autoescape=True))
        statement = select(counted, *RUN_COLUMNS).where(runs.c.id.in_(wanted)).order_by(runs.c.id.desc())
        found = [(row[0], read_run(row[1:])) for row in await self._reader.all(statement)]
        waiting = await self._waiting_at([run.id for _, run in found if run.waiting_for and run.kind == "workflow"])
        return [
            RunSummary(
                run=run,
                steps=count,
                text=_beginning(run),
                workflow=str(run.input.get("workflow") or ""),
                waits_at=waiting.get(run.id, ""),
            )
            for count, run in found
        ]

    async def _waiting_at(self, run_ids: Sequence[str]) -> dict[str, str]:
        """Run → path of the node it waits at, the oldest question first."""
        if not run_ids:
            return {}
        asked = (
            select(waits.c.run_id, waits.c.key)
            .where(waits.c.run_id.in_(run_ids), waits.c.state == "open")
            .order_by(waits.c.created_at.desc(), waits.c.id.desc())
        )
        return {row[0]: str(row[1]).partition("/wait/")[0] for row in await self._reader.all(asked)}

    async def find_run(self, id_or_prefix: str) -> Run | None:
        """One run. Raises `Conflict` when the prefix fits several."""
        exact = await self._reader.first(select(*RUN_COLUMNS).where(runs.c.id == id_or_prefix))
        if exact is not None:
            return read_run(exact)
        prefix = id_or_prefix if id_or_prefix.startswith("run_") else f"run_{id_or_prefix}"
        if len(prefix) == len("run_"):
            return None
        # A range, not LIKE: it uses the index on both databases.
        inside = (runs.c.id >= prefix) & (runs.c.id < prefix[:-1] + chr(ord(prefix[-1]) + 1))
        found = await self._reader.all(select(*RUN_COLUMNS).where(inside).order_by(runs.c.id.desc()).limit(2))
        if len(found) > 1:
            raise Conflict(f"more than one run begins with `{id_or_prefix}`; give more of its id", prefix=id_or_prefix)
        return read_run(found[0]) if found else None

    async def trace(self, run_id: str) -> Trace | None:
        row = await self._reader.first(select(*RUN_COLUMNS).where(runs.c.id == run_id))
        if row is None:
            return None
        found_steps = await self._reader.all(
            select(*STEP_COLUMNS).where(steps.c.run_id == run_id).order_by(steps.c.seq)
        )
        found_waits = await self._reader.all(
            select(*WAIT_COLUMNS).where(waits.c.run_id == run_id).order_by(waits.c.created_at, waits.c.id)
        )
        events = await self._reader.all(
            select(*EVENT_COLUMNS).where(inbox.c.run_id == run_id, inbox.c.run_id != const("")).order_by(inbox.c.seq)
        )
        called = await self._reader.all(
            select(*CALL_COLUMNS).where(calls.c.run_id == run_id, calls.c.run_id != const("")).order_by(calls.c.seq)
        )
        modelled = await self._reader.all(
            select(*MODEL_CALL_COLUMNS)
            .where(model_calls.c.run_id == run_id, model_calls.c.run_id != const(""))
            .order_by(model_calls.c.seq)
        )
        sent = await self._reader.all(
            select(*PART_COLUMNS).where(parts.c.run_id == run_id, parts.c.run_id != const("")).order_by(parts.c.seq)
        )
        stepped = [read_step(step) for step in found_steps]
        return Trace(
            run=OpenRun(
                run=read_run(row),
                steps={step.key: step for step in stepped},
                waits=tuple(read_wait(wait) for wait in found_waits),
            ),
            events=tuple(read_event(event) for event in events),
            calls=tuple(read_call(call) for call in called),
            models=tuple(read_model_call(call) for call in modelled),
            parts=tuple(read_part(part) for part in sent),
        )

    async def waits(self, *, kind: str = "", state: str = "open", limit: int = 100) -> Sequence[Wait]:
        """Newest first."""
        statement = select(*WAIT_COLUMNS).order_by(waits.c.created_at.desc(), waits.c.id).limit(limit)
        if kind:
            statement = statement.where(waits.c.kind == kind)
        if state:
            condition = waits.c.state == const("open") if state == "open" else waits.c.state == state
            statement = statement.where(condition)
        return [read_wait(row) for row in await self._reader.all(statement)]

    async def calls(
        self,
        *,
        server: str = "",
        tool: str = "",
        status: str = "",
        person_id: str = "",
        since: int = 0,
        limit: int = 100,
    ) -> Sequence[CallRecord]:
        """Newest first."""
        statement = select(*CALL_COLUMNS).order_by(calls.c.at.desc(), calls.c.seq.desc()).limit(limit)
        wanted = ((calls.c.server, server), (calls.c.tool, tool), (calls.c.status, status))
        for column, value in (*wanted, (calls.c.principal, person_id)):
            if value:
                statement = statement.where(column == value)
        if since:
            statement = statement.where(calls.c.at >= since)
        return [read_call(row) for row in await self._reader.all(statement)]

    async def model_calls(self, *, since: int = 0, limit: int = 1000) -> Sequence[ModelCall]:
        """Newest first."""
        statement = select(*MODEL_CALL_COLUMNS).order_by(model_calls.c.at.desc(), model_calls.c.seq.desc()).limit(limit)
        if since:
            statement = statement.where(model_calls.c.at >= since)
        return [read_model_call(row) for row in await self._reader.all(statement)]

    async def audits(self, *, limit: int = 100) -> Sequence[Audit]:
        """Newest first."""
        rows = await self._reader.all(select(*_AUDIT).order_by(audits.c.seq.desc()).limit(limit))
        return [read_audit(row) for row in rows]

    async def part(self, part_id: str) -> Part | None:
        row = await self._reader.first(select(*PART_COLUMNS).where(parts.c.id == part_id))
        return read_part(row) if row is not None else None

    async def sent(self, channel: str, room: str, message_id: str) -> Part | None:
        newest = select(parts.c.seq).order_by(parts.c.seq.desc()).limit(_SENT_LIMIT).subquery()
        statement = (
            select(*PART_COLUMNS)
            .where(parts.c.seq >= select(func.min(newest.c.seq)).scalar_subquery())
            .where(parts.c.channel == channel, parts.c.message_id == message_id)
            .order_by(parts.c.seq.desc())
            .limit(20)
        )
        found = [read_part(row) for row in await self._reader.all(statement)] if message_id else []
        return next((part for part in found if part.conversation.room == room), None)

    async def parts(self, *, state: PartState | str = "", channel: str = "", limit: int = 100) -> Sequence[Part]:
        """Newest first."""
        statement = select(*PART_COLUMNS).order_by(parts.c.seq.desc()).limit(limit)
        if state in ("pending", "sending"):
            statement = statement.where(is_undelivered(parts.c.state))
        if state:
            # Written out, so that SQLite recognises the condition of its partial index.
            statement = statement.where(parts.c.state == (const("unknown") if state == "unknown" else state))
        if channel:
            statement = statement.where(parts.c.channel == channel)
        return [read_part(row) for row in await self._reader.all(statement)]

    async def inbox(self, *, channel: str = "", outcome: str = "", limit: int = 100) -> Sequence[dict[str, Any]]:
        """Newest first; the shape is that of `read_event`."""
        statement = select(*EVENT_COLUMNS).order_by(inbox.c.seq.desc()).limit(limit)
        if channel:
            statement = statement.where(inbox.c.channel == channel)
        if outcome:
            statement = statement.where(inbox.c.outcome == outcome)
        return [read_event(row) for row in await self._reader.all(statement)]

    async def event(self, channel: str, dedupe_key: str) -> dict[str, Any] | None:
        statement = select(*EVENT_COLUMNS).where(inbox.c.channel == channel, inbox.c.dedupe_key == dedupe_key)
        row = await self._reader.first(statement)
        return read_event(row) if row is not None else None

    async def run_file(self, run_id: str, file_id: str) -> FileRow | None:
        statement = (
            select(files.c.file_id, files.c.name, files.c.mime, files.c.size_bytes)
            .join(runs, runs.c.lane == files.c.lane)
            .where(runs.c.id == run_id, files.c.file_id == file_id)
            .order_by(files.c.seq.desc())
            .limit(1)
        )
        row = await self._reader.first(statement)
        return None if row is None else FileRow(file_id=row[0], name=row[1], mime=row[2], size_bytes=row[3])

    async def transcript(self, conversation: str, *, limit: int = 100) -> Sequence[TranscriptRow]:
        """The newest rows of a conversation over all its sessions, oldest first."""
        statement = (
            select(*TRANSCRIPT_COLUMNS)
            .join(sessions, sessions.c.id == transcript.c.session_id)
            .where(sessions.c.conversation == conversation)
            .order_by(transcript.c.seq.desc())
            .limit(limit)
        )
        return [read_transcript(row) for row in reversed(await self._reader.all(statement))]

    async def asides(self, conversation: str, *, limit: int = 100) -> Asides:
        """What was said in a conversation outside of runs."""
        heard = (
            select(*EVENT_COLUMNS)
            .where(inbox.c.lane == conversation, inbox.c.run_id == const(""), inbox.c.outcome != const(""))
            .where(inbox.c.kind.in_(["message", "command"]))
            .order_by(inbox.c.seq.desc())
            .limit(limit)
        )
        notices = (
            select(*PART_COLUMNS)
            .where(parts.c.conversation == conversation, parts.c.run_id == const(""))
            .order_by(parts.c.seq.desc())
            .limit(limit)
        )
        return Asides(
            events=tuple(read_event(row) for row in reversed(await self._reader.all(heard))),
            parts=tuple(read_part(row) for row in reversed(await self._reader.all(notices))),
        )

    async def counts(self) -> dict[str, int]:
        def count(table: Any, *conditions: Any) -> Any:
            return select(func.count()).select_from(table).where(*conditions).scalar_subquery()

        running, waiting = runs.c.state == const("running"), runs.c.state == const("waiting")
        numbers = {
            "runs_running": count(runs, running, is_open(runs.c.state)),
            "runs_waiting": count(runs, waiting, is_open(runs.c.state)),
            "inbox_undone": count(inbox, inbox.c.done_at == const(0)),
            "parts_pending": count(parts, parts.c.state == const("pending"), is_undelivered(parts.c.state)),
            "parts_unknown": count(parts, parts.c.state == const("unknown")),
            "waits_open": count(waits, waits.c.state == const("open")),
            "people": count(people),
        }
        row = await self._reader.first(select(*numbers.values()))
        return dict.fromkeys(numbers, 0) if row is None else dict(zip(numbers, map(int, row), strict=True))


def _ids(state: str, before: str) -> Select[tuple[str]]:
    """Ids of runs in a state, newest first.

    Runs that have not ended are few. Their ids are compared as an expression, which makes both databases walk the
    partial index of open runs and not the primary key of all runs.
    """
    unended = state in ("running", "waiting")
    id_: Any = runs.c.id.concat(const("")) if unended else runs.c.id
    statement = select(runs.c.id).order_by(id_.desc())
    if state:
        statement = statement.where(runs.c.state == state)
    if unended:
        statement = statement.where(is_open(runs.c.state))
    return statement.where(id_ < before) if before else statement


def read_event(row: Row) -> dict[str, Any]:
    """`{"id", "seq", "lane", "channel", "dedupe_key", "kind", "conversation", "sender_id", "received_at",
    "done_at", "outcome", "run_id", "event": {…}}`"""
    names = [str(column.name) for column in EVENT_COLUMNS]
    record = dict(zip(names, row, strict=True))
    record["event"] = decode(record["event"], dict[str, Any])
    return record


def read_call(row: Row) -> CallRecord:
    return CallRecord(**dict(zip((column.name for column in CALL_COLUMNS), row, strict=True)))


def read_model_call(row: Row) -> ModelCall:
    fields = dict(zip((column.name for column in MODEL_CALL_COLUMNS), row, strict=True))
    usage = Usage(
        input_tokens=fields.pop("input_tokens"),
        output_tokens=fields.pop("output_tokens"),
        cached_tokens=fields.pop("cached_tokens"),
        cost_micros=fields.pop("cost_micros"),
        cache_write_tokens=fields.pop("cache_write_tokens"),
        estimated=bool(fields.pop("estimated")),
        unpriced=bool(fields.pop("unpriced")),
    )
    return ModelCall(usage=usage, reused=bool(fields.pop("reused")), **fields)


def read_audit(row: Row) -> Audit:
    at, actor, via, action, target, detail = row
    return Audit(at=at, actor=actor, via=via, action=action, target=target, detail=load_dict(detail))


def _beginning(run: Run) -> str:
    text = run.input.get("text")
    return " ".join(text.split())[:_TEXT_CHARS] if isinstance(text, str) else ""
