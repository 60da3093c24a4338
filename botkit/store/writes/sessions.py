"""Writes of sessions, transcript and welcomes."""

from __future__ import annotations

__all__: list[str] = []

from typing import Any

from sqlalchemy import update

from botkit.core.journal import (
    EndSession,
    MarkWelcomed,
    PutSession,
    Say,
)
from botkit.store.codec import clean, dump
from botkit.store.query import Insert, Query, Tx, arg, const
from botkit.store.schema import (
    sessions,
    transcript,
    welcomes,
)
from botkit.store.writes.registry import Act, insert_row, writes

_SESSION = "id lane bot channel conversation person_id started_at last_at ended_at summary summary_seq"
_SAY = "session_id run_id role text data person_id name at message_id"


def _put_session(insert: Insert) -> Any:
    statement = insert_row(insert, sessions, _SESSION)
    return statement.on_conflict_do_update(
        index_elements=["id"], set_={name: statement.excluded[name] for name in _SESSION.split() if name != "id"}
    )


_PUT_SESSION = Query(_SESSION, _put_session)
_END_SESSION = Query(
    "at id",
    lambda _: (
        update(sessions).values(ended_at=arg("at")).where(sessions.c.id == arg("id"), sessions.c.ended_at == const(0))
    ),
)
_ADD_ROW = Query(_SAY, lambda insert: insert_row(insert, transcript, _SAY))
_WELCOME = Query("person_id bot", lambda insert: insert_row(insert, welcomes, "person_id bot").on_conflict_do_nothing())


@writes(PutSession)
def _save_session(tx: Tx, write: PutSession, act: Act) -> None:
    session = write.session
    tx(
        _PUT_SESSION,
        session.id,
        session.lane,
        session.bot,
        session.channel,
        session.conversation,
        session.person_id,
        session.started_at,
        session.last_at,
        session.ended_at,
        clean(session.summary),
        session.summary_seq,
    )


@writes(EndSession)
def _end_session(tx: Tx, write: EndSession, act: Act) -> None:
    tx(_END_SESSION, write.at, write.session_id)


@writes(Say)
def _say(tx: Tx, write: Say, act: Act) -> None:
    row = write.row
    tx(
        _ADD_ROW,
        row.session_id,
        row.run_id,
        row.role,
        clean(row.text),
        dump(row.data),
        row.person_id,
        clean(row.name),
        row.at or act.now,
        row.message_id,
    )


@writes(MarkWelcomed)
def _mark_welcomed(tx: Tx, write: MarkWelcomed, act: Act) -> None:
    tx(_WELCOME, write.person_id, write.bot)
