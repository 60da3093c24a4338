"""A paused run that goes on with another definition."""

from __future__ import annotations

__all__: list[str] = []

from sqlalchemy import update

from botkit.core.errors import Conflict
from botkit.core.journal import Repin
from botkit.store.codec import dump, raw_text
from botkit.store.lanes import lock_lane
from botkit.store.query import Query, Rows, Tx, arg, const
from botkit.store.schema import is_open, runs, steps, waits
from botkit.store.writes.registry import Act, writes

_REPIN = Query(
    "revision input at id was",
    lambda _: (
        update(runs)
        .values(revision=arg("revision"), input=arg("input"), updated_at=arg("at"))
        .where(
            runs.c.id == arg("id"),
            runs.c.state == const("waiting"),
            is_open(runs.c.state),
            runs.c.revision == arg("was"),
        )
    ),
)
_RENAME_STEP = Query(
    "to result run_id key",
    lambda _: (
        update(steps)
        .values(key=arg("to"), result=arg("result"))
        .where(steps.c.run_id == arg("run_id"), steps.c.key == arg("key"), steps.c.state == const("done"))
    ),
)
_RENAME_WAIT = Query(
    "key payload id run_id",
    lambda _: (
        update(waits)
        .values(key=arg("key"), payload=arg("payload"))
        .where(waits.c.id == arg("id"), waits.c.run_id == arg("run_id"))
    ),
)


@writes(Repin)
def _repin(tx: Tx, write: Repin, act: Act) -> None:
    held = lock_lane(tx, write.lane)
    if held is not None and held[0]:
        raise Conflict(f"run {write.run_id} is being worked on; try again", run=write.run_id)
    moved = tx(_REPIN, write.revision, dump(write.input), write.at, write.run_id, write.was)
    tx.check(moved, _verify, write.run_id)
    for step in write.steps:
        tx.check(tx(_RENAME_STEP, step.to, raw_text(step.result), write.run_id, step.key), _verify, write.run_id)
    for wait in write.waits:
        tx.check(tx(_RENAME_WAIT, wait.key, dump(wait.payload), wait.id, write.run_id), _verify, write.run_id)


def _verify(rows: Rows, run_id: str) -> None:
    if rows.rowcount != 1:
        raise Conflict(f"run {run_id} does not wait any more, or was changed meanwhile", run=run_id)
