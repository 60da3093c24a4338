"""What administrators did, and what language models cost. Tool calls have a file of their own."""

from __future__ import annotations

__all__ = ["ReportOperations", "Usage", "UsageRow"]

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from botkit.core.data import Data
from botkit.core.journal import Audit, ModelCall

if TYPE_CHECKING:
    from botkit.app.instance import Instance

_REPORT_LIMIT = 200_000

UsageKey = Literal["bot", "model", "person", "channel", "day"]


class UsageRow(Data, omit_defaults=False):
    key: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_cents: float


class Usage(Data, omit_defaults=False):
    rows: tuple[UsageRow, ...]
    total: UsageRow


class ReportOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def audits(self, *, limit: int = 100) -> Sequence[Audit]:
        """Administrative acts, newest first."""
        return await self._i.store.records.audits(limit=limit)

    async def usage(self, *, period_s: float, by: UsageKey = "bot") -> Usage:
        """Model calls, tokens and money of the last `period_s` seconds."""
        since = self._i.clock.micros() - int(period_s * 1_000_000)
        calls = await self._i.store.records.model_calls(since=since, limit=_REPORT_LIMIT)
        names = await self._names() if by == "person" else {}
        groups: defaultdict[str, list[ModelCall]] = defaultdict(list)
        for call in calls:
            groups[_usage_key(call, by, names)].append(call)
        rows = [_usage_row(key, group) for key, group in groups.items()]
        rows.sort(key=lambda row: row.key if by == "day" else (-row.cost_cents, -row.input_tokens, row.key))
        return Usage(rows=tuple(rows), total=_usage_row("total", calls))

    async def _names(self) -> dict[str, str]:
        return {person.id: person.name or person.id for person in await self._i.store.people.list()}


def _usage_key(call: ModelCall, by: UsageKey, names: dict[str, str]) -> str:
    if by == "day":
        from botkit.core.clock import from_micros

        return from_micros(call.at).date().isoformat()
    if by == "person":
        return names.get(call.person_id, call.person_id)
    return {"bot": call.bot, "model": call.model, "channel": call.channel}[by]


def _usage_row(key: str, calls: Sequence[ModelCall]) -> UsageRow:
    return UsageRow(
        key=key,
        calls=len(calls),
        input_tokens=sum(call.usage.input_tokens for call in calls),
        output_tokens=sum(call.usage.output_tokens for call in calls),
        cost_cents=sum(call.usage.cost_micros for call in calls) / 10_000,
    )
