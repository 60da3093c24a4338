"""A room that got another id: what is open there goes on in the new one."""

from __future__ import annotations

__all__: list[str] = []

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Column, exists, func, select, update

from botkit.core.data import decode
from botkit.core.events import Conversation, Event
from botkit.core.ids import join_key
from botkit.core.journal import MoveRoom
from botkit.store.codec import dump
from botkit.store.lanes import lock_lane
from botkit.store.query import Query, Tx, arg, const
from botkit.store.schema import files, inbox, is_open, lanes, notes, parts, runs, sessions, timers, transcript, waits
from botkit.store.writes.registry import Act, writes


def _of_room(column: Column[str]) -> Any:
    """Keys that begin with the room's; no index serves this, and a room moves once in its life."""
    return func.substr(column, const(1), arg("size")) == arg("prefix")


_SESSIONS = Query(
    "size prefix",
    lambda _: select(sessions.c.id, sessions.c.lane, sessions.c.conversation).where(_of_room(sessions.c.conversation)),
)
_MOVE_SESSION = Query(
    "lane conversation id",
    lambda _: (
        update(sessions).values(lane=arg("lane"), conversation=arg("conversation")).where(sessions.c.id == arg("id"))
    ),
)
_CURRENT = Query(
    "lane",
    lambda _: (
        select(sessions.c.id, sessions.c.bot)
        .where(sessions.c.lane == arg("lane"), sessions.c.ended_at == const(0))
        .order_by(sessions.c.started_at.desc())
        .limit(const(1))
    ),
)
_EVENTS = Query(
    "size prefix",
    lambda _: select(inbox.c.id, inbox.c.lane, inbox.c.event).where(
        inbox.c.done_at == const(0), _of_room(inbox.c.lane)
    ),
)
_MOVE_EVENT = Query(
    "lane conversation event id",
    lambda _: (
        update(inbox)
        .values(lane=arg("lane"), conversation=arg("conversation"), event=arg("event"))
        .where(inbox.c.id == arg("id"))
    ),
)
_WAITS = Query(
    "size prefix",
    lambda _: select(waits.c.id, waits.c.lane, waits.c.conversation, waits.c.part_id).where(
        waits.c.state == const("open"), _of_room(waits.c.lane)
    ),
)
_MOVE_WAIT = Query(
    "lane conversation id",
    lambda _: update(waits).values(lane=arg("lane"), conversation=arg("conversation")).where(waits.c.id == arg("id")),
)
_TIMER = Query("id", lambda _: select(timers.c.event).where(timers.c.id == arg("id")))
_MOVE_TIMER = Query(
    "lane event id",
    lambda _: update(timers).values(lane=arg("lane"), event=arg("event")).where(timers.c.id == arg("id")),
)
_RUNS = Query(
    "size prefix",
    lambda _: select(runs.c.id, runs.c.lane, runs.c.conversation).where(
        runs.c.state == const("waiting"), is_open(runs.c.state), _of_room(runs.c.lane)
    ),
)
_MOVE_RUN = Query(
    "lane conversation id",
    lambda _: update(runs).values(lane=arg("lane"), conversation=arg("conversation")).where(runs.c.id == arg("id")),
)
_PARTS = Query(
    "size prefix",
    lambda _: select(parts.c.id, parts.c.place, parts.c.edit_of).where(
        parts.c.state.in_([const("pending"), const("unknown")]), _of_room(parts.c.conversation)
    ),
)
_MOVE_PART = Query(
    "conversation place id",
    lambda _: (
        update(parts)
        .values(conversation=arg("conversation"), place=arg("place"), message_id=const(""))
        .where(parts.c.id == arg("id"))
    ),
)
_FORGET_MESSAGE = Query(
    "id size prefix",
    lambda _: update(parts).values(message_id=const("")).where(parts.c.id == arg("id"), _of_room(parts.c.conversation)),
)
_FORGET_REQUESTS = Query(
    "size prefix",
    lambda _: (
        update(parts)
        .values(message_id=const(""))
        .where(_of_room(parts.c.conversation), parts.c.id.like(const("%/asked/%")))
    ),
)
_FILES = Query("size prefix", lambda _: select(files.c.seq, files.c.lane).where(_of_room(files.c.lane)))
_MOVE_FILE = Query("lane seq", lambda _: update(files).values(lane=arg("lane")).where(files.c.seq == arg("seq")))
_NOTES = Query(
    "size prefix",
    lambda _: select(notes.c.owner, notes.c.name).where(notes.c.scope == const("chat"), _of_room(notes.c.owner)),
)
_there = notes.alias("there")
_MOVE_NOTE = Query(
    "to owner name",
    lambda _: (
        update(notes)
        .values(owner=arg("to"))
        .where(
            notes.c.scope == const("chat"),
            notes.c.owner == arg("owner"),
            notes.c.name == arg("name"),
            ~exists().where(_there.c.scope == const("chat"), _there.c.owner == arg("to"), _there.c.name == arg("name")),
        )
    ),
)
_OWNER = Query("lane", lambda _: select(lanes.c.owner).where(lanes.c.lane == arg("lane")))
_JOIN_ROWS = Query(
    "to session_id",
    lambda _: update(transcript).values(session_id=arg("to")).where(transcript.c.session_id == arg("session_id")),
)
_JOIN_RUNS = Query(
    "to session_id",
    lambda _: (
        update(runs).values(session_id=arg("to")).where(runs.c.session_id == arg("session_id"), is_open(runs.c.state))
    ),
)
_CLOSE = Query("at id", lambda _: update(sessions).values(ended_at=arg("at")).where(sessions.c.id == arg("id")))
_former = sessions.alias("former")
_SUMMARISE = Query(
    "session_id again id",
    lambda _: (
        update(sessions)
        .values(
            summary=select(_former.c.summary).where(_former.c.id == arg("session_id")).scalar_subquery(),
            summary_seq=select(_former.c.summary_seq).where(_former.c.id == arg("again")).scalar_subquery(),
        )
        .where(sessions.c.id == arg("id"), sessions.c.summary == const(""))
    ),
)


class _Move:
    """One move, in one transaction.

    A lane that somebody is working on right now, other than the one the move is committed under, is left alone: its
    turn ends where it began, and the next word about the move finds what is left.
    """

    def __init__(self, tx: Tx, write: MoveRoom, act: Act):
        self._tx = tx
        self._act = act
        self._own = write.lane
        self._room = write.to
        self._old = join_key(write.channel, write.room, "")
        self._new = join_key(write.channel, write.to, "")
        self._where = (len(self._old), self._old)
        self._busy: dict[str, bool] = {}

    def run(self) -> None:
        for id_, lane, conversation in self._rows(_SESSIONS):
            current = self._tx(_CURRENT, lane).fetchone()
            if current is not None and current[0] == id_:
                self._join(id_, current[1], self._renamed(lane))
            self._tx(_MOVE_SESSION, self._renamed(lane), self._renamed(conversation), id_)
        for id_, lane, event in self._rows(_EVENTS):
            lock_lane(self._tx, self._renamed(lane))  # whoever releases it now sees the event, or has released already
            moved = self._event(event)
            self._tx(_MOVE_EVENT, self._renamed(lane), moved.conversation.key, dump(moved), id_)
        for id_, lane, conversation, part_id in self._rows(_WAITS):
            self._tx(_MOVE_WAIT, self._renamed(lane), self._renamed(conversation), id_)
            self._tx(_FORGET_MESSAGE, part_id, *self._where)
            timer = self._tx(_TIMER, id_).fetchone()
            if timer is not None:
                self._tx(_MOVE_TIMER, self._renamed(lane), dump(self._event(timer[0])), id_)
        self._tx(_FORGET_REQUESTS, *self._where)  # approvals asked in this room for runs of others
        for id_, lane, conversation in self._rows(_RUNS):
            self._tx(_MOVE_RUN, self._renamed(lane), self._renamed(conversation), id_)
        for seq, lane in self._rows(_FILES):
            self._tx(_MOVE_FILE, self._renamed(lane), seq)
        for owner, name in self._tx(_NOTES, *self._where).fetchall():
            self._tx(_MOVE_NOTE, self._renamed(owner), owner, name)
        for id_, place, edit_of in self._tx(_PARTS, *self._where).fetchall():
            if edit_of:
                self._tx(_FORGET_MESSAGE, edit_of, *self._where)
            there = self._place(decode(place, Conversation))
            self._tx(_MOVE_PART, there.key, dump(there), id_)

    def _rows(self, query: Query) -> Iterable[tuple[Any, ...]]:
        """Rows of the room whose lane (the second column) is free to move."""
        return [row for row in self._tx(query, *self._where).fetchall() if not self._is_busy(row[1])]

    def _is_busy(self, lane: str) -> bool:
        if lane not in self._busy:
            row = self._tx(_OWNER, lane).fetchone()
            self._busy[lane] = row is not None and row[0] != "" and lane != self._own
        return self._busy[lane]

    def _join(self, session_id: str, bot: str, lane: str) -> None:
        """Where people wrote in the new room before we heard of the move, the old talk becomes the beginning of that.

        In this direction, because a turn may be under way there and goes on to write into its own session.
        """
        found = self._tx(_CURRENT, lane).fetchone()
        if found is None or found[1] != bot or found[0] == session_id:
            return
        self._tx(_JOIN_ROWS, found[0], session_id)
        self._tx(_JOIN_RUNS, found[0], session_id)
        self._tx(_SUMMARISE, session_id, session_id, found[0])
        self._tx(_CLOSE, self._act.now, session_id)

    def _renamed(self, key: str) -> str:
        return self._new + key[len(self._old) :] if key.startswith(self._old) else key

    def _place(self, conversation: Conversation) -> Conversation:
        return msgspec.structs.replace(conversation, room=self._room)

    def _event(self, text: str) -> Event:
        event = decode(text, Event)
        return msgspec.structs.replace(event, conversation=self._place(event.conversation))


@writes(MoveRoom)
def _move_room(tx: Tx, write: MoveRoom, act: Act) -> None:
    if write.to and write.to != write.room:
        _Move(tx, write, act).run()
