"""The budgets of an instance: which ones a call counts on, what it may cost, and who is told when one runs low."""

from __future__ import annotations

__all__ = ["BudgetDesk", "Warned"]

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import structlog

from botkit.core.budgets import (
    NO_LIMIT,
    Account,
    Balance,
    BudgetLike,
    Budgets,
    Charge,
    Estimate,
    Payer,
    account_of,
    accounts_of,
    period_of,
    used_up,
)
from botkit.core.clock import Clock
from botkit.core.config.models.people import Budget
from botkit.core.data import Data
from botkit.core.errors import NotFound, StoreError
from botkit.core.journal import LogCall, SettleBudget, Write
from botkit.core.models import Usage
from botkit.core.tools import CallRecord

if TYPE_CHECKING:
    from botkit.core.config import Config

_log = structlog.get_logger("botkit.budgets")

_LEAST_OUTPUT_TOKENS = 256
_INPUT_MARGIN = 1.2
"""Tokens are estimated to some 20 %."""


class _Rules:
    """The budgets of one revision."""

    def __init__(self, config: Config):
        self.config = config
        self.budgets: dict[str, BudgetLike] = dict(config.budgets)
        for name, bot in config.bots.items():
            if bot.spending_cap is not None:
                cap = Budget(bots=(name,), spend=bot.spending_cap, per="lifetime")
                self.budgets[f"bots.{name}.spending_cap"] = cap
        self.teams = {name: tuple(_bots_of(config, name)) for name in config.teams}
        self.timezone = config.settings.timezone


class Warned(Data):
    """What `BudgetDesk` tells when a budget runs low."""

    balance: Balance
    run_id: str = ""
    """The run whose call came that far."""


class BudgetDesk:
    """Implements `botkit.core.budgets.Spending`.

    Args:
        config: of the revision that runs now; asked at each call, so a reload takes effect at once.
        prices: micros for an input and an output token of a model.
        unpriced: whether nobody knows what a model costs.
        warn: tells people; called once for each period of an account.
        count: told of each refusal and warning, with the budget's name.
    """

    def __init__(
        self,
        budgets: Budgets,
        clock: Clock,
        *,
        config: Callable[[], Config],
        prices: Callable[[str], tuple[float, float]],
        unpriced: Callable[[str], bool] = lambda _: False,
        spawn: Callable[..., asyncio.Task[None]],
        warn: Callable[[Warned], Awaitable[None]] | None = None,
        count: Callable[[str, str], None] | None = None,
    ):
        self._budgets = budgets
        self._clock = clock
        self._config = config
        self._prices = prices
        self._has_no_price = unpriced
        self._spawn = spawn
        self._warn = warn
        self._count = count
        self._known: _Rules | None = None
        self._unpriced: set[str] = set()
        self.looking: set[asyncio.Task[None]] = set()
        """Checks under way whether somebody has to be warned."""

    @property
    def _rules(self) -> _Rules:
        config = self._config()
        if self._known is None or self._known.config is not config:
            self._known = _Rules(config)
        return self._known

    @property
    def active(self) -> bool:
        return bool(self._rules.budgets)

    def accounts(self, payer: Payer) -> list[Account]:
        """Every account this payer's calls count on now."""
        rules = self._rules
        return accounts_of(rules.budgets, payer, now=self._clock.now(), timezone=rules.timezone, teams=rules.teams)

    # ── calls ────────────────────────────────────────────────────────────────────────────────────────────

    async def reserve_model(
        self, payer: Payer, *, run_id: str, step: str, model: str, input_tokens: int, output_tokens: int
    ) -> Charge | None:
        into, out = self._prices(model)
        costs = bool(into or out)
        accounts = [one for one in self.accounts(payer) if one.tokens != NO_LIMIT or (costs and one.micros != NO_LIMIT)]
        if self._rules.budgets and self._has_no_price(model):
            self._note_unpriced(model)
        estimate = Estimate(
            input_tokens=int(input_tokens * _INPUT_MARGIN) + 1,
            output_tokens=output_tokens,
            least_output_tokens=_LEAST_OUTPUT_TOKENS,
            input_price=into,
            output_price=out,
        )
        return await self._reserve(run_id, step, accounts, estimate)

    async def reserve_sound(self, payer: Payer, *, run_id: str, step: str, micros: int) -> Charge | None:
        accounts = [one for one in self.accounts(payer) if micros and one.micros != NO_LIMIT]
        return await self._reserve(run_id, step, accounts, Estimate(micros=micros))

    async def reserve_tool(self, payer: Payer, *, run_id: str, step: str) -> Charge | None:
        accounts = [one for one in self.accounts(payer) if one.tool_calls != NO_LIMIT]
        return await self._reserve(run_id, step, accounts, Estimate(tool_calls=1))

    async def _reserve(self, run_id: str, step: str, accounts: list[Account], estimate: Estimate) -> Charge | None:
        if not accounts:
            return None
        reservation = await self._budgets.reserve(run_id, step, accounts, estimate)
        refused = reservation.refused_by
        if refused is None:
            return reservation.charge
        account = refused.account
        _log.warning("budget_used_up", budget=account.budget, who=account.who, period=account.period, run=run_id)
        if self._count is not None:
            self._count("refused", account.budget)
        self._look_soon((account.key,), run_id)
        raise used_up(refused, self._clock.micros())

    def priced(self, model: str, usage: Usage) -> Usage:
        into, out = self._prices(model)
        if usage.cost_micros or usage.unpriced:
            return usage
        if not (into or out):
            return msgspec.structs.replace(usage, unpriced=self._has_no_price(model))
        return msgspec.structs.replace(usage, cost_micros=round(usage.input_tokens * into + usage.output_tokens * out))

    async def left(self, payer: Payer) -> Sequence[Balance]:
        return await self._budgets.balances(self.accounts(payer)) if self.active else ()

    def _note_unpriced(self, model: str) -> None:
        """A model whose price nobody knows is not held by limits on money: once for each, so nobody wonders."""
        if model not in self._unpriced:
            self._unpriced.add(model)
            _log.info("budget_model_without_price", model=model, advice="set models.*.price where it does cost")

    # ── warnings ─────────────────────────────────────────────────────────────────────────────────────────

    def before(self, saw: Callable[[Write], None] | None) -> Callable[[Write], None]:
        """`saw`, and then the one given, for a journal that tells one."""

        def both(write: Write) -> None:
            self.saw(write)
            if saw is not None:
                saw(write)

        return both

    def before_call(self, saw: Callable[[CallRecord], None] | None) -> Callable[[CallRecord], None]:
        """The same for the call log."""

        def both(record: CallRecord) -> None:
            self.logged(record)
            if saw is not None:
                saw(record)

        return both

    def saw(self, write: Write) -> None:
        """Look at what was committed: whoever comes near a limit is warned after the fact, never instead of it."""
        if isinstance(write, SettleBudget):
            self._settled(write.charge)
        elif isinstance(write, LogCall):
            self.logged(write.record)

    def logged(self, record: CallRecord) -> None:
        """The same for a row of the call log."""
        if record.charge is not None:
            self._settled(record.charge)

    def _settled(self, charge: Charge) -> None:
        if charge.near:
            self._look_soon(charge.accounts, charge.run_id)

    def _look_soon(self, keys: Sequence[tuple[str, str, str]], run_id: str) -> None:
        task = self._spawn(self._look(keys, run_id))
        self.looking.add(task)
        task.add_done_callback(self.looking.discard)

    async def _look(self, keys: Sequence[tuple[str, str, str]], run_id: str) -> None:
        """Warn about those of these accounts that have come so far."""
        for key in keys:
            account = self._account(*key)
            if account is None:
                continue
            try:
                balance = await self._budgets.warn(account)
            except StoreError as error:
                _log.error("budget_not_looked_at", budget=account.budget, detail=str(error))
                continue
            if balance is not None:
                share = round(balance.share, 3)
                _log.warning("budget_low", budget=account.budget, who=account.who, period=account.period, used=share)
                if self._count is not None:
                    self._count("warned", account.budget)
                if self._warn is not None:
                    await self._warn(Warned(balance=balance, run_id=run_id))

    def _account(self, name: str, who: str, period: str) -> Account | None:
        """The account of a key; None when its budget is gone or its period over."""
        budget = self._rules.budgets.get(name)
        if budget is None:
            return None
        current, resets_at = period_of(budget.per, self._clock.now(), self._rules.timezone)
        return account_of(name, budget, who, period, resets_at) if current == period else None

    @property
    def teams(self) -> Mapping[str, Sequence[str]]:
        """The bots of each team, under its own name too."""
        return self._rules.teams

    # ── for administrators ───────────────────────────────────────────────────────────────────────────────

    @property
    def budgets(self) -> Mapping[str, BudgetLike]:
        """All of them, caps of bots among them."""
        return self._rules.budgets

    async def balances(self, name: str = "") -> Sequence[Balance]:
        """How every account of a budget, or of all, stands in this period: shared ones, and those used so far."""
        found: list[Account] = []
        for key, budget in self._rules.budgets.items():
            if name in ("", key):
                period, resets_at = period_of(budget.per, self._clock.now(), self._rules.timezone)
                known = await self._budgets.known(key, period)
                always = [""] if _is_one(budget) else [f"bot:{bot}" for bot in _only_bots(budget)]
                found += [account_of(key, budget, who, period, resets_at) for who in dict.fromkeys([*always, *known])]
        return await self._budgets.balances(found)

    def account(self, name: str, who: str = "") -> Account:
        """One account in this period. Raises `NotFound`."""
        budget = self._rules.budgets.get(name)
        if budget is None:
            known = ", ".join(self._rules.budgets) or "none"
            raise NotFound(f"no budget is called `{name}`; there is: {known}")
        period, resets_at = period_of(budget.per, self._clock.now(), self._rules.timezone)
        return account_of(name, budget, who, period, resets_at)


def _is_one(budget: BudgetLike) -> bool:
    """Whether all it counts is one count."""
    named = (budget.bots, budget.teams, budget.workspaces, budget.channels, budget.people, budget.roles)
    return budget.shared or not any(named)


def _only_bots(budget: BudgetLike) -> Sequence[str]:
    """Its bots, where nothing else is named and each therefore has a count that is known before its first call."""
    others = (budget.teams, budget.workspaces, budget.channels, budget.people, budget.roles)
    return [] if any(others) or "*" in budget.bots else budget.bots


def _bots_of(config: Config, team: str, seen: tuple[str, ...] = ()) -> list[str]:
    """The team itself, under whose name it routes, and all bots in it, also of teams inside."""
    members = [member.bot for member in config.teams[team].members]
    inner = [
        bot
        for name in members
        if name in config.teams and name not in seen
        for bot in _bots_of(config, name, (*seen, team))
    ]
    return [team, *members, *inner]
