"""Writes of waits and timers."""

from __future__ import annotations

__all__: list[str] = []

from typing import Any

from sqlalchemy import delete, exists, select, update

from botkit.core.clock import from_micros
from botkit.core.errors import Conflict, NotFound
from botkit.core.events import Conversation, Event, User
from botkit.core.ids import new_id
from botkit.core.journal import (
    CloseWait,
    DropTimer,
    OpenWait,
    PutTimer,
    Signal,
    WidenWait,
)
from botkit.store.codec import clean, dump
from botkit.store.query import Insert, Query, Tx, arg, const
from botkit.store.rows import WAIT_COLUMNS, read_wait
from botkit.store.schema import (
    is_open,
    runs,
    timers,
    waits,
)
from botkit.store.signals import announce
from botkit.store.writes.inbox import put_event
from botkit.store.writes.registry import Act, insert_row, writes

_WAKE_CHANNEL = "@wake"

_WAIT = (
    "id run_id lane key kind conversation person_id approvers payload token part_id state answer decided_by "
    "decided_via created_at expires_at decided_at"
)
_OPEN_WAIT = Query(_WAIT, lambda insert: insert_row(insert, waits, _WAIT).on_conflict_do_nothing())
_DECIDE = Query(
    "state answer by via at id",
    lambda _: (
        update(waits)
        .values(
            state=arg("state"),
            answer=arg("answer"),
            decided_by=arg("by"),
            decided_via=arg("via"),
            decided_at=arg("at"),
        )
        .where(
            waits.c.id == arg("id"),
            waits.c.state == const("open"),
            exists().where(runs.c.id == waits.c.run_id, is_open(runs.c.state)),
        )
        .returning(*WAIT_COLUMNS)
    ),
)
_WAIT_STATE = Query("id", lambda _: select(waits.c.state, waits.c.decided_by).where(waits.c.id == arg("id")))
_RUN_PLACE = Query("id", lambda _: select(runs.c.conversation, runs.c.conversation_kind).where(runs.c.id == arg("id")))
_TIMER = "id at lane event"


def _put_timer(insert: Insert) -> Any:
    statement = insert_row(insert, timers, _TIMER)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["id"], set_={"at": new.at, "lane": new.lane, "event": new.event}
    )


_PUT_TIMER = Query(_TIMER, _put_timer)
_KEEP_TIMER = Query(_TIMER, lambda insert: insert_row(insert, timers, _TIMER).on_conflict_do_nothing())
_DROP_TIMER = Query("id", lambda _: delete(timers).where(timers.c.id == arg("id")))


@writes(OpenWait)
def _open_wait(tx: Tx, write: OpenWait, act: Act) -> None:
    wait = write.wait
    tx(
        _OPEN_WAIT,
        wait.id,
        wait.run_id,
        wait.lane,
        wait.key,
        wait.kind,
        wait.conversation,
        wait.person_id,
        dump(wait.approvers),
        dump(wait.payload),
        wait.token,
        wait.part_id,
        wait.state,
        None if wait.answer is None else dump(wait.answer),
        wait.decided_by,
        wait.decided_via,
        wait.created_at or act.now,
        wait.expires_at,
        wait.decided_at,
    )


@writes(CloseWait)
def _close_wait(tx: Tx, write: CloseWait, act: Act) -> None:
    answer = None if write.answer is None else dump(write.answer)
    row = tx(_DECIDE, write.state, answer, clean(write.by), write.via, write.at, write.wait_id).fetchone()
    if row is None:
        _refuse_decision(tx, write)
        return
    if write.wake:
        wait = read_wait(row)
        place, kind = wait.conversation, "dm"
        found = tx(_RUN_PLACE, wait.run_id).fetchone()
        if found is not None:
            place, kind = place or found[0], found[1]
        event = Event(
            channel=_WAKE_CHANNEL,
            dedupe_key=wait.id,
            kind="wake",
            conversation=Conversation.from_key(place, "group" if kind == "group" else "dm"),
            sender=User(id=""),
            occurred_at=from_micros(write.at),
            signal={
                "run_id": wait.run_id,
                "wait_id": wait.id,
                "key": wait.key,
                "kind": wait.kind,
                "state": wait.state,
                "answer": write.answer or {},
                "by": write.by,
                "via": write.via,
            },
        )
        id_ = new_id("in")
        put_event(tx, event, wait.lane, id_=id_, now=act.now)
        announce(tx, Signal(kind="lane", lane=wait.lane, event_id=id_), sender=act.owner)


def _refuse_decision(tx: Tx, write: CloseWait) -> None:
    """Say why a wait could not be decided; cancelling a cancelled one is no contradiction."""
    row = tx(_WAIT_STATE, write.wait_id).fetchone()
    if row is None:
        raise NotFound(f"there is no wait {write.wait_id}", wait=write.wait_id)
    state, by = row
    if state == write.state == "cancelled":
        return
    if state == "open":
        raise Conflict("the run that asked has ended", wait=write.wait_id)
    who = f" by {by}" if by else ""
    raise Conflict(f"this was {state}{who} already", wait=write.wait_id, state=state, by=by)


_WIDEN = Query(
    "id approvers",
    lambda _: update(waits).values(approvers=arg("approvers")).where(waits.c.id == arg("id"), waits.c.state == "open"),
)


@writes(WidenWait)
def _widen_wait(tx: Tx, write: WidenWait, act: Act) -> None:
    tx(_WIDEN, write.wait_id, dump(write.approvers))


@writes(PutTimer)
def _set_timer(tx: Tx, write: PutTimer, act: Act) -> None:
    tx(_KEEP_TIMER if write.keep else _PUT_TIMER, write.id, write.at, write.lane, dump(write.event))


@writes(DropTimer)
def _drop_timer(tx: Tx, write: DropTimer, act: Act) -> None:
    tx(_DROP_TIMER, write.id)
