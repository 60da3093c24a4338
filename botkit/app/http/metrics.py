"""Counters for Prometheus, taken from what is committed: a turn, call or message counts once it is a fact.

`MeteredJournal` stands before the real journal and counts the writes of each commit that succeeded.

Names follow https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

__all__ = ["MeteredCallLog", "MeteredJournal", "Metrics", "set_rows", "set_servers"]

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from botkit.core.journal import AddUsage, Claim, Committed, Journal, LogCall, SetPart, SetRun, StartRun, Write
from botkit.core.messages import Part
from botkit.core.stores import CallLog
from botkit.core.tools import CallRecord
from botkit.gateway.catalog import ServerStatus

_TURN_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120)
_CALL_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_FINAL = ("completed", "failed", "cancelled", "limit_reached")


class Metrics:
    """One registry per instance, so that several can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        kinds: dict[str, Any] = {"registry": self.registry}
        self.turns = Counter("botkit_turns", "Turns that ended or paused.", ["bot", "state"], **kinds)
        self.turn_s = Histogram(
            "botkit_turn_seconds", "Time from start to end of a turn.", ["bot"], buckets=_TURN_BUCKETS_S, **kinds
        )
        self.parts = Counter("botkit_parts", "Messages to platforms.", ["state"], **kinds)
        self.tool_calls = Counter(
            "botkit_tool_calls",
            "Tool calls and other requests to servers.",
            ["workspace", "server", "tool", "method", "status"],
            **kinds,
        )
        self.tool_s = Histogram(
            "botkit_tool_call_seconds", "Duration of tool calls.", ["server"], buckets=_CALL_BUCKETS_S, **kinds
        )
        self.model_calls = Counter("botkit_model_calls", "Model calls.", ["model", "code"], **kinds)
        self.tokens = Counter("botkit_model_tokens", "Model tokens.", ["model", "direction"], **kinds)
        self.cached_tokens = Counter(
            "botkit_model_cached_tokens", "Input tokens read from caches of providers.", ["model"], **kinds
        )
        self.cost = Counter("botkit_model_cost_dollars", "Model cost in US dollars.", ["model"], **kinds)
        self.budgets = Counter(
            "botkit_budget_events", "Calls refused by a budget, and warnings given.", ["budget", "event"], **kinds
        )
        self.findings = Counter(
            "botkit_guardrail_findings", "What guardrails found.", ["bot", "where", "check", "measure"], **kinds
        )
        self.rows = Gauge("botkit_rows", "What is stored, by kind.", ["kind"], **kinds)
        self.busy = Gauge("botkit_busy", "Conversations being worked on or delivered to.", ["kind"], **kinds)
        self.channels = Gauge("botkit_channel_up", "1 while a channel is ok.", ["channel", "platform"], **kinds)

        self.server_up = Gauge("botkit_server_up", "1 while a tool server can be called.", ["server"], **kinds)
        self.server_tools = Gauge("botkit_server_tools", "Tools of a server.", ["server", "state"], **kinds)
        self.server_starts = Gauge("botkit_server_starts", "Starts of a server.", ["server"], **kinds)

    def count_call(self, record: CallRecord) -> None:
        """Count a row of the call log. Names nobody knows are counted together: strangers must not make series."""
        known = bool(record.server) and record.method in ("tools/call", "prompts/get")
        tool = record.tool if known else ""
        self.tool_calls.labels(record.workspace, record.server, tool, record.method, record.status).inc()
        self.tool_s.labels(record.server).observe(record.duration_ms / 1000)

    def count_budget(self, event: str, budget: str) -> None:
        """Count a refusal or a warning."""
        self.budgets.labels(budget, event).inc()

    def text(self) -> bytes:
        return generate_latest(self.registry)


class MeteredJournal:
    """Passes everything on, and counts what a commit wrote.

    Args:
        saw: told of each write that was committed.
    """

    def __init__(self, journal: Journal, metrics: Metrics, saw: Callable[[Write], None] | None = None):
        self._journal = journal
        self._metrics = metrics
        self._saw = saw
        self._turns: dict[str, tuple[str, int]] = {}
        """Runs being worked on: bot, start."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def commit(
        self, claim: Claim | None, writes: Sequence[Write], *, release: bool = False, send: str = ""
    ) -> Committed:
        committed = await self._journal.commit(claim, writes, release=release, send=send)
        for write in writes:
            self._note(write)
        return committed

    async def send_next(self, conversation: str, *, done: SetPart | None = None) -> Part | None:
        following = await self._journal.send_next(conversation, done=done)
        if done is not None:
            self._note(done)
        return following

    def _note(self, write: Write) -> None:
        self._count(write)
        if self._saw is not None:
            self._saw(write)

    def _count(self, write: Write) -> None:
        counted = self._metrics
        match write:
            case StartRun():
                self._turns[write.run.id] = (write.run.bot, write.run.started_at)
            case SetRun():
                self._count_run(write)
            case SetPart():
                if write.state in ("sent", "failed", "unknown"):
                    counted.parts.labels(write.state).inc()
            case LogCall():
                counted.count_call(write.record)
            case AddUsage():
                call = write.call
                counted.model_calls.labels(call.model, call.code or "ok").inc()
                counted.tokens.labels(call.model, "input").inc(call.usage.input_tokens)
                counted.tokens.labels(call.model, "output").inc(call.usage.output_tokens)
                counted.cached_tokens.labels(call.model).inc(call.usage.cached_tokens)
                counted.cost.labels(call.model).inc(call.usage.cost_micros / 1_000_000)
            case _:
                pass

    def _count_run(self, write: SetRun) -> None:
        if write.state == "running":
            return
        bot, started_at = self._turns.pop(write.run_id, ("", 0))
        self._metrics.turns.labels(bot, write.state).inc()
        for found in (write.output or {}).get("guardrails", ()):
            self._metrics.findings.labels(bot, found["where"], found["check"], found["measure"]).inc(found["count"])
        if started_at and write.state in _FINAL:
            self._metrics.turn_s.labels(bot).observe((write.at - started_at) / 1_000_000)


class MeteredCallLog:
    """Writes rows of calls that belong to no run, and counts those that were written."""

    def __init__(self, log: CallLog, metrics: Metrics, saw: Callable[[CallRecord], None] | None = None):
        self._log = log
        self._metrics = metrics
        self._saw = saw

    async def append(self, records: Sequence[CallRecord]) -> None:
        await self._log.append(records)
        for record in records:
            self._metrics.count_call(record)
            if self._saw is not None:
                self._saw(record)


def set_servers(metrics: Metrics, servers: Sequence[ServerStatus]) -> None:
    """Refresh the gauges of tool servers."""
    for server in servers:
        waiting = len(server.needs_review)
        metrics.server_up.labels(server.name).set(server.state in ("ready", "idle"))
        metrics.server_starts.labels(server.name).set(server.starts)
        metrics.server_tools.labels(server.name, "offered").set(server.tools - waiting)
        metrics.server_tools.labels(server.name, "quarantined").set(waiting)
        metrics.server_tools.labels(server.name, "unusable").set(len(server.left_out))


def set_rows(metrics: Metrics, counts: Mapping[str, int]) -> None:
    """Refresh the gauges of `Records.counts`."""
    for kind, number in counts.items():
        metrics.rows.labels(kind).set(number)
