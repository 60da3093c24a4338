"""From a cheap model to a stronger one, where the cheap one does not manage.

climb = Climb(model, "fast")
reply = await ask("step", climb.next_model())
if (why := signal_of(reply)) and climb.higher(why, "step"):
    reply = await ask(stronger("step"), climb.next_model())
"""

from __future__ import annotations

__all__ = ["Climb", "signal_of", "stronger"]

from dataclasses import asdict, dataclass
from typing import Any

from botkit.core.models import Model, ModelReply, Signal


@dataclass(frozen=True, slots=True)
class _Step:
    """One step up, as a trace shows it."""

    origin: str
    to: str
    why: Signal
    step: str


class Climb:
    """Which model is asked next for one message or one node.

    All of it follows from journaled replies, so that a replay arrives at the same model; where the configuration has
    changed in between, what is journaled counts.
    """

    def __init__(self, model: Model, name: str):
        self._model = model
        self._first = name
        self._now = name
        self._most = 0
        self._used = 0
        self._steps: list[_Step] = []

    @property
    def model(self) -> str:
        return self._now

    @property
    def confidence(self) -> float:
        """Below this an answer of the model that is asked now is `unsure`; 0: never."""
        found = self._model.escalation(self._now)
        return found.confidence if found is not None and "unsure" in found.on else 0.0

    @property
    def failed_rounds(self) -> int:
        """Rounds of failed tool calls after which a stronger model takes over; 0: none does."""
        found = self._model.escalation(self._now)
        return found.tool_failures if found is not None and "tool_failures" in found.on else 0

    def next_model(self) -> str:
        """The model of the call that is made now. After as many calls as a stronger one may have, the first again."""
        if self._now != self._first:
            if self._used >= self._most:
                self._now = self._first
            self._used += 1
        return self._now

    def higher(self, why: Signal, step: str, *, journaled: bool = False) -> bool:
        """Go on with the stronger model, where there is one for this and it may still be asked.

        Args:
            step: whose answer was not good enough.
            journaled: a stronger model was asked already, in an earlier execution of the run.
        """
        found = self._model.escalation(self._now)
        allowed = found is not None and why in found.on and (not self._steps or self._used < self._most)
        if not allowed and not journaled:
            return False
        to = found.to if found is not None else self._now
        if not self._steps:
            self._most = found.most if found is not None else 1
        self._steps.append(_Step(self._now, to, why, step))
        self._now = to
        return True

    def retreat(self) -> bool:
        """Go back to the first model for good, because no stronger one answered. Whether there is one to leave."""
        if self._now == self._first:
            return False
        self._now, self._used = self._first, self._most
        return True

    def trace(self) -> list[dict[str, Any]]:
        """`[{"from": "fast", "to": "strong", "why": "length", "step": "turn/0/model"}]`."""
        rows = [asdict(step) for step in self._steps]
        return [{"from": row.pop("origin"), **row} for row in rows]


def signal_of(reply: ModelReply) -> Signal | None:
    """What is wrong with an answer as far as the provider says so."""
    if reply.finish == "filtered":
        return "filtered"
    return "length" if reply.finish == "length" and not reply.calls else None


def stronger(step: str) -> str:
    """The step in which a stronger model is asked."""
    return f"{step}/stronger".lstrip("/")
