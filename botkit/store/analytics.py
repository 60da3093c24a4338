"""Sums over the call log, made by the database: a million rows are counted where they lie."""

from __future__ import annotations

__all__ = ["SqlAnalytics"]

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, case, func, literal, select, true

from botkit.core.analytics import (
    CallFilter,
    CallTotal,
    FeedbackFilter,
    FeedbackTotal,
    ModelTotal,
    Purpose,
    SpendFilter,
    Spent,
    ToolTiming,
)
from botkit.core.tools import CallRecord
from botkit.store.feedback import read_feedback
from botkit.store.query import const
from botkit.store.reader import Reader
from botkit.store.records import CALL_COLUMNS, read_call
from botkit.store.rows import Row
from botkit.store.schema import calls, model_calls

_COLUMNS = {
    "workspace": calls.c.workspace,
    "server": calls.c.server,
    "tool": calls.c.tool,
    "token": calls.c.token_id,
    "bot": calls.c.bot,
    "status": calls.c.status,
    "method": calls.c.method,
    "tool_class": calls.c.tool_class,
    "trace": calls.c.trace_id,
}
_GROUP = (
    calls.c.workspace,
    calls.c.server,
    calls.c.tool,
    calls.c.principal_kind,
    calls.c.principal,
    calls.c.status,
)
_TIMED = ("ok", "error", "timeout")
_QUARTER = 900_000_000
_NAMES: dict[Purpose, str] = {"routing": "route", "summaries": "compact", "guardrails": "guard"}
"""What steps of a purpose are called, at any place of their path."""
_PATH = const("/") + model_calls.c.step + const("/")
_PURPOSE = case(
    *((_PATH.like(f"%/{name}/%"), const(purpose)) for purpose, name in _NAMES.items()),
    else_=const("answers"),
).label("purpose")


class SqlAnalytics:
    """Implements `botkit.core.analytics.Analytics`."""

    def __init__(self, reader: Reader):
        self._reader = reader

    async def totals(self, wanted: CallFilter) -> Sequence[CallTotal]:
        number = func.count()
        statement: Select[*tuple[Any, ...]] = (
            select(
                *_GROUP,
                number,
                func.sum(calls.c.duration_ms),
                func.sum(calls.c.request_bytes),
                func.sum(calls.c.result_bytes),
                func.max(calls.c.at),
            )
            .where(_wanted(wanted))
            .group_by(*_GROUP)
            .order_by(number.desc(), *_GROUP)
        )
        return [_read_total(row) for row in await self._reader.all(statement)]

    async def timings(self, wanted: CallFilter) -> Sequence[ToolTiming]:
        tool = (calls.c.workspace, calls.c.server, calls.c.tool)
        ranked = (
            select(
                *tool,
                calls.c.duration_ms,
                func.row_number().over(partition_by=tool, order_by=calls.c.duration_ms).label("rank"),
                func.count().over(partition_by=tool).label("number"),
            )
            .where(_wanted(wanted), calls.c.status.in_(_TIMED))
            .subquery()
        )

        def percentile(percent: int) -> ColumnElement[float]:
            """The smallest duration that so many of a hundred calls did not exceed."""
            rank = func.floor((ranked.c.number * percent + 99) / 100)
            return func.max(case((ranked.c.rank == rank, ranked.c.duration_ms)))

        slow = percentile(95)
        statement = (
            select(
                ranked.c.workspace,
                ranked.c.server,
                ranked.c.tool,
                func.max(ranked.c.number),
                percentile(50),
                slow,
                func.max(ranked.c.duration_ms),
            )
            .group_by(ranked.c.workspace, ranked.c.server, ranked.c.tool)
            .order_by(slow.desc(), ranked.c.workspace, ranked.c.server, ranked.c.tool)
        )
        return [
            ToolTiming(
                workspace=workspace, server=server, tool=name, calls=number, p50_ms=p50, p95_ms=p95, max_ms=longest
            )
            for workspace, server, name, number, p50, p95, longest in await self._reader.all(statement)
        ]

    async def models(self, wanted: CallFilter) -> Sequence[ModelTotal]:
        workspace, person, bot = group = (model_calls.c.workspace, model_calls.c.person_id, model_calls.c.bot)
        cost = func.sum(model_calls.c.cost_micros)
        conditions: list[ColumnElement[bool]] = []
        if wanted.workspace:
            conditions.append(workspace == wanted.workspace)
        if wanted.principals:
            conditions.append(person.in_(wanted.principals))
        if wanted.bot:
            conditions.append(bot == wanted.bot)
        statement: Select[*tuple[Any, ...]] = (
            select(
                *group,
                func.count(),
                func.sum(model_calls.c.input_tokens),
                func.sum(model_calls.c.output_tokens),
                cost,
            )
            .where(_within(model_calls.c.at, wanted), *conditions)
            .group_by(*group)
            .order_by(cost.desc(), *group)
        )
        return [
            ModelTotal(
                workspace=workspace,
                person=person,
                bot=bot,
                calls=int(number),
                input_tokens=int(input_tokens),
                output_tokens=int(output_tokens),
                cost_micros=int(cost_micros),
            )
            for workspace, person, bot, number, input_tokens, output_tokens, cost_micros
            in await self._reader.all(statement)
        ]  # fmt: skip

    async def spent(self, wanted: SpendFilter, *, by_time: bool = False) -> Sequence[Spent]:
        call = model_calls.c
        at = (call.at - call.at % _QUARTER if by_time else literal(0, Integer)).label("quarter")
        group = (call.bot, call.channel, call.workspace, call.person_id, call.model, _PURPOSE)
        given = [
            column == value
            for column, value in (
                (call.person_id, wanted.person),
                (call.workspace, wanted.workspace),
                (call.channel, wanted.channel),
                (call.model, wanted.model),
            )
            if value
        ]
        if wanted.bots:
            given.append(call.bot.in_(wanted.bots))
        summed = (
            call.input_tokens,
            call.output_tokens,
            call.cost_micros,
            call.cached_tokens,
            call.reused,
            call.unpriced,
        )
        sums = tuple(map(func.sum, summed))
        grouping = (at, *group) if by_time else group
        statement: Select[*tuple[Any, ...]] = (
            select(at, *group, func.count(), *sums)
            .where(and_(call.at >= wanted.since, *given))
            .group_by(*grouping)
            .order_by(*grouping)
        )
        return [
            Spent(
                at=int(row[0]),
                bot=row[1],
                channel=row[2],
                workspace=row[3],
                person=row[4],
                model=row[5],
                purpose=row[6],
                calls=int(row[7]),
                input_tokens=int(row[8]),
                output_tokens=int(row[9]),
                cost_micros=int(row[10]),
                cached_tokens=int(row[11]),
                reused=int(row[12]),
                unpriced=int(row[13]),
            )
            for row in await self._reader.all(statement)
        ]

    async def feedback(self, wanted: FeedbackFilter) -> Sequence[FeedbackTotal]:
        return await read_feedback(self._reader, wanted)

    async def rows(self, wanted: CallFilter) -> AsyncIterator[CallRecord]:
        statement = select(*CALL_COLUMNS).where(_wanted(wanted)).order_by(calls.c.at, calls.c.seq)
        async for row in self._reader.stream(statement):
            yield read_call(row)

    async def latest(self, wanted: CallFilter, *, limit: int = 100) -> Sequence[CallRecord]:
        newest_first = select(*CALL_COLUMNS).order_by(calls.c.at.desc(), calls.c.seq.desc())
        return [read_call(row) for row in await self._reader.all(newest_first.where(_wanted(wanted)).limit(limit))]

    async def newest(self) -> int:
        return int(await self._reader.value(select(func.max(calls.c.seq))) or 0)

    async def after(self, place: int, wanted: CallFilter, *, limit: int = 500) -> Sequence[tuple[int, CallRecord]]:
        statement = (
            select(calls.c.seq, *CALL_COLUMNS)
            .where(calls.c.seq > place, _wanted(wanted))
            .order_by(calls.c.seq)
            .limit(limit)
        )
        return [(int(row[0]), read_call(row[1:])) for row in await self._reader.all(statement)]


def _wanted(wanted: CallFilter) -> ColumnElement[bool]:
    given = [column == value for name, column in _COLUMNS.items() if (value := getattr(wanted, name))]
    if wanted.principals:
        given.append(calls.c.principal.in_(wanted.principals))
    return and_(_within(calls.c.at, wanted), *given)


def _within(at: ColumnElement[int], wanted: CallFilter) -> ColumnElement[bool]:
    parts = [at >= wanted.since] if wanted.since else []
    if wanted.until:
        parts.append(at < wanted.until)
    return and_(true(), *parts)


def _read_total(row: Row) -> CallTotal:
    workspace, server, tool, kind, principal, status, number, duration_ms, request_bytes, result_bytes, last_at = row
    return CallTotal(
        workspace=workspace,
        server=server,
        tool=tool,
        principal_kind=kind,
        principal=principal,
        status=status,
        calls=int(number),
        duration_ms=float(duration_ms),
        request_bytes=int(request_bytes),
        result_bytes=int(result_bytes),
        last_at=int(last_at),
    )
