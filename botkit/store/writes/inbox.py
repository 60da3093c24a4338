"""Writes to the inbox: events, and what became of them."""

from __future__ import annotations

__all__ = ["finish_event", "put_event"]


from sqlalchemy import update

from botkit.core.events import Event
from botkit.core.ids import new_id
from botkit.core.journal import (
    Consume,
    Requeue,
    Signal,
    Wake,
)
from botkit.store.codec import clean, dump
from botkit.store.query import Query, Rows, Tx, arg, const
from botkit.store.schema import (
    inbox,
)
from botkit.store.signals import announce
from botkit.store.writes.registry import Act, insert_row, writes

_EVENT = "id channel dedupe_key lane kind conversation sender_id received_at event"
_PUT_EVENT = Query(
    _EVENT,
    lambda insert: (
        insert_row(insert, inbox, _EVENT)
        .on_conflict_do_nothing(index_elements=["channel", "dedupe_key"])
        .returning(inbox.c.seq)
    ),
)
_DONE = Query(
    "now outcome run_id id",
    lambda _: (
        update(inbox)
        .values(done_at=arg("now"), outcome=arg("outcome"), run_id=arg("run_id"))
        .where(inbox.c.id == arg("id"), inbox.c.done_at == const(0))
    ),
)
_REQUEUE = Query(
    "lane outcome",
    lambda _: (
        update(inbox)
        .values(done_at=const(0), outcome=const(""))
        .where(
            inbox.c.lane == arg("lane"),
            inbox.c.outcome == arg("outcome"),
            inbox.c.outcome != const(""),
            inbox.c.run_id == const(""),
        )
    ),
)


def put_event(tx: Tx, event: Event, lane: str, *, id_: str, now: int, body: str = "") -> int | None:
    """Store an event; its sequence number, or None when it was stored before."""
    row = tx(
        _PUT_EVENT,
        id_,
        event.channel,
        clean(event.dedupe_key),
        lane,
        event.kind,
        event.conversation.key,
        clean(event.sender.id),
        now,
        body or dump(event),
    ).fetchone()
    return None if row is None else row[0]


def finish_event(tx: Tx, event_id: str, *, now: int, outcome: str, run_id: str) -> Rows:
    """Mark an event dealt with; no row changes when it was before."""
    return tx(_DONE, now, outcome, run_id, event_id)


@writes(Wake)
def _wake(tx: Tx, write: Wake, act: Act) -> None:
    id_ = new_id("in")
    if put_event(tx, write.event, write.lane, id_=id_, now=act.now) is not None:
        announce(tx, Signal(kind="lane", lane=write.lane, event_id=id_), sender=act.owner)


@writes(Consume)
def _consume(tx: Tx, write: Consume, act: Act) -> None:
    for event_id in write.event_ids:
        finish_event(tx, event_id, now=act.now, outcome=clean(write.outcome), run_id=write.run_id)


@writes(Requeue)
def _requeue(tx: Tx, write: Requeue, act: Act) -> None:
    if tx(_REQUEUE, write.lane, clean(write.outcome)).rowcount > 0:
        announce(tx, Signal(kind="lane", lane=write.lane), sender=act.owner)
