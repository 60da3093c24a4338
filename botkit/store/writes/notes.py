"""Writes of notes, and of who wants no messages."""

from __future__ import annotations

__all__ = ["COUNT_NOTES", "DROP_NOTE", "DROP_NOTES"]

from typing import Any

from sqlalchemy import delete, func, select

from botkit.core.errors import LimitReached
from botkit.core.journal import SetOptOut
from botkit.core.notes import NOTES_LIMIT, DropNotes, PutNote
from botkit.store.codec import clean, dump
from botkit.store.query import Insert, Query, Rows, Tx, arg
from botkit.store.schema import notes, opt_outs
from botkit.store.writes.registry import Act, insert_row, writes

_NOTE = "scope owner name value by run_id created_at updated_at expires_at taint"
_KEPT = {"scope", "owner", "name", "created_at"}
"""Columns that a later value leaves as they are."""


def _put(insert: Insert) -> Any:
    statement = insert_row(insert, notes, _NOTE)
    changed = {name: statement.excluded[name] for name in _NOTE.split() if name not in _KEPT}
    return statement.on_conflict_do_update(index_elements=["scope", "owner", "name"], set_=changed)


_PUT = Query(_NOTE, _put)
COUNT_NOTES = Query(
    "scope owner",
    lambda _: (
        select(func.count()).select_from(notes).where(notes.c.scope == arg("scope"), notes.c.owner == arg("owner"))
    ),
)
DROP_NOTE = Query(
    "scope owner name",
    lambda _: delete(notes).where(
        notes.c.scope == arg("scope"), notes.c.owner == arg("owner"), notes.c.name == arg("name")
    ),
)
DROP_NOTES = Query(
    "scope owner", lambda _: delete(notes).where(notes.c.scope == arg("scope"), notes.c.owner == arg("owner"))
)
_OPT_OUT = "person_id bot at via"
_SET_OPT_OUT = Query(_OPT_OUT, lambda insert: insert_row(insert, opt_outs, _OPT_OUT).on_conflict_do_nothing())
_DROP_OPT_OUT = Query(
    "person_id bot",
    lambda _: delete(opt_outs).where(opt_outs.c.person_id == arg("person_id"), opt_outs.c.bot == arg("bot")),
)


@writes(PutNote)
def _put_note(tx: Tx, write: PutNote, act: Act) -> None:
    note = write.note
    now = note.updated_at or act.now
    owner = clean(note.owner)
    tx(
        _PUT,
        note.scope,
        owner,
        clean(note.name),
        dump(note.value),
        clean(note.by),
        note.run_id,
        note.created_at or now,
        now,
        note.expires_at,
        dump(list(note.taint)),
    )
    tx.check(tx(COUNT_NOTES, note.scope, owner), _verify_room, note.scope)


def _verify_room(rows: Rows, scope: str) -> None:
    row = rows.fetchone()
    if row is not None and row[0] > NOTES_LIMIT:
        raise LimitReached(
            f"there are {NOTES_LIMIT} notes already; forget one first", limit=f"notes.{scope}", value=NOTES_LIMIT
        )


@writes(DropNotes)
def _drop_notes(tx: Tx, write: DropNotes, act: Act) -> None:
    key = write.key
    if write.name:
        tx(DROP_NOTE, key.scope, clean(key.owner), clean(write.name))
    else:
        tx(DROP_NOTES, key.scope, clean(key.owner))


@writes(SetOptOut)
def _set_opt_out(tx: Tx, write: SetOptOut, act: Act) -> None:
    if write.out:
        tx(_SET_OPT_OUT, write.person_id, write.bot, write.at, write.via)
    else:
        tx(_DROP_OPT_OUT, write.person_id, write.bot)
