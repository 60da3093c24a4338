"""What a turn reads: undone events, running runs, the session with its history, open waits."""

from __future__ import annotations

__all__ = ["load_claimed", "load_context", "load_history", "load_run", "running_runs", "undone"]

from sqlalchemy import exists, select

from botkit.core.journal import Claim, Claimed, InboxRow, LaneContext, OpenRun, TranscriptRow
from botkit.store.query import Query, Tx, arg, const
from botkit.store.rows import (
    INBOX_COLUMNS,
    RUN_COLUMNS,
    SESSION_COLUMNS,
    STEP_COLUMNS,
    TRANSCRIPT_COLUMNS,
    WAIT_COLUMNS,
    read_inbox,
    read_run,
    read_session,
    read_step,
    read_transcript,
    read_wait,
)
from botkit.store.schema import inbox, is_open, runs, sessions, steps, transcript, waits

_UNDONE = Query(
    "lane",
    lambda _: (
        select(*INBOX_COLUMNS).where(inbox.c.lane == arg("lane"), inbox.c.done_at == const(0)).order_by(inbox.c.seq)
    ),
)
_PROBE = Query(
    "lane seq",
    lambda _: select(
        exists().where(inbox.c.lane == arg("lane"), inbox.c.done_at == const(0), inbox.c.seq != arg("seq")),
        exists().where(runs.c.lane == arg("lane"), runs.c.state == const("running"), is_open(runs.c.state)),
        exists().where(waits.c.lane == arg("lane"), waits.c.state == const("open")),
        exists().where(sessions.c.lane == arg("lane"), sessions.c.ended_at == const(0)),
    ),
)
_RUNNING = Query(
    "lane",
    lambda _: (
        select(runs.c.id)
        .where(runs.c.lane == arg("lane"), runs.c.state == const("running"), is_open(runs.c.state))
        .order_by(runs.c.id)
    ),
)
_RUN = Query("id", lambda _: select(*RUN_COLUMNS).where(runs.c.id == arg("id")))
_STEPS = Query("run_id", lambda _: select(*STEP_COLUMNS).where(steps.c.run_id == arg("run_id")).order_by(steps.c.seq))
_RUN_WAITS = Query(
    "run_id",
    lambda _: select(*WAIT_COLUMNS).where(waits.c.run_id == arg("run_id")).order_by(waits.c.created_at, waits.c.id),
)
_OPEN_WAITS = Query(
    "lane",
    lambda _: (
        select(*WAIT_COLUMNS)
        .where(waits.c.lane == arg("lane"), waits.c.state == const("open"))
        .order_by(waits.c.created_at, waits.c.id)
    ),
)
_SESSION = Query(
    "lane",
    lambda _: (
        select(*SESSION_COLUMNS)
        .where(sessions.c.lane == arg("lane"), sessions.c.ended_at == const(0))
        .order_by(sessions.c.started_at.desc())
        .limit(const(1))
    ),
)
_HISTORY = Query(
    "session_id after limit",
    lambda _: (
        select(*TRANSCRIPT_COLUMNS)
        .where(transcript.c.session_id == arg("session_id"), transcript.c.seq > arg("after"))
        .order_by(transcript.c.seq.desc())
        .limit(arg("limit"))
    ),
)
_EARLIER = Query(
    "session_id before limit",
    lambda _: (
        select(*TRANSCRIPT_COLUMNS)
        .where(transcript.c.session_id == arg("session_id"), transcript.c.seq < arg("before"))
        .order_by(transcript.c.seq.desc())
        .limit(arg("limit"))
    ),
)

_EMPTY_LANE = LaneContext()


def load_claimed(tx: Tx, claim: Claim, history_limit: int, *, known: InboxRow | None = None) -> Claimed:
    """What comes with a claim. `known` is an event that was stored in this transaction, not read again.

    Most lanes hold nothing but that event, so one statement asks what there is before anything is read.
    """
    lane = claim.lane
    found = tx(_PROBE, lane, 0 if known is None else known.seq).fetchone()
    more, running, waiting, session = found if found is not None else (1, 1, 1, 1)
    events = undone(tx, lane) if more or known is None else (known,)
    return Claimed(
        claim=claim,
        events=events,
        runs=running_runs(tx, lane) if running else (),
        context=load_context(tx, lane, history_limit, waiting=bool(waiting)) if waiting or session else _EMPTY_LANE,
    )


def undone(tx: Tx, lane: str) -> tuple[InboxRow, ...]:
    """Undone events in order of arrival."""
    return tuple(read_inbox(row) for row in tx(_UNDONE, lane).fetchall())


def running_runs(tx: Tx, lane: str) -> tuple[OpenRun, ...]:
    found = (load_run(tx, row[0]) for row in tx(_RUNNING, lane).fetchall())
    return tuple(run for run in found if run is not None)


def load_run(tx: Tx, run_id: str) -> OpenRun | None:
    row = tx(_RUN, run_id).fetchone()
    if row is None:
        return None
    found = [read_step(step) for step in tx(_STEPS, run_id).fetchall()]
    return OpenRun(
        run=read_run(row),
        steps={step.key: step for step in found},
        waits=tuple(read_wait(wait) for wait in tx(_RUN_WAITS, run_id).fetchall()),
    )


def load_context(tx: Tx, lane: str, history_limit: int, *, waiting: bool = True) -> LaneContext:
    """What a lane remembers. `waiting`: whether it may have open waits."""
    open_waits = tuple(read_wait(row) for row in tx(_OPEN_WAITS, lane).fetchall()) if waiting else ()
    row = tx(_SESSION, lane).fetchone()
    if row is None:
        return LaneContext(waits=open_waits)
    session = read_session(row)
    newest = tx(_HISTORY, session.id, session.summary_seq, history_limit).fetchall()
    return LaneContext(session=session, history=_oldest_first(newest), waits=open_waits)


def load_history(tx: Tx, session_id: str, before_seq: int, limit: int) -> tuple[TranscriptRow, ...]:
    return _oldest_first(tx(_EARLIER, session_id, before_seq, limit).fetchall())


def _oldest_first(rows: list[tuple[object, ...]]) -> tuple[TranscriptRow, ...]:
    return tuple(read_transcript(row) for row in reversed(rows))
