"""What ends a turn that would not end by itself."""

from __future__ import annotations

__all__ = ["Budget", "Limit", "RepeatGuard"]

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from botkit.core.agent import AgentTask, AgentWords
from botkit.core.allowance import Allowance
from botkit.core.models import Usage

LimitName = Literal["max_iterations", "max_turn_tokens", "max_cost", "timeout", "repeated_call"]


@dataclass(frozen=True, slots=True)
class Limit:
    """The limit that ended the turn."""

    name: LimitName
    value: float
    sentence: str
    """For models and logs, in English: what ended."""
    said: str
    """The same for the person, in their language."""
    last_word: bool = False
    """The model may use one more call, without tools, to answer with what it has."""


@dataclass(slots=True)
class Budget:
    """What one turn has used, from journaled facts only, so that a replayed turn counts the same."""

    task: AgentTask
    usage: Usage = field(default_factory=Usage)
    spent_ms: float = 0.0
    """Working time: model calls and the slowest tool of each round. Waiting for people does not count."""
    rounds: int = 0

    @property
    def remaining_s(self) -> float:
        return self.task.timeout_s - self.spent_ms / 1000

    def left(self, among: int = 1) -> Allowance:
        """What is left now, in equal shares for so many that spend it side by side."""
        whole = Allowance(cost_micros=self.task.max_cost_micros, tokens=self.task.max_turn_tokens)
        return whole.after(self.usage, time_s=self.remaining_s, among=among)

    def exceeded(self) -> Limit | None:
        """The limit that forbids another model call, if any."""
        task = self.task
        tokens = self.usage.input_tokens + self.usage.output_tokens
        if self.remaining_s <= 0:
            return self.time_up()
        if task.max_turn_tokens and tokens >= task.max_turn_tokens:
            facts = {"used": f"{tokens:,}", "limit": f"{task.max_turn_tokens:,}"}
            return _limit("max_turn_tokens", task.max_turn_tokens, "limit_tokens", task.words, facts)
        if task.max_cost_micros and self.usage.cost_micros >= task.max_cost_micros:
            facts = {"limit": f"{task.max_cost_micros / 10_000:g}"}
            return _limit("max_cost", task.max_cost_micros, "limit_cost", task.words, facts)
        return None

    def time_up(self) -> Limit:
        value = self.task.timeout_s
        return _limit("timeout", value, "limit_time", self.task.words, {"limit": f"{value:g}"})

    def rounds_up(self) -> Limit:
        value = self.task.max_iterations
        name = "limit_one_round" if value == 1 else "limit_rounds"
        return _limit("max_iterations", value, name, self.task.words, {"limit": str(value)}, last_word=True)


class RepeatGuard:
    """Notices a model that makes the same call again and again.

    `allowed` identical calls run; the next one is answered with an explanation instead; the one after
    that ends the turn.
    """

    def __init__(self, allowed: int, words: AgentWords | None = None):
        self.allowed = allowed
        self._words = words or AgentWords()
        self._seen: Counter[str] = Counter()

    def count(self, digest: str) -> Literal["run", "tell", "stop"]:
        self._seen[digest] += 1
        times = self._seen[digest]
        return "run" if times <= self.allowed else "tell" if times == self.allowed + 1 else "stop"

    def limit(self, tool: str) -> Limit:
        facts = {"tool": tool}
        return _limit("repeated_call", self.allowed, "limit_repeats", self._words, facts, last_word=True)


def _limit(
    name: LimitName, value: float, sentence: str, words: AgentWords, facts: dict[str, str], *, last_word: bool = False
) -> Limit:
    english, theirs = (str(getattr(each, sentence)).format(**facts) for each in (AgentWords(), words))
    return Limit(name, value, english, theirs, last_word)
