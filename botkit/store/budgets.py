"""Budgets in the database: exact across restarts, and across processes that share it.

A count is what `budget_counts` says and what the reservations on it come to, settled or not. Whoever reserves locks the
count's row, so no two can take the same room. A step's commit only marks its reservation (`reservations.py`) and
waits for nobody; the next reservation adds to the count what was settled since.
"""

from __future__ import annotations

__all__ = ["SqlBudgets"]

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import and_, delete, exists, func, select, update

from botkit.core.budgets import (
    NO_LIMIT,
    Account,
    Amount,
    Balance,
    Charge,
    Estimate,
    Reservation,
    affordable,
)
from botkit.core.clock import Clock
from botkit.store.query import Query, Tx, arg, const
from botkit.store.reader import Reader
from botkit.store.reservations import settle
from botkit.store.schema import budget_counts as counts
from botkit.store.schema import budget_reservations as reservations
from botkit.store.writer import Writer
from botkit.store.writes.registry import insert_row

_FOLD_AT = 16
"""Settled reservations of one account after which they are added to its count and deleted."""


def _is(table: Any) -> Any:
    return and_(
        table.c.budget == arg("budget"),
        table.c.who == arg("who"),
        table.c.period == arg("period"),
    )


_ACCOUNT = "budget who period"
_USED = (counts.c.micros, counts.c.tokens, counts.c.tool_calls)
_GRANTED = (counts.c.granted_micros, counts.c.granted_tokens, counts.c.granted_tool_calls)
_AMOUNT = (reservations.c.micros, reservations.c.tokens, reservations.c.tool_calls)

_START = Query(
    f"{_ACCOUNT} resets_at",
    lambda insert: insert_row(insert, counts, f"{_ACCOUNT} resets_at").on_conflict_do_nothing(),
)
_LOCK = Query(_ACCOUNT, lambda _: select(*_USED, *_GRANTED, counts.c.warned_at).where(_is(counts)).with_for_update())
_ADD = Query(
    f"micros tokens tool_calls {_ACCOUNT}",
    lambda _: (
        update(counts)
        .values(
            micros=counts.c.micros + arg("micros"),
            tokens=counts.c.tokens + arg("tokens"),
            tool_calls=counts.c.tool_calls + arg("tool_calls"),
        )
        .where(_is(counts))
    ),
)
_GRANT = Query(
    f"micros tokens tool_calls {_ACCOUNT}",
    lambda _: (
        update(counts)
        .values(
            granted_micros=counts.c.granted_micros + arg("micros"),
            granted_tokens=counts.c.granted_tokens + arg("tokens"),
            granted_tool_calls=counts.c.granted_tool_calls + arg("tool_calls"),
            warned_at=const(0),
        )
        .where(_is(counts))
    ),
)
_CLEAR = Query(
    _ACCOUNT,
    lambda _: (
        update(counts)
        .values(micros=const(0), tokens=const(0), tool_calls=const(0), warned_at=const(0))
        .where(_is(counts))
    ),
)
_WARN = Query(
    f"now {_ACCOUNT}",
    lambda _: update(counts).values(warned_at=arg("now")).where(_is(counts), counts.c.warned_at == const(0)),
)
_EXPIRE = Query(
    "before",
    lambda _: delete(counts).where(
        counts.c.resets_at > const(0),
        counts.c.resets_at < arg("before"),
        ~exists().where(
            reservations.c.budget == counts.c.budget,
            reservations.c.who == counts.c.who,
            reservations.c.period == counts.c.period,
            reservations.c.settled == const(0),
        ),
    ),
)
_EXPIRE_SETTLED = Query(
    "",
    lambda _: delete(reservations).where(
        reservations.c.settled == const(1),
        ~exists().where(
            counts.c.budget == reservations.c.budget,
            counts.c.who == reservations.c.who,
            counts.c.period == reservations.c.period,
        ),
    ),
)
_RESERVATION = f"run_id step {_ACCOUNT} owner at output_tokens micros tokens tool_calls"
_RESERVE = Query(_RESERVATION, lambda insert: insert_row(insert, reservations, _RESERVATION))
_HELD = Query(
    "run_id step",
    lambda _: (
        select(
            reservations.c.budget,
            reservations.c.who,
            reservations.c.period,
            reservations.c.output_tokens,
            reservations.c.settled,
            *_AMOUNT,
        )
        .where(reservations.c.run_id == arg("run_id"), reservations.c.step == arg("step"))
        .order_by(reservations.c.budget, reservations.c.who)
    ),
)
_TAKE_OVER = Query(
    "owner run_id step",
    lambda _: (
        update(reservations)
        .values(owner=arg("owner"))
        .where(reservations.c.run_id == arg("run_id"), reservations.c.step == arg("step"))
    ),
)
_DROP_STEP = Query(
    "run_id step",
    lambda _: delete(reservations).where(
        reservations.c.run_id == arg("run_id"), reservations.c.step == arg("step"), reservations.c.settled == const(1)
    ),
)
_TAKEN = Query(
    _ACCOUNT,
    lambda _: (
        select(reservations.c.settled, func.count(), *(func.sum(column) for column in _AMOUNT))
        .where(_is(reservations))
        .group_by(reservations.c.settled)
    ),
)
_FOLD = Query(
    _ACCOUNT,
    lambda _: delete(reservations).where(_is(reservations), reservations.c.settled == const(1)).returning(*_AMOUNT),
)


class SqlBudgets:
    """Implements `botkit.core.budgets.Budgets`."""

    def __init__(self, writer: Writer, reader: Reader, clock: Clock, *, owner: str):
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._owner = owner

    async def reserve(self, run_id: str, step: str, accounts: Sequence[Account], estimate: Estimate) -> Reservation:
        # Everybody locks in one order, so no two wait for each other.
        ordered = sorted(accounts, key=lambda account: account.key)
        now = self._clock.micros()

        def unit(tx: Tx) -> Reservation:
            held = tx(_HELD, run_id, step).fetchall()
            if held and not any(row[4] for row in held):
                tx(_TAKE_OVER, self._owner, run_id, step)
                keys = tuple((row[0], row[1], row[2]) for row in held)
                return Reservation(
                    charge=Charge(run_id=run_id, step=step, accounts=keys, output_tokens=held[0][3], near=True)
                )
            _book_step(tx, run_id, step, held)
            balances = [(_lock(tx, account), account) for account in ordered]
            output_tokens = estimate.output_tokens
            for (balance, _), _account in balances:
                fits = affordable(estimate, balance.left)
                if fits is None:
                    return Reservation(charge=Charge(run_id=run_id, step=step), refused_by=balance)
                output_tokens = min(output_tokens, fits)
            amount, near = estimate.amount(output_tokens), False
            for (balance, warned), account in balances:
                sizes = (output_tokens, amount.micros, amount.tokens, amount.tool_calls)
                tx(_RESERVE, run_id, step, *account.key, self._owner, now, *sizes)
                after = msgspec.structs.replace(balance, reserved=balance.reserved + amount)
                near = near or (not warned and after.near)
            keys = tuple(account.key for account in ordered)
            return Reservation(
                charge=Charge(run_id=run_id, step=step, accounts=keys, output_tokens=output_tokens, near=near)
            )

        return await self._writer.run(unit, key=f"budget:{ordered[0].key if ordered else ''}")

    async def settle(self, charge: Charge) -> None:
        await self._writer.run(lambda tx: settle(tx, charge), key=f"budget:{charge.run_id}/{charge.step}")

    async def balances(self, accounts: Sequence[Account]) -> Sequence[Balance]:
        def unit(tx: Tx) -> list[Balance]:
            return [_read(tx, account, lock=False)[0] for account in accounts]

        return await self._writer.run(unit) if accounts else []

    async def known(self, budget: str, period: str) -> Sequence[str]:
        rows = await self._reader.all(
            select(counts.c.who).where(counts.c.budget == budget, counts.c.period == period).order_by(counts.c.who)
        )
        return [row[0] for row in rows]

    async def warn(self, account: Account) -> Balance | None:
        now = self._clock.micros()

        def unit(tx: Tx) -> Balance | None:
            balance, warned = _lock(tx, account)
            if warned or balance.share < account.warn_at:
                return None
            tx(_WARN, now, *account.key)
            return balance

        return await self._writer.run(unit, key=f"budget:{account.key}")

    async def grant(self, account: Account, more: Amount) -> None:
        def unit(tx: Tx) -> None:
            tx(_START, *account.key, account.resets_at)
            tx(_GRANT, more.micros, more.tokens, more.tool_calls, *account.key)

        await self._writer.run(unit, key=f"budget:{account.key}")

    async def reset(self, account: Account) -> Amount:
        def unit(tx: Tx) -> Amount:
            _lock(tx, account)
            used = _fold(tx, account)
            tx(_CLEAR, *account.key)
            return used

        return await self._writer.run(unit, key=f"budget:{account.key}")

    async def expire(self, before: int) -> int:
        def unit(tx: Tx) -> int:
            gone = tx(_EXPIRE, before).rowcount
            tx(_EXPIRE_SETTLED)
            return gone

        return await self._writer.run(unit)


def _lock(tx: Tx, account: Account) -> tuple[Balance, bool]:
    """How it stands, its row locked; and whether its warning was given."""
    balance, warned, settled = _read(tx, account, lock=True)
    if settled >= _FOLD_AT:
        _fold(tx, account)
    return balance, warned


def _read(tx: Tx, account: Account, *, lock: bool) -> tuple[Balance, bool, int]:
    row = tx(_LOCK, *account.key).fetchone()
    if row is None and lock:
        tx(_START, *account.key, account.resets_at)
        row = tx(_LOCK, *account.key).fetchone()
    micros, tokens, tool_calls, granted_micros, granted_tokens, granted_calls, warned = row or (0,) * 7
    used, reserved, settled = Amount(micros=micros, tokens=tokens, tool_calls=tool_calls), Amount(), 0
    for is_settled, number, *sums in tx(_TAKEN, *account.key).fetchall():
        # PostgreSQL sums big integers to decimals
        amount = Amount(micros=int(sums[0]), tokens=int(sums[1]), tool_calls=int(sums[2]))
        if is_settled:
            used, settled = used + amount, int(number)
        else:
            reserved = amount
    granted = Amount(micros=granted_micros, tokens=granted_tokens, tool_calls=granted_calls)
    return (
        Balance(account=_with(account, granted), used=used, reserved=reserved, granted=granted),
        bool(warned),
        settled,
    )


def _with(account: Account, granted: Amount) -> Account:
    if granted == Amount():
        return account
    return msgspec.structs.replace(
        account,
        micros=_more(account.micros, granted.micros),
        tokens=_more(account.tokens, granted.tokens),
        tool_calls=_more(account.tool_calls, granted.tool_calls),
    )


def _more(limit: int, granted: int) -> int:
    return limit if limit == NO_LIMIT else limit + granted


def _fold(tx: Tx, account: Account) -> Amount:
    """Add what was settled to the count; all that is used then. The count is locked."""
    settled = Amount()
    for micros, tokens, tool_calls in tx(_FOLD, *account.key).fetchall():
        settled += Amount(micros=micros, tokens=tokens, tool_calls=tool_calls)
    if settled != Amount():
        tx(_ADD, settled.micros, settled.tokens, settled.tool_calls, *account.key)
    row = tx(_LOCK, *account.key).fetchone() or (0, 0, 0)
    return Amount(micros=row[0], tokens=row[1], tool_calls=row[2])


def _book_step(tx: Tx, run_id: str, step: str, held: Sequence[tuple[Any, ...]]) -> None:
    """A step that is made again, after a call of its that was settled: its key becomes free."""
    if not held:
        return
    tx(_DROP_STEP, run_id, step)
    for budget, who, period, _, settled, *amount in held:
        if settled:
            tx(_ADD, *amount, budget, who, period)
