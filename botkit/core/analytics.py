"""What the call log adds up to: the port, and the sums it gives.

Sums are made by the database from the rows themselves, so they can neither drift from them nor outlive them.
"""

from __future__ import annotations

__all__ = [
    "Analytics",
    "CallFilter",
    "CallTotal",
    "FeedbackFilter",
    "FeedbackTotal",
    "ModelTotal",
    "Purpose",
    "SpendFilter",
    "Spent",
    "ToolTiming",
]

from collections.abc import AsyncIterator, Sequence
from typing import Literal, Protocol

from botkit.core.data import Data
from botkit.core.tools import CallRecord

Purpose = Literal["answers", "routing", "summaries", "guardrails"]
"""What a model call is for: to answer (also within workflows), to choose a member of a team, to sum up a history that
has become too long, or to judge by the policy of a guardrail."""


class CallFilter(Data):
    """Which rows of the call log. An empty field admits all."""

    workspace: str = ""
    server: str = ""
    tool: str = ""
    principals: tuple[str, ...] = ()
    """Ids of members, persons or services."""
    token: str = ""
    """Id of a member token."""
    bot: str = ""
    status: str = ""
    method: str = ""
    tool_class: str = ""
    trace: str = ""
    since: int = 0
    """Microseconds, UTC; that moment is in."""
    until: int = 0
    """That moment is out; 0: no end."""


class CallTotal(Data, omit_defaults=False):
    """The rows that agree in these six fields."""

    workspace: str
    server: str
    tool: str
    principal_kind: str
    principal: str
    status: str
    calls: int
    duration_ms: float
    """Sum."""
    request_bytes: int
    result_bytes: int
    last_at: int


class ToolTiming(Data, omit_defaults=False):
    """How long the calls of one tool took that reached its server: those that ended `ok`, `error` or `timeout`."""

    workspace: str
    server: str
    tool: str
    calls: int
    p50_ms: float
    """Half of the calls took at most so long (nearest rank)."""
    p95_ms: float
    max_ms: float


class ModelTotal(Data, omit_defaults=False):
    """The model calls made for one person by one bot."""

    workspace: str
    person: str
    bot: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_micros: int


class SpendFilter(Data):
    """Which model calls. An empty field admits all."""

    bots: tuple[str, ...] = ()
    person: str = ""
    workspace: str = ""
    channel: str = ""
    model: str = ""
    since: int = 0
    """Microseconds, UTC; that moment is in."""


class Spent(Data, omit_defaults=False):
    """The model calls that agree in everything that is set here."""

    at: int
    """Start of a quarter of an hour, microseconds UTC; 0 where time was not asked for."""
    bot: str
    channel: str
    workspace: str
    person: str
    model: str
    purpose: Purpose
    calls: int
    input_tokens: int
    output_tokens: int
    cost_micros: int
    cached_tokens: int = 0
    """Input tokens read from the caches of providers."""
    reused: int = 0
    """Calls that were answered by a kept answer."""
    unpriced: int = 0
    """Calls whose price nobody knows: they cost more than `cost_micros` says."""


class FeedbackFilter(Data):
    """Which thumbs. An empty field admits all."""

    people: tuple[str, ...] = ()
    """For whom the run worked."""
    since: int = 0
    """Microseconds, UTC; that moment is in."""
    until: int = 0
    """That moment is out; 0: no end."""


class FeedbackTotal(Data, omit_defaults=False):
    """Thumbs on the answers of runs that agree in these four; of each person the last one on each run."""

    asked: str
    """The bot or the team that was written to."""
    bot: str
    """Who answered."""
    model: str
    revision: str
    up: int
    down: int


class Analytics(Protocol):
    """Reads of the call log that may take seconds over a million rows; they hold nobody up."""

    async def totals(self, wanted: CallFilter) -> Sequence[CallTotal]:
        """Every wanted row is counted in exactly one total; most calls first."""
        ...

    async def timings(self, wanted: CallFilter) -> Sequence[ToolTiming]:
        """Slowest 95th percentile first."""
        ...

    async def models(self, wanted: CallFilter) -> Sequence[ModelTotal]:
        """Model calls by the fields they share with tool calls: workspace, principal, bot, time. Dearest first."""
        ...

    async def spent(self, wanted: SpendFilter, *, by_time: bool = False) -> Sequence[Spent]:
        """Every wanted model call is counted in exactly one row; `by_time`: of each quarter of an hour apart, which
        every time zone makes whole days of."""
        ...

    async def feedback(self, wanted: FeedbackFilter) -> Sequence[FeedbackTotal]:
        """Thumbs on answers, most of them first. A thumb that was taken back is none."""
        ...

    def rows(self, wanted: CallFilter) -> AsyncIterator[CallRecord]:
        """Every wanted row, oldest first, as it is read."""
        ...

    async def latest(self, wanted: CallFilter, *, limit: int = 100) -> Sequence[CallRecord]:
        """Newest first."""
        ...

    async def newest(self) -> int:
        """The place of the last row; 0 when there is none."""
        ...

    async def after(self, place: int, wanted: CallFilter, *, limit: int = 500) -> Sequence[tuple[int, CallRecord]]:
        """Rows logged after a place, each with its own, in the order they were logged."""
        ...
