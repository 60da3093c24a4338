"""The call log: reading, following, exporting, adding up."""

from __future__ import annotations

__all__ = [
    "CallOperations",
    "CallPayload",
    "CallReport",
    "Feedback",
    "LimitHit",
    "ModelUse",
    "ToolHealth",
    "ToolUse",
    "Totals",
    "shown_payload",
]

from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from botkit.core.analytics import CallFilter, CallTotal, FeedbackFilter, ModelTotal, ToolTiming
from botkit.core.data import Data
from botkit.core.payloads import Payload, PayloadRow
from botkit.core.tools import CallRecord

if TYPE_CHECKING:
    from botkit.app.instance import Instance

_FOLLOW_S = 1.0
_PAGE = 500
_OVERLAP = 256
"""Rows looked at again while following: on PostgreSQL a row may appear after one with a higher number."""
_GOOD = ("ok", "waiting")


class Totals(Data, omit_defaults=False):
    """All calls together."""

    calls: int = 0
    errors: int = 0
    """Calls that ended neither well nor with a question."""
    error_rate: float = 0.0
    average_ms: float = 0.0
    request_bytes: int = 0
    result_bytes: int = 0
    users: int = 0
    """Members, persons and services that called."""
    statuses: dict[str, int] = {}
    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_cents: float = 0.0


class ToolUse(Data, omit_defaults=False):
    """How one member, person or service used one tool."""

    user: str
    tool: str
    server: str
    workspace: str
    calls: int
    errors: int
    average_ms: float
    last_used: int
    """Microseconds, UTC."""


class ToolHealth(Data, omit_defaults=False):
    """One tool, whoever called it."""

    tool: str
    server: str
    workspace: str
    calls: int
    errors: int
    error_rate: float
    p50_ms: float = 0.0
    """Of calls that reached the server; 0 when none did."""
    p95_ms: float = 0.0
    max_ms: float = 0.0


class LimitHit(Data, omit_defaults=False):
    """Somebody was told to wait."""

    user: str
    tool: str
    workspace: str
    calls: int
    last_at: int


class ModelUse(Data, omit_defaults=False):
    """What language models did for somebody in the same time."""

    user: str
    workspace: str
    bot: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_cents: float


class Feedback(Data, omit_defaults=False):
    """Thumbs on the answers of one bot, with one model, in one revision of bots.yaml."""

    bot: str
    """Who answered."""
    team: str
    """The team that was written to; empty where it was the bot itself."""
    model: str
    revision: str
    up: int
    down: int


class CallReport(Data, omit_defaults=False):
    """The call log of a time, added up in several ways. Each way counts every row once."""

    since: int
    until: int
    total: Totals
    uses: tuple[ToolUse, ...]
    """Most calls first."""
    tools: tuple[ToolHealth, ...]
    """Slowest first."""
    limits: tuple[LimitHit, ...]
    models: tuple[ModelUse, ...]
    feedback: tuple[Feedback, ...] = ()
    """Thumbs on answers, most of them first; none where a workspace, server or tool was asked for."""


class CallPayload(Data, omit_defaults=False):
    """What one call carried. A piece that was cut is its beginning as text; the others are values."""

    call_id: str
    at: int
    """Microseconds, UTC: when the call began."""
    workspace: str
    arguments: Any = None
    params: Any = None
    """Of an MCP request that is no tool call."""
    answers: Any = None
    """To what the tool had asked."""
    result: Any = None
    """None where the call was refused or cancelled."""
    cut: dict[str, int] = {}
    """Piece that was cut → size of the whole in bytes."""


def shown_payload(row: PayloadRow, payload: Payload) -> CallPayload:
    """An opened record as it is told. Pure."""
    pieces = payload.pieces
    return CallPayload(
        call_id=row.call_id,
        at=row.at,
        workspace=row.workspace,
        **{name: msgspec.json.decode(one.text) if one.is_whole else one.text for name, one in pieces.items()},
        cut={name: one.size_bytes for name, one in pieces.items() if not one.is_whole},
    )


class CallOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def list(self, *, wanted: CallFilter, member: str = "", limit: int = 100) -> Sequence[CallRecord]:
        """Newest first."""
        wanted = await self._resolved(wanted, member)
        return await self._i.store.analytics.latest(wanted, limit=limit)

    async def export(self, *, wanted: CallFilter, member: str = "") -> AsyncGenerator[CallRecord]:
        """Every row, oldest first, as it is read."""
        async for row in self._i.store.analytics.rows(await self._resolved(wanted, member)):
            yield row

    async def follow(self, *, wanted: CallFilter, member: str = "") -> AsyncGenerator[CallRecord]:
        """Calls as they are logged, until the process stops."""
        analytics = self._i.store.analytics
        wanted = await self._resolved(wanted, member)
        first = place = await analytics.newest()
        seen: set[int] = set()
        while not self._i.closing.is_set():
            found = await analytics.after(max(first, place - _OVERLAP), wanted, limit=_PAGE)
            for at, row in found:
                if at not in seen:
                    seen.add(at)
                    place = max(place, at)
                    yield row
            seen = {at for at in seen if at > place - _OVERLAP}
            if len(found) < _PAGE:
                await self._i.clock.sleep(_FOLLOW_S)

    async def report(self, *, wanted: CallFilter, member: str = "") -> CallReport:
        """Who used what, what was slow, what failed, who hit limits, what models cost."""
        now = self._i.clock.micros()
        wanted = await self._resolved(wanted, member)
        if not wanted.until:
            wanted = msgspec.structs.replace(wanted, until=now + 1)
        analytics = self._i.store.analytics
        totals = await analytics.totals(wanted)
        timings = await analytics.timings(wanted)
        models = await analytics.models(wanted)
        report = make_report(wanted, totals, timings, models, await self.names())
        return msgspec.structs.replace(report, feedback=tuple(await self._feedback(wanted)))

    async def _feedback(self, wanted: CallFilter) -> Sequence[Feedback]:
        if wanted.workspace or wanted.server or wanted.tool:
            return ()
        about = FeedbackFilter(people=wanted.principals, since=wanted.since, until=wanted.until)
        return [
            Feedback(
                bot=one.bot,
                team=one.asked if one.asked != one.bot else "",
                model=one.model,
                revision=one.revision,
                up=one.up,
                down=one.down,
            )
            for one in await self._i.store.analytics.feedback(about)
        ]

    async def payload(self, *, call: str, by: str, via: str = "cli") -> CallPayload:
        """What a call carried, by its id or the beginning of it. Each reading leaves an audit row, also one that fails.

        Raises:
            NotFound: its workspace did not record it, or it was deleted.
            Conflict: more than one call begins so.
            SecretError: the master key is not here, or the record was changed.
        """
        row = await self._i.payloads.find(call)
        await self._i.audit(by=by, via=via, action="calls.payload", target=row.call_id, workspace=row.workspace)
        return shown_payload(row, await self._i.payloads.reveal(row))

    async def names(self) -> dict[str, str]:
        """Id of a person or member → what people call them."""
        found = {person.id: person.name or person.id for person in await self._i.store.people.list()}
        members = await self._i.store.members.list(removed=True)
        return found | {member.id: member.name for member in members}

    async def _resolved(self, wanted: CallFilter, member: str) -> CallFilter:
        """Name, address or id of somebody as ids; a name nobody has finds nothing."""
        if not member:
            return wanted
        ids = {member}
        ids |= {one.id for one in await self._i.store.people.list() if one.name == member}
        ids |= {one.id for one in await self._i.store.members.list(removed=True) if member in (one.name, one.email)}
        return msgspec.structs.replace(wanted, principals=tuple(sorted(ids)))


def make_report(
    wanted: CallFilter,
    totals: Sequence[CallTotal],
    timings: Sequence[ToolTiming],
    models: Sequence[ModelTotal],
    names: dict[str, str],
) -> CallReport:
    """Arrange sums for people. Pure."""
    return CallReport(
        since=wanted.since,
        until=wanted.until,
        total=_total(totals, models),
        uses=tuple(_uses(totals, names)),
        tools=tuple(_tools(totals, timings)),
        limits=tuple(
            LimitHit(
                user=names.get(one.principal, one.principal),
                tool=one.tool,
                workspace=one.workspace,
                calls=one.calls,
                last_at=one.last_at,
            )
            for one in totals
            if one.status == "limited"
        ),
        models=tuple(
            ModelUse(
                user=names.get(one.person, one.person),
                workspace=one.workspace,
                bot=one.bot,
                calls=one.calls,
                input_tokens=one.input_tokens,
                output_tokens=one.output_tokens,
                cost_cents=one.cost_micros / 10_000,
            )
            for one in models
        ),
    )


def _total(totals: Sequence[CallTotal], models: Sequence[ModelTotal]) -> Totals:
    calls, errors = sum(one.calls for one in totals), _errors(totals)
    statuses: defaultdict[str, int] = defaultdict(int)
    for one in totals:
        statuses[one.status] += one.calls
    return Totals(
        calls=calls,
        errors=errors,
        error_rate=_rate(errors, calls),
        average_ms=_average(totals),
        request_bytes=sum(one.request_bytes for one in totals),
        result_bytes=sum(one.result_bytes for one in totals),
        users=len({(one.principal_kind, one.principal) for one in totals}),
        statuses=dict(statuses),
        model_calls=sum(one.calls for one in models),
        input_tokens=sum(one.input_tokens for one in models),
        output_tokens=sum(one.output_tokens for one in models),
        cost_cents=sum(one.cost_micros for one in models) / 10_000,
    )


def _uses(totals: Sequence[CallTotal], names: dict[str, str]) -> list[ToolUse]:
    groups: defaultdict[tuple[str, str, str, str], list[CallTotal]] = defaultdict(list)
    for one in totals:
        groups[one.principal, one.workspace, one.server, one.tool].append(one)
    uses = [
        ToolUse(
            user=names.get(user, user),
            tool=tool,
            server=server,
            workspace=workspace,
            calls=sum(one.calls for one in group),
            errors=_errors(group),
            average_ms=_average(group),
            last_used=max(one.last_at for one in group),
        )
        for (user, workspace, server, tool), group in groups.items()
    ]
    return sorted(uses, key=lambda use: (-use.calls, use.user, use.tool))


def _tools(totals: Sequence[CallTotal], timings: Sequence[ToolTiming]) -> list[ToolHealth]:
    groups: defaultdict[tuple[str, str, str], list[CallTotal]] = defaultdict(list)
    for one in totals:
        groups[one.workspace, one.server, one.tool].append(one)
    timed = {(one.workspace, one.server, one.tool): one for one in timings}
    found: list[ToolHealth] = []
    for key, group in groups.items():
        workspace, server, tool = key
        calls, errors, took = sum(one.calls for one in group), _errors(group), timed.get(key)
        found.append(
            ToolHealth(
                tool=tool,
                server=server,
                workspace=workspace,
                calls=calls,
                errors=errors,
                error_rate=_rate(errors, calls),
                p50_ms=took.p50_ms if took else 0.0,
                p95_ms=took.p95_ms if took else 0.0,
                max_ms=took.max_ms if took else 0.0,
            )
        )
    return sorted(found, key=lambda one: (-one.p95_ms, -one.calls, one.tool))


def _errors(group: Iterable[CallTotal]) -> int:
    return sum(one.calls for one in group if one.status not in _GOOD)


def _average(group: Sequence[CallTotal]) -> float:
    calls = sum(one.calls for one in group)
    return sum(one.duration_ms for one in group) / calls if calls else 0.0


def _rate(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
