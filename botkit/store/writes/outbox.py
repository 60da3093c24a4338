"""Writes of outbox parts."""

from __future__ import annotations

__all__: list[str] = []

from typing import Any

from sqlalchemy import case, func, update

from botkit.core.errors import NotFound
from botkit.core.journal import (
    Emit,
    SetPart,
)
from botkit.store.codec import clean, dump
from botkit.store.query import Query, Rows, Tx, arg, const
from botkit.store.schema import (
    parts,
)
from botkit.store.writes.registry import Act, insert_row, writes

_PART = (
    "id run_id conversation channel place position payload text state message_id edit_of attempts error owner "
    "created_at updated_at"
)
_EMIT = Query(_PART, lambda insert: insert_row(insert, parts, _PART).on_conflict_do_nothing(index_elements=["id"]))
_SET_PART = Query(
    "allowed state owner at message_id error payload text id",
    lambda _: (
        update(parts)
        .values(
            # `allowed` is a list such as " sending unknown ", or empty for any state.
            state=case((_permitted(), arg("state")), else_=parts.c.state),
            owner=case((_permitted(), arg("owner")), else_=parts.c.owner),
            updated_at=arg("at"),
            message_id=func.coalesce(func.nullif(arg("message_id"), const("")), parts.c.message_id),
            error=arg("error"),
            payload=func.coalesce(arg("payload"), parts.c.payload),
            text=func.coalesce(arg("text"), parts.c.text),
        )
        .where(parts.c.id == arg("id"))
    ),
)


def _permitted() -> Any:
    padded = const(" ") + parts.c.state + const(" ")
    return (arg("allowed") == const("")) | (func.replace(arg("allowed"), padded, const("")) != arg("allowed"))


@writes(Emit)
def _emit(tx: Tx, write: Emit, act: Act) -> None:
    part = write.part
    tx(
        _EMIT,
        part.id,
        part.run_id,
        part.conversation.key,
        part.conversation.channel,
        dump(part.conversation),
        part.index,
        dump(part.payload),
        clean(part.text),
        part.state,
        part.message_id,
        part.edit_of,
        part.attempts,
        clean(part.error),
        act.owner,
        part.created_at or act.now,
        act.now,
    )


@writes(SetPart)
def _set_part(tx: Tx, write: SetPart, act: Act) -> None:
    changed = tx(
        _SET_PART,
        f" {' '.join(write.if_state)} " if write.if_state else "",
        write.state,
        act.owner,
        write.at,
        write.message_id,
        clean(write.error),
        None if write.payload is None else dump(write.payload),
        None if write.text is None else clean(write.text),
        write.part_id,
    )
    tx.check(changed, _verify_part, write.part_id)


def _verify_part(rows: Rows, part_id: str) -> None:
    if rows.rowcount != 1:
        raise NotFound(f"there is no outbox part {part_id}", part=part_id)
