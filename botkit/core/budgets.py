"""Money and use under budgets: what a call may cost is reserved before it and what it did cost is booked after.

    accounts_of(...)          which counts a call falls under: one for each budget, or one for each it names
    Budgets.reserve(...)      a reservation on all of them, or `BudgetUsedUp` and nothing
    SettleBudget(charge)      in the commit of the step: the reservation becomes what was really used

A reservation belongs to one step of one run and is made once, however often the step is begun: after a crash the replay
finds it. What a process that died had reserved for calls nobody repeats is freed by `Journal.recover`.
"""

from __future__ import annotations

__all__ = [
    "NO_LIMIT",
    "Account",
    "Amount",
    "Balance",
    "BudgetLike",
    "Budgets",
    "Charge",
    "Estimate",
    "Payer",
    "Reservation",
    "Spending",
    "account_of",
    "accounts_of",
    "affordable",
    "period_of",
    "used_up",
]

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING, Any, Literal, Protocol
from zoneinfo import ZoneInfo

from botkit.core.clock import to_micros
from botkit.core.data import Data
from botkit.core.errors import BudgetUsedUp
from botkit.core.models import Usage

if TYPE_CHECKING:
    from botkit.core.tools import Principal

NO_LIMIT = -1
_FOREVER = "ever"

Period = Literal["hour", "day", "week", "month", "lifetime"]


class Amount(Data):
    """What was used, or may be."""

    micros: int = 0
    """Millionths of `settings.currency`."""
    tokens: int = 0
    """Model tokens, in and out."""
    tool_calls: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            micros=self.micros + other.micros,
            tokens=self.tokens + other.tokens,
            tool_calls=self.tool_calls + other.tool_calls,
        )


class Account(Data):
    """One count: a budget, whose it is, and the stretch of time it is for."""

    budget: str
    """Its name in bots.yaml, or `bots.{name}.spending_cap`."""
    who: str = ""
    """Whose count, such as `bot:desk person:ada`; empty: one count for all."""
    period: str = _FOREVER
    """Such as `2026-11`: a new one starts at nothing."""
    resets_at: int = 0
    """Microseconds, UTC; 0: never."""
    micros: int = NO_LIMIT
    """Most money; as in the next two, `NO_LIMIT` for as much as one likes."""
    tokens: int = NO_LIMIT
    tool_calls: int = NO_LIMIT
    warn_at: float = 0.8
    person: str = ""
    """The person whose own count this is; empty where others share it."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is stored under."""
        return (self.budget, self.who, self.period)


class Balance(Data, omit_defaults=False):
    """How an account stands."""

    account: Account
    """With limits that hold what was granted on top."""
    used: Amount = Amount()
    reserved: Amount = Amount()
    granted: Amount = Amount()
    """What an administrator added for this period."""

    @property
    def left(self) -> Amount:
        """What may still be reserved; `NO_LIMIT` where nothing limits. Never below 0."""
        taken, limit = self.used + self.reserved, self.account
        return Amount(
            micros=_left(limit.micros, taken.micros),
            tokens=_left(limit.tokens, taken.tokens),
            tool_calls=_left(limit.tool_calls, taken.tool_calls),
        )

    @property
    def share(self) -> float:
        """The part of the limit that is used: of the one nearest to its end."""
        return _share(self.account, self.used)

    @property
    def near(self) -> bool:
        """Whether what is used and reserved comes to where a warning is due."""
        return _share(self.account, self.used + self.reserved) >= self.account.warn_at


class Estimate(Data):
    """What a call may come to at most."""

    input_tokens: int = 0
    output_tokens: int = 0
    """Most that the answer may have."""
    least_output_tokens: int = 0
    """With less room than this the call is not worth making."""
    input_price: float = 0.0
    """Micros for a token."""
    output_price: float = 0.0
    tool_calls: int = 0
    micros: int = 0
    """What it costs besides tokens: sound is paid for by its length."""

    def amount(self, output_tokens: int) -> Amount:
        """With an answer of at most so many tokens."""
        cost = self.micros + self.input_tokens * self.input_price + output_tokens * self.output_price
        return Amount(
            micros=math.ceil(cost - 1e-6), tokens=self.input_tokens + output_tokens, tool_calls=self.tool_calls
        )


class Charge(Data):
    """A reservation, and once the call has ended what is to be booked on it."""

    run_id: str
    """Empty for calls of no run."""
    step: str
    """Key of the step, or the id of a call of no run."""
    accounts: tuple[tuple[str, str, str], ...] = ()
    """Keys of the accounts it is on."""
    output_tokens: int = 0
    """What a model may write at most."""
    near: bool = False
    """Whether a warning may be due when it is settled."""
    used: Amount = Amount()
    """Set when the call has ended; nothing for one that was not made."""


class Reservation(Data):
    charge: Charge
    refused_by: Balance | None = None
    """The account that has no room; nothing was reserved then."""


class Payer(Data):
    """On whose accounts a call counts."""

    bots: tuple[str, ...] = ()
    """Who acts, and everybody who delegated to it."""
    person: str = ""
    roles: tuple[str, ...] = ()
    workspaces: tuple[str, ...] = ()
    """The one it is made in, and those it reaches through that."""
    channel: str = ""

    @classmethod
    def of(cls, principal: Principal, *, workspaces: Sequence[str], channel: str = "", bot: str = "") -> Payer:
        """Who pays for what a principal does."""
        bots = dict.fromkeys(filter(None, (principal.bot, bot, *principal.via)))
        person = principal.id if principal.kind == "person" else principal.person
        roles = principal.roles if principal.kind == "person" else ()
        return cls(bots=tuple(bots), person=person, roles=roles, workspaces=tuple(workspaces), channel=channel)


class BudgetLike(Protocol):
    """`botkit.core.config.Budget`, as far as it matters here."""

    @property
    def bots(self) -> Sequence[str]: ...
    @property
    def teams(self) -> Sequence[str]: ...
    @property
    def workspaces(self) -> Sequence[str]: ...
    @property
    def channels(self) -> Sequence[str]: ...
    @property
    def people(self) -> Sequence[str]: ...
    @property
    def roles(self) -> Sequence[str]: ...
    @property
    def shared(self) -> bool: ...
    @property
    def per(self) -> Period: ...
    @property
    def spend(self) -> Any: ...
    @property
    def tokens(self) -> int | None: ...
    @property
    def tool_calls(self) -> int | None: ...
    @property
    def warn_at(self) -> float: ...


class Budgets(Protocol):
    """Accounts and reservations, shared by all processes of a database."""

    async def reserve(self, run_id: str, step: str, accounts: Sequence[Account], estimate: Estimate) -> Reservation:
        """Reserve on all these accounts or on none.

        A step that holds a reservation already gets that one, whatever the accounts and the estimate are now.
        """
        ...

    async def settle(self, charge: Charge) -> None:
        """Book a charge outside any commit. In a commit, `SettleBudget` does it."""
        ...

    async def balances(self, accounts: Sequence[Account]) -> Sequence[Balance]:
        """How these stand, in their order."""
        ...

    async def known(self, budget: str, period: str) -> Sequence[str]:
        """`Account.who` of all counts of a budget that were ever touched in this period."""
        ...

    async def warn(self, account: Account) -> Balance | None:
        """The balance when a warning is due now; that is so once in a period."""
        ...

    async def grant(self, account: Account, more: Amount) -> None:
        """Add to its limit for this period."""
        ...

    async def reset(self, account: Account) -> Amount:
        """Start its count at nothing; what was used. Reservations of calls under way stay."""
        ...

    async def expire(self, before: int) -> int:
        """Forget counts whose period ended before; how many."""
        ...


class Spending(Protocol):
    """What makes calls under budgets. `None` in place of a charge: no budget fits, nothing is to be settled."""

    @property
    def active(self) -> bool:
        """Whether there is any budget."""
        ...

    async def reserve_model(
        self, payer: Payer, *, run_id: str, step: str, model: str, input_tokens: int, output_tokens: int
    ) -> Charge | None:
        """Before a model call. `Charge.output_tokens` may be less than asked for. Raises `BudgetUsedUp`."""
        ...

    async def reserve_sound(self, payer: Payer, *, run_id: str, step: str, micros: int) -> Charge | None:
        """Before something is heard or spoken that costs at most so much. Raises `BudgetUsedUp`."""
        ...

    async def reserve_tool(self, payer: Payer, *, run_id: str, step: str) -> Charge | None:
        """Before a tool call. Raises `BudgetUsedUp`."""
        ...

    def priced(self, model: str, usage: Usage) -> Usage:
        """Usage that was counted here, with what it costs."""
        ...

    async def left(self, payer: Payer) -> Sequence[Balance]:
        """How the accounts of this payer stand."""
        ...


# ── which accounts ───────────────────────────────────────────────────────────────────────────────────────


def accounts_of(
    budgets: Mapping[str, BudgetLike],
    payer: Payer,
    *,
    now: datetime,
    timezone: str,
    teams: Mapping[str, Sequence[str]] | None = None,
) -> list[Account]:
    """Every account a call of this payer counts on.

    Args:
        teams: the bots of each team.
    """
    found: list[Account] = []
    for name, budget in budgets.items():
        whose = _whose(budget, payer, teams or {})
        if whose:
            period, resets_at = period_of(budget.per, now, timezone)
            found += [account_of(name, budget, who, period, resets_at) for who in whose]
    return found


def account_of(name: str, budget: BudgetLike, who: str, period: str, resets_at: int) -> Account:
    """The account of a budget that stands under `who`."""
    own = who.startswith("person:") and " " not in who
    return Account(
        budget=name,
        who=who,
        period=period,
        resets_at=resets_at,
        micros=NO_LIMIT if budget.spend is None else int(budget.spend.amount * 1_000_000),
        tokens=NO_LIMIT if budget.tokens is None else budget.tokens,
        tool_calls=NO_LIMIT if budget.tool_calls is None else budget.tool_calls,
        warn_at=budget.warn_at,
        person=who.removeprefix("person:") if own else "",
    )


def _whose(budget: BudgetLike, payer: Payer, teams: Mapping[str, Sequence[str]]) -> list[str]:
    """`Account.who` of each count; none when the budget does not fit. Everything a budget names has to fit."""
    mine = [team for team, members in teams.items() if any(bot in members for bot in payer.bots)]
    people = [payer.person] if payer.person else []
    dimensions: list[list[str]] = []
    for kind, named, actual in (
        ("bot", budget.bots, payer.bots),
        ("team", budget.teams, mine),
        ("person", budget.people, people),
        ("workspace", budget.workspaces, payer.workspaces),
        ("channel", budget.channels, [payer.channel] if payer.channel else []),
    ):
        if named:
            fitting = [f"{kind}:{one}" for one in actual if "*" in named or one in named]
            if not fitting:
                return []
            dimensions.append(fitting)
    if budget.roles:
        if not set(budget.roles).intersection(payer.roles):
            return []
        if not budget.people and people:
            dimensions.append([f"person:{payer.person}"])
    if budget.shared:
        return [""]
    return [" ".join(parts) for parts in product(*dimensions)]


def period_of(per: Period, now: datetime, timezone: str) -> tuple[str, int]:
    """What people there call the stretch of time around an instant, and when the next one begins.

    `2026-11-21T16+01:00`, `2026-11-21`, `2026-W47`, `2026-11`; `ever` and 0 for a lifetime.
    """
    if per == "lifetime":
        return _FOREVER, 0
    local = now.astimezone(ZoneInfo(timezone))
    if per == "hour":  # an hour lasts an hour, also while clocks are changed
        began = local.replace(minute=0, second=0, microsecond=0)
        return began.strftime("%Y-%m-%dT%H") + began.isoformat()[-6:], to_micros(began.astimezone(UTC)) + 3_600_000_000
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if per == "day":
        return midnight.date().isoformat(), to_micros(midnight + timedelta(days=1))
    if per == "week":
        year, week, weekday = midnight.isocalendar()
        return f"{year:04}-W{week:02}", to_micros(midnight + timedelta(days=8 - weekday))
    first = midnight.replace(day=1)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return f"{first.year:04}-{first.month:02}", to_micros(following)


# ── how much ─────────────────────────────────────────────────────────────────────────────────────────────


def affordable(estimate: Estimate, left: Amount) -> int | None:
    """The most output tokens that fit into what is left; None when the call does not fit.

    A call without a model has none: 0 says that it fits.
    """
    if estimate.tool_calls and left.tool_calls != NO_LIMIT and left.tool_calls < estimate.tool_calls:
        return None
    if left.micros != NO_LIMIT and estimate.micros > left.micros:
        return None
    if not estimate.input_tokens and not estimate.output_tokens:
        return 0
    most = estimate.output_tokens
    if left.tokens != NO_LIMIT:
        most = min(most, left.tokens - estimate.input_tokens)
    if left.micros != NO_LIMIT and (estimate.input_price or estimate.output_price):
        rest = left.micros - estimate.input_tokens * estimate.input_price
        if rest < 0:
            return None
        if estimate.output_price:
            most = int(min(most, rest / estimate.output_price))
            while most > 0 and estimate.amount(most).micros > left.micros:  # fractions of a micro
                most -= 1
    return most if most >= min(estimate.least_output_tokens, estimate.output_tokens) and most >= 0 else None


def used_up(balance: Balance, now: int) -> BudgetUsedUp:
    """The refusal of a call. `now` in microseconds."""
    account = balance.account
    whose = f" of {account.who}" if account.who else ""
    again = f" It starts anew at {_iso(account.resets_at)}." if account.resets_at else ""
    return BudgetUsedUp(
        f"The budget `{account.budget}`{whose} has no room for this call.{again} `botkit budgets list` shows how it "
        f"stands, `botkit budgets grant` adds to it.",
        retry_after_s=max(0.0, (account.resets_at - now) / 1_000_000) if account.resets_at else None,
        limit="budget",
        value=account.budget,
        who=account.who,
        resets_at=account.resets_at,
    )


def _iso(micros: int) -> str:
    return datetime.fromtimestamp(micros / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _left(limit: int, taken: int) -> int:
    return NO_LIMIT if limit == NO_LIMIT else max(0, limit - taken)


def _share(limit: Account, taken: Amount) -> float:
    return max((part for part in _shares(limit, taken)), default=0.0)


def _shares(limit: Account, taken: Amount) -> Iterator[float]:
    for most, used in (
        (limit.micros, taken.micros),
        (limit.tokens, taken.tokens),
        (limit.tool_calls, taken.tool_calls),
    ):
        if most != NO_LIMIT:
            yield used / most if most else float(used > 0)
