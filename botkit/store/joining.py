"""An account goes to another person, with what was done as it."""

from __future__ import annotations

__all__ = ["ACCOUNTS", "MOVE_ACCOUNT", "move_account"]

from sqlalchemy import delete, exists, select, update

from botkit.store.query import Query, Tx, arg, const
from botkit.store.schema import (
    call_payloads,
    calls,
    files,
    identities,
    members,
    model_calls,
    notes,
    opt_outs,
    pairing_codes,
    people,
    runs,
    secrets,
    sessions,
    transcript,
    verifications,
    waits,
    welcomes,
)
from botkit.store.writes.tags import DROP_TAGS, KEEP_TAGS

ACCOUNTS = Query(
    "person_id",
    lambda _: (
        select(identities.c.channel, identities.c.user_id)
        .where(identities.c.person_id == arg("person_id"))
        .order_by(identities.c.linked_at, identities.c.channel, identities.c.user_id)
    ),
)
MOVE_ACCOUNT = Query(
    "person_id linked_at channel user_id",
    lambda _: (
        update(identities)
        .values(person_id=arg("person_id"), linked_at=arg("linked_at"))
        .where(identities.c.channel == arg("channel"), identities.c.user_id == arg("user_id"))
    ),
)
_FORGET = Query("id", lambda _: delete(people).where(people.c.id == arg("id")))
_other = welcomes.alias("other")
_KEEP_WELCOMES = Query(
    "to from",
    lambda _: (
        update(welcomes)
        .values(person_id=arg("to"))
        .where(
            welcomes.c.person_id == arg("from"),
            ~exists().where(_other.c.person_id == arg("to"), _other.c.bot == welcomes.c.bot),
        )
    ),
)
_held = notes.alias("held")
_KEEP_NOTES = Query(
    "to from",
    lambda _: (
        update(notes)
        .values(owner=arg("to"))
        .where(
            notes.c.scope == const("person"),
            notes.c.owner == arg("from"),
            ~exists().where(_held.c.scope == const("person"), _held.c.owner == arg("to"), _held.c.name == notes.c.name),
        )
    ),
)
_DROP_NOTES = Query("id", lambda _: delete(notes).where(notes.c.scope == const("person"), notes.c.owner == arg("id")))
_refused = opt_outs.alias("refused")
_KEEP_OPT_OUTS = Query(
    "to from",
    lambda _: (
        update(opt_outs)
        .values(person_id=arg("to"))
        .where(
            opt_outs.c.person_id == arg("from"),
            ~exists().where(_refused.c.person_id == arg("to"), _refused.c.bot == opt_outs.c.bot),
        )
    ),
)
_DROP_OPT_OUTS = Query("id", lambda _: delete(opt_outs).where(opt_outs.c.person_id == arg("id")))
_DROP_WELCOMES = Query("id", lambda _: delete(welcomes).where(welcomes.c.person_id == arg("id")))
_INHERIT = tuple(
    Query(
        "to from",
        lambda _, table=table: update(table).values(person_id=arg("to")).where(table.c.person_id == arg("from")),
    )
    for table in (runs, waits, sessions, transcript, model_calls, files, pairing_codes, members)
)
_LEAVE = (
    Query("id", lambda _: delete(verifications).where(verifications.c.person_id == arg("id"))),
    Query("id", lambda _: delete(secrets).where(secrets.c.scope == const("person:").concat(arg("id")))),
)
_INHERIT_CALLS = tuple(
    Query(
        "to from",
        lambda _, table=table: (
            update(table)
            .values(principal=arg("to"))
            .where(table.c.principal == arg("from"), table.c.principal_kind == const("person"))
        ),
    )
    for table in (calls, call_payloads)
)


def move_account(tx: Tx, channel: str, user_id: str, old: str, new: str, now: int) -> None:
    """Give an account to another person; whoever has none left becomes part of that person."""
    tx(MOVE_ACCOUNT, new, now, channel, user_id)
    if tx(ACCOUNTS, old).fetchone() is not None:
        return
    for query in (*_INHERIT, *_INHERIT_CALLS):
        tx(query, new, old)
    for query in _LEAVE:  # what was proved of an account, and sealed for it, is not handed on
        tx(query, old)
    for keep, drop in (
        (_KEEP_WELCOMES, _DROP_WELCOMES),
        (_KEEP_NOTES, _DROP_NOTES),
        (_KEEP_OPT_OUTS, _DROP_OPT_OUTS),
        (KEEP_TAGS, DROP_TAGS),
    ):
        tx(keep, new, old)
        tx(drop, old)
    tx(_FORGET, old)
