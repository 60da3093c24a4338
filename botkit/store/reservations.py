"""What becomes of reservations on budgets: settled in the commit of their step, or freed when nobody will."""

from __future__ import annotations

__all__ = ["free_reservations", "settle"]

from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, exists, or_, update

from botkit.core.budgets import Charge
from botkit.store.query import Query, Tx, arg, const
from botkit.store.schema import budget_reservations as reservations
from botkit.store.schema import is_open, owners, runs


def _booked(column: ColumnElement[int], name: str) -> ColumnElement[Any]:
    """What was used takes the place of what was reserved; a call that is made again under the same key adds to it."""
    return case((reservations.c.settled == const(0), arg(name)), else_=column + arg(name))


_SETTLE = Query(
    "micros tokens tool_calls run_id step",
    lambda _: (
        update(reservations)
        .values(
            micros=_booked(reservations.c.micros, "micros"),
            tokens=_booked(reservations.c.tokens, "tokens"),
            tool_calls=_booked(reservations.c.tool_calls, "tool_calls"),
            settled=const(1),
        )
        .where(reservations.c.run_id == arg("run_id"), reservations.c.step == arg("step"))
    ),
)


def settle(tx: Tx, charge: Charge) -> None:
    """The counts themselves take it over with the next reservation, which has their locks anyway."""
    used = charge.used
    tx(_SETTLE, used.micros, used.tokens, used.tool_calls, charge.run_id, charge.step)


_FREE = Query(
    "",
    lambda _: delete(reservations).where(
        reservations.c.settled == const(0),
        or_(
            and_(
                ~exists().where(owners.c.id == reservations.c.owner),
                ~exists().where(runs.c.id == reservations.c.run_id, is_open(runs.c.state)),
            ),
            exists().where(runs.c.id == reservations.c.run_id, ~is_open(runs.c.state)),
        ),
    ),
)


def free_reservations(tx: Tx) -> None:
    """Free what nobody will settle: of runs that have ended, and of dead processes unless a replay takes it up."""
    tx(_FREE)
