"""How budgets stand, and what administrators do about them."""

from __future__ import annotations

__all__ = ["BudgetOperations", "BudgetRow"]

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from botkit.core.budgets import NO_LIMIT, Account, Amount, Balance
from botkit.core.data import Data
from botkit.core.errors import Conflict, NotFound

if TYPE_CHECKING:
    from botkit.app.instance import Instance


class BudgetRow(Data, omit_defaults=False):
    """One count of a budget, in one of the three units it limits."""

    budget: str
    who: str
    """Whose count, such as `bot:desk person:ada`; empty: one for all."""
    period: str
    unit: str
    """`tokens`, `tool calls` or the currency, whose amounts have six decimals."""
    limit: float
    """With what was granted on top."""
    used: float
    reserved: float
    left: float
    granted: float
    resets_at: int
    """Microseconds, UTC; 0: never."""


class BudgetOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def list(self, *, budget: str = "") -> Sequence[BudgetRow]:
        """Every count that was used in the current period, and those known beforehand.

        Raises:
            NotFound: no such budget.
        """
        if budget:
            self._i.budgets.account(budget)
        return [row for one in await self._i.budgets.balances(budget) for row in self._rows(one)]

    async def grant(
        self,
        *,
        budget: str,
        who: str = "",
        spend: str = "",
        tokens: int = 0,
        tool_calls: int = 0,
        by: str,
        via: str = "cli",
    ) -> Sequence[BudgetRow]:
        """Add to a limit until its period ends.

        Args:
            spend: an amount in `settings.currency`, such as `2.50`.

        Raises:
            NotFound: no such budget or count.
            Conflict: it does not limit what was granted.
        """
        account = await self._account(budget, who)
        more = Amount(micros=int(Decimal(spend or 0) * 1_000_000), tokens=tokens, tool_calls=tool_calls)
        for given, limit, what in (
            (more.micros, account.micros, "money"),
            (more.tokens, account.tokens, "tokens"),
            (more.tool_calls, account.tool_calls, "tool calls"),
        ):
            if given and limit == NO_LIMIT:
                raise Conflict(f"`{budget}` does not limit {what}: there is nothing to add to")
        await self._i.store.budgets.grant(account, more)
        granted = {"spend": spend, "tokens": tokens, "tool_calls": tool_calls}
        await self._audit("budgets.grant", account, by, via, **{key: value for key, value in granted.items() if value})
        return await self._now(account)

    async def reset(self, *, budget: str, who: str = "", by: str, via: str = "cli") -> Sequence[BudgetRow]:
        """Begin a count anew; what calls under way reserved stays. Raises `NotFound`."""
        account = await self._account(budget, who)
        used = await self._i.store.budgets.reset(account)
        await self._audit(
            "budgets.reset",
            account,
            by,
            via,
            used_micros=used.micros,
            used_tokens=used.tokens,
            used_tool_calls=used.tool_calls,
        )
        return await self._now(account)

    async def _account(self, budget: str, who: str) -> Account:
        """The count that is meant: the only one when none is named."""
        self._i.budgets.account(budget)
        known = [one.account for one in await self._i.budgets.balances(budget)]
        if not who and len(known) == 1:
            return known[0]
        found = [one for one in known if one.who == who]
        if found:
            return found[0]
        if who and ":" in who:  # nobody has used it yet
            return self._i.budgets.account(budget, who)
        there = ", ".join(one.who or "(all)" for one in known) or "none was used yet"
        raise NotFound(f"`{budget}` has no count `{who}`; say --who with one of: {there}")

    async def _now(self, account: Account) -> Sequence[BudgetRow]:
        (balance,) = await self._i.store.budgets.balances([account])
        return self._rows(balance)

    async def _audit(self, action: str, account: Account, by: str, via: str, **detail: object) -> None:
        target = f"{account.budget} {account.who}".strip()
        await self._i.audit(by=by, via=via, action=action, target=target, period=account.period, **detail)

    def _rows(self, balance: Balance) -> list[BudgetRow]:
        account, left, used = balance.account, balance.left, balance.used
        reserved, granted = balance.reserved, balance.granted
        currency = self._i.configs.current.settings.currency
        units = (
            (currency, 1_000_000, account.micros, used.micros, reserved.micros, left.micros, granted.micros),
            ("tokens", 1, account.tokens, used.tokens, reserved.tokens, left.tokens, granted.tokens),
            (
                "tool calls",
                1,
                account.tool_calls,
                used.tool_calls,
                reserved.tool_calls,
                left.tool_calls,
                granted.tool_calls,
            ),
        )
        return [
            BudgetRow(
                budget=account.budget,
                who=account.who,
                period=account.period,
                unit=unit,
                limit=limit / scale,
                used=is_used / scale,
                reserved=is_reserved / scale,
                left=is_left / scale,
                granted=is_granted / scale,
                resets_at=account.resets_at,
            )
            for unit, scale, limit, is_used, is_reserved, is_left, is_granted in units
            if limit != NO_LIMIT
        ]
