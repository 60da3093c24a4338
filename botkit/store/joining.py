"""An account goes to another person, with what was done as it."""

from __future__ import annotations

__all__ = ["ACCOUNTS", "MOVE_ACCOUNT", "move_account"]

from sqlalchemy import ColumnElement, FromClause, Table, and_, delete, exists, select, update

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
    tags,
    transcript,
    verifications,
    waits,
    welcomes,
)

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


def _handed_on(table: Table, owner: str, key: str, *, scope: str = "") -> tuple[Query, Query]:
    """(give a person the rows of another, but those that one has already; drop what is left).

    Args:
        owner: the column that says whose a row is.
        key: the column of which nobody has the same value twice.
        scope: what `table.scope` has to be, where rows belong to others than people too.
    """

    def of(rows: FromClause, person: str) -> ColumnElement[bool]:
        mine = rows.c[owner] == arg(person)
        return and_(rows.c.scope == const(scope), mine) if scope else mine

    held = table.alias("held")
    has_it = exists().where(of(held, "to"), held.c[key] == table.c[key])
    return (
        Query("to from", lambda _: update(table).values({owner: arg("to")}).where(of(table, "from"), ~has_it)),
        Query("id", lambda _: delete(table).where(of(table, "id"))),
    )


_HANDED_ON = (
    _handed_on(welcomes, "person_id", "bot"),
    _handed_on(notes, "owner", "name", scope="person"),
    _handed_on(opt_outs, "person_id", "bot"),
    _handed_on(tags, "person_id", "tag"),
)
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
    for keep, drop in _HANDED_ON:
        tx(keep, new, old)
        tx(drop, old)
    tx(_FORGET, old)
