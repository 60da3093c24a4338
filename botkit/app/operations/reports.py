"""What administrators did, and what language models and tools were used for. Tool calls have a file of their own."""

from __future__ import annotations

__all__ = ["ReportOperations", "Usage", "UsageKey", "UsageRow"]

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from botkit.core.analytics import CallFilter, SpendFilter, Spent
from botkit.core.clock import from_micros
from botkit.core.data import Data
from botkit.core.errors import NotFound
from botkit.core.journal import Audit

if TYPE_CHECKING:
    from botkit.app.instance import Instance

UsageKey = Literal["bot", "team", "model", "person", "workspace", "channel", "purpose", "day", "month", "tool"]

_TIMES: dict[UsageKey, str] = {"day": "%Y-%m-%d", "month": "%Y-%m"}


class UsageRow(Data, omit_defaults=False):
    key: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_cents: float
    cached_tokens: int = 0
    """Input tokens read from the caches of providers."""
    reused: int = 0
    """Calls that were answered by a kept answer, at no cost."""
    unpriced: int = 0
    """Calls whose price nobody knows: they cost more than `cost_cents` says."""


class Usage(Data, omit_defaults=False):
    rows: tuple[UsageRow, ...]
    total: UsageRow
    """The sum of the rows: every call is counted in exactly one."""


class _Sum:
    """A row while it grows."""

    def __init__(self, key: str):
        self._key = key
        self._calls = self._input = self._output = self._micros = 0
        self._cached = self._reused = self._unpriced = 0

    def add(self, calls: int) -> None:
        self._calls += calls

    def add_spent(self, one: Spent) -> None:
        self._calls += one.calls
        self._input += one.input_tokens
        self._output += one.output_tokens
        self._micros += one.cost_micros
        self._cached += one.cached_tokens
        self._reused += one.reused
        self._unpriced += one.unpriced

    @property
    def row(self) -> UsageRow:
        return UsageRow(
            key=self._key,
            calls=self._calls,
            input_tokens=self._input,
            output_tokens=self._output,
            cost_cents=self._micros / 10_000,
            cached_tokens=self._cached,
            reused=self._reused,
            unpriced=self._unpriced,
        )


class ReportOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def audits(self, *, limit: int = 100) -> Sequence[Audit]:
        """Administrative acts, newest first."""
        return await self._i.store.records.audits(limit=limit)

    async def usage(
        self,
        *,
        period_s: float,
        by: UsageKey = "bot",
        bot: str = "",
        team: str = "",
        person: str = "",
        workspace: str = "",
        channel: str = "",
        model: str = "",
    ) -> Usage:
        """Model calls, tokens and money of the last `period_s` seconds; by `tool`, calls of tools.

        Args:
            team: only what its bots used.
            person: name or id.

        Raises:
            NotFound: no such team.
        """
        since = self._i.clock.micros() - int(period_s * 1_000_000)
        people = await self._i.store.people.list()
        ids = [one.id for one in people if person in (one.id, one.name)] or [person] if person else [""]
        bots = self._bots(bot, team)
        if by == "tool":
            return await self._tools(since, bots, tuple(filter(None, ids)), workspace)
        spent: list[Spent] = []
        for person_id in ids:
            wanted = SpendFilter(
                bots=bots, person=person_id, workspace=workspace, channel=channel, model=model, since=since
            )
            spent += await self._i.store.analytics.spent(wanted, by_time=by in _TIMES)
        names = {one.id: one.name or one.id for one in people} if by == "person" else {}
        groups: dict[str, _Sum] = {}
        total = _Sum("total")
        for one in spent:
            key = self._key(one, by, names)
            for row in (groups.setdefault(key, _Sum(key)), total):
                row.add_spent(one)
        return _report(groups.values(), total, in_order=by in _TIMES)

    async def _tools(self, since: int, bots: tuple[str, ...], people: tuple[str, ...], workspace: str) -> Usage:
        groups: dict[str, _Sum] = {}
        total = _Sum("total")
        for bot in bots or ("",):
            wanted = CallFilter(since=since, bot=bot, principals=people, workspace=workspace, method="tools/call")
            for one in await self._i.store.analytics.totals(wanted):
                for row in (groups.setdefault(one.tool, _Sum(one.tool)), total):
                    row.add(one.calls)
        return _report(groups.values(), total)

    def _bots(self, bot: str, team: str) -> tuple[str, ...]:
        """The bots that are asked about; none for all."""
        if not team:
            return (bot,) if bot else ()
        members = self._i.budgets.teams.get(team)
        if members is None:
            raise NotFound(f"no team is called `{team}`; there is: {', '.join(self._i.budgets.teams) or 'none'}")
        return tuple(one for one in dict.fromkeys(members) if bot in ("", one)) or ("",)

    def _key(self, one: Spent, by: UsageKey, names: dict[str, str]) -> str:
        if by in _TIMES:
            zone = ZoneInfo(self._i.configs.current.settings.timezone)
            return from_micros(one.at).astimezone(zone).strftime(_TIMES[by])
        if by == "person":
            return names.get(one.person, one.person)
        if by == "team":  # a bot of several teams is counted once, under all their names
            return " + ".join(team for team, members in self._i.budgets.teams.items() if one.bot in members)
        return {
            "bot": one.bot,
            "model": one.model,
            "channel": one.channel,
            "workspace": one.workspace,
            "purpose": one.purpose,
        }[by]


def _report(sums: Iterable[_Sum], total: _Sum, *, in_order: bool = False) -> Usage:
    rows = [one.row for one in sums]
    rows.sort(key=lambda row: row.key if in_order else (-row.cost_cents, -row.input_tokens, -row.calls, row.key))
    return Usage(rows=tuple(rows), total=total.row)
