"""Logs, analytics and usage."""

from __future__ import annotations

__all__ = ["ReportOperations", "ToolUse", "Usage", "UsageRow"]

from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Literal

from botkit.core.data import Data
from botkit.core.journal import Audit, ModelCall
from botkit.core.tools import CallRecord

if TYPE_CHECKING:
    from botkit.app.instance import Instance

_REPORT_LIMIT = 200_000
_FOLLOW_S = 1.0

UsageKey = Literal["bot", "model", "person", "channel", "day"]


class ToolUse(Data, omit_defaults=False):
    """How one person used one tool."""

    user: str
    tool: str
    server: str
    calls: int
    errors: int
    average_ms: float
    last_used: int
    """Microseconds, UTC."""


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

    async def calls(
        self,
        *,
        server: str = "",
        tool: str = "",
        status: str = "",
        person: str = "",
        since: int = 0,
        limit: int = 100,
    ) -> Sequence[CallRecord]:
        """Tool calls, newest first."""
        return await self._i.store.records.calls(
            server=server, tool=tool, status=status, person_id=person, since=since, limit=limit
        )

    async def follow_calls(self, *, server: str = "", tool: str = "", status: str = "") -> AsyncGenerator[CallRecord]:
        """Tool calls as they are logged, until the process stops."""
        since, seen = self._i.clock.micros(), set[str]()
        while not self._i.closing.is_set():
            fresh = [
                row
                for row in await self.calls(server=server, tool=tool, status=status, since=since, limit=1000)
                if row.id not in seen
            ]
            for row in sorted(fresh, key=lambda row: row.at):
                yield row
            seen |= {row.id for row in fresh}
            await self._i.clock.sleep(_FOLLOW_S)

    async def audits(self, *, limit: int = 100) -> Sequence[Audit]:
        """Administrative acts, newest first."""
        return await self._i.store.records.audits(limit=limit)

    async def tools(self, *, period_s: float, server: str = "", workspace: str = "") -> Sequence[ToolUse]:
        """Who used which tool in the last `period_s` seconds, most used first."""
        since = self._i.clock.micros() - int(period_s * 1_000_000)
        rows = await self._i.store.records.calls(server=server, since=since, limit=_REPORT_LIMIT)
        groups: defaultdict[tuple[str, str, str], list[CallRecord]] = defaultdict(list)
        for row in rows:
            if not workspace or row.workspace == workspace:
                groups[row.principal, row.server, row.tool].append(row)
        names = await self._names()
        used = [
            ToolUse(
                user=names.get(user, user),
                tool=tool,
                server=where,
                calls=len(calls),
                errors=sum(call.status not in ("ok", "waiting") for call in calls),
                average_ms=sum(call.duration_ms for call in calls) / len(calls),
                last_used=max(call.at for call in calls),
            )
            for (user, where, tool), calls in groups.items()
        ]
        return sorted(used, key=lambda use: (-use.calls, use.user, use.tool))

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

    async def people(self) -> dict[str, str]:
        """Person id → what people call them."""
        return await self._names()

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
