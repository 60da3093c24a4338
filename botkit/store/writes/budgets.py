"""Settling what calls reserved on budgets: one statement in the commit of their step."""

from __future__ import annotations

__all__ = ["SETTLE", "settle"]

from typing import Any

from sqlalchemy import ColumnElement, case, update

from botkit.core.budgets import Charge
from botkit.core.journal import SettleBudget
from botkit.store.query import Query, Tx, arg, const
from botkit.store.schema import budget_reservations as reservations
from botkit.store.writes.registry import Act, writes


def _booked(column: ColumnElement[int], name: str) -> ColumnElement[Any]:
    """What was used takes the place of what was reserved; a call that is made again under the same key adds to it."""
    return case((reservations.c.settled == const(0), arg(name)), else_=column + arg(name))


SETTLE = Query(
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
    tx(SETTLE, used.micros, used.tokens, used.tool_calls, charge.run_id, charge.step)


@writes(SettleBudget)
def _settle_budget(tx: Tx, write: SettleBudget, act: Act) -> None:
    settle(tx, write.charge)
