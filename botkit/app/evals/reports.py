"""What evaluations came to."""

from __future__ import annotations

__all__ = ["CaseReport", "EvalReport", "RoutingResult", "TryReport"]

from typing import Literal

from botkit.app.evals.asking import JudgedAnswer
from botkit.app.evals.attempt import Seen
from botkit.app.evals.expecting import Difference
from botkit.app.operations.teams import RoutingReport
from botkit.core.data import Data
from botkit.core.models import Usage


class TryReport(Data, omit_defaults=False):
    """One try of a case."""

    ok: bool
    seconds: float
    """On the wall."""
    differences: tuple[Difference, ...] = ()
    verdicts: tuple[JudgedAnswer, ...] = ()
    seen: Seen = Seen()
    usage: Usage = Usage()
    model_ms: float = 0.0
    beside: Usage = Usage()
    """Of judges and played people."""
    stale: tuple[str, ...] = ()
    """What was asked of a model and is not in the recording."""


class CaseReport(Data, omit_defaults=False):
    """One case."""

    file: str
    at: str
    """`file:line`."""
    name: str
    bot: str
    state: Literal["passed", "failed", "skipped", "stale"]
    """`stale`: it could not be tried, because its recording is out of date."""
    tags: tuple[str, ...] = ()
    passed: int = 0
    """Of its tries."""
    needed: float = 1.0
    """Part of the tries that must pass."""
    tries: tuple[TryReport, ...] = ()
    why: str = ""
    """It was skipped."""

    @property
    def ok(self) -> bool:
        return self.state in ("passed", "skipped")

    @property
    def seconds(self) -> float:
        return sum(one.seconds for one in self.tries)

    @property
    def usage(self) -> Usage:
        """Of the bot, over all tries."""
        total = Usage()
        for one in self.tries:
            total += one.usage
        return total


class RoutingResult(Data, omit_defaults=False):
    """A file of messages whose member is known."""

    file: str
    ok: bool
    at_least: float
    report: RoutingReport


class EvalReport(Data, omit_defaults=False):
    """Everything that was run."""

    cases: tuple[CaseReport, ...] = ()
    routing: tuple[RoutingResult, ...] = ()
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    stale: int = 0
    usage: Usage = Usage()
    beside: Usage = Usage()
    """Of judges and played people."""
    cost_cents: float = 0.0
    """Of both."""
    model_ms: float = 0.0
    seconds: float = 0.0
    recorded: tuple[str, ...] = ()
    """Recordings that were written."""

    @classmethod
    def of(
        cls,
        cases: list[CaseReport],
        routing: list[RoutingResult],
        *,
        seconds: float,
        recorded: tuple[str, ...] = (),
    ) -> EvalReport:
        usage, beside, model_ms = Usage(), Usage(), 0.0
        for one in (one for case in cases for one in case.tries):
            usage, beside, model_ms = usage + one.usage, beside + one.beside, model_ms + one.model_ms
        for one in routing:
            usage += one.report.usage
        states = [case.state for case in cases] + ["passed" if one.ok else "failed" for one in routing]
        return cls(
            cases=tuple(cases),
            routing=tuple(routing),
            passed=states.count("passed"),
            failed=states.count("failed"),
            skipped=states.count("skipped"),
            stale=states.count("stale"),
            usage=usage,
            beside=beside,
            cost_cents=(usage + beside).cost_micros / 10_000,
            model_ms=model_ms,
            seconds=round(seconds, 3),
            recorded=recorded,
        )
