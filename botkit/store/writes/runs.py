"""Writes of runs and their steps."""

from __future__ import annotations

__all__ = ["FINAL_STATES"]

from typing import Any

from sqlalchemy import func, select, update

from botkit.core.errors import Conflict, NotFound
from botkit.core.journal import (
    Intent,
    SetRun,
    StartRun,
    StepDone,
)
from botkit.store.codec import dump, raw_text
from botkit.store.query import Insert, Query, Rows, Tx, arg, const
from botkit.store.schema import (
    is_open,
    runs,
    steps,
    waits,
)
from botkit.store.writes.inbox import finish_event
from botkit.store.writes.registry import Act, insert_row, writes

FINAL_STATES = ("completed", "failed", "cancelled", "limit_reached")

_RUN = (
    "id lane conversation conversation_kind channel bot person_id kind revision session_id trace_id state "
    "waiting_for input output error parent_id usage started_at updated_at ended_at"
)
_START_RUN = Query(_RUN, lambda insert: insert_row(insert, runs, _RUN))
_SET_RUN = Query(
    "state waiting_for output error usage now ended_at id",
    lambda _: (
        update(runs)
        .values(
            state=arg("state"),
            waiting_for=arg("waiting_for"),
            output=func.coalesce(arg("output"), runs.c.output),
            error=func.coalesce(arg("error"), runs.c.error),
            usage=func.coalesce(arg("usage"), runs.c.usage),
            updated_at=arg("now"),
            ended_at=arg("ended_at"),
        )
        .where(runs.c.id == arg("id"), is_open(runs.c.state))
    ),
)
_RUN_STATE = Query("id", lambda _: select(runs.c.state).where(runs.c.id == arg("id")))
_STEP = "run_id key name state idempotency_key result started_at ended_at"
_INTENT = Query(
    _STEP, lambda insert: insert_row(insert, steps, _STEP).on_conflict_do_nothing(index_elements=["run_id", "key"])
)
_STEP_STATE = Query(
    "run_id key",
    lambda _: select(steps.c.state).where(steps.c.run_id == arg("run_id"), steps.c.key == arg("key")),
)


def _step_done(insert: Insert) -> Any:
    statement = insert_row(insert, steps, _STEP)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["run_id", "key"],
        set_={"state": new.state, "name": new.name, "result": new.result, "ended_at": new.ended_at},
        where=steps.c.state == const("intent"),
    )


_STEP_DONE = Query(_STEP, _step_done)
_CANCEL_WAITS = Query(
    "now run_id",
    lambda _: (
        update(waits)
        .values(state=const("cancelled"), decided_at=arg("now"))
        .where(waits.c.run_id == arg("run_id"), waits.c.state == const("open"))
    ),
)


@writes(StartRun)
def _start_run(tx: Tx, write: StartRun, act: Act) -> None:
    run = write.run
    tx(
        _START_RUN,
        run.id,
        run.lane,
        run.conversation,
        run.conversation_kind,
        run.channel,
        run.bot,
        run.person_id,
        run.kind,
        run.revision,
        run.session_id,
        run.trace_id,
        run.state,
        run.waiting_for,
        dump(run.input),
        None if run.output is None else dump(run.output),
        None if run.error is None else dump(run.error),
        run.parent_id,
        dump(run.usage),
        run.started_at or act.now,
        run.updated_at or act.now,
        run.ended_at,
    )
    for event_id in write.event_ids:
        done = finish_event(tx, event_id, now=act.now, outcome="run", run_id=run.id)
        tx.check(done, _verify_event, run.id, event_id)


def _verify_event(rows: Rows, run_id: str, event_id: str) -> None:
    if rows.rowcount != 1:
        raise Conflict(f"event {event_id} was dealt with before", run=run_id, event=event_id)


@writes(SetRun)
def _set_run(tx: Tx, write: SetRun, act: Act) -> None:
    final = write.state in FINAL_STATES
    changed = tx(
        _SET_RUN,
        write.state,
        write.waiting_for,
        None if write.output is None else dump(write.output),
        None if write.error is None else dump(write.error),
        None if write.usage is None else dump(write.usage),
        write.at,
        write.at if final else 0,
        write.run_id,
    )
    tx.check(changed, _verify_state, tx, write.run_id)
    if final:
        tx(_CANCEL_WAITS, write.at, write.run_id)


def _verify_state(rows: Rows, tx: Tx, run_id: str) -> None:
    if rows.rowcount != 1:
        row = tx(_RUN_STATE, run_id).fetchone()
        if row is None:
            raise NotFound(f"there is no run {run_id}", run=run_id)
        raise Conflict(f"run {run_id} is {row[0]} and stays so", run=run_id, state=row[0])


@writes(Intent)
def _intent(tx: Tx, write: Intent, act: Act) -> None:
    row = (write.run_id, write.key, write.name, "intent", write.idempotency_key, "null", write.at, 0)
    tx.check(tx(_INTENT, *row), _verify_intent, tx, write.run_id, write.key)


def _verify_intent(rows: Rows, tx: Tx, run_id: str, key: str) -> None:
    if rows.rowcount != 1:
        state = tx(_STEP_STATE, run_id, key).fetchone()
        if state is not None and state[0] == "done":
            raise Conflict(f"step {key} has a result already", run=run_id, step=key)


@writes(StepDone)
def _finish_step(tx: Tx, write: StepDone, act: Act) -> None:
    changed = tx(
        _STEP_DONE,
        write.run_id,
        write.key,
        write.name,
        "done",
        "",
        raw_text(write.result),
        write.started_at,
        write.ended_at,
    )
    tx.check(changed, _verify_step, write.run_id, write.key)


def _verify_step(rows: Rows, run_id: str, key: str) -> None:
    if rows.rowcount != 1:
        raise Conflict(f"step {key} has a result already", run=run_id, step=key)
