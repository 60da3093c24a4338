"""What one turn may use of time and money, and what of that is left for those who help with it."""

from __future__ import annotations

__all__ = ["Allowance", "least"]

from typing import TypeVar

from botkit.core.data import Data
from botkit.core.models import Usage

Number = TypeVar("Number", int, float)


def least(one: Number, other: Number) -> Number:
    """The smaller limit; 0 is none."""
    return min(one, other) if one and other else one or other


class Allowance(Data):
    """Limits; 0 is none."""

    time_s: float = 0.0
    """Seconds of work; waiting for people does not count."""
    cost_micros: int = 0
    """Of model calls, in millionths of `settings.currency`."""
    tokens: int = 0
    """Of models, in and out."""

    def spent_by(self, usage: Usage) -> bool:
        """Whether this use leaves no money or no tokens."""
        tokens = usage.input_tokens + usage.output_tokens
        return bool(
            (self.cost_micros and usage.cost_micros >= self.cost_micros) or (self.tokens and tokens >= self.tokens)
        )

    def after(self, usage: Usage, *, time_s: float = 0.0, among: int = 1) -> Allowance:
        """What is left of money and tokens, in equal shares for so many that spend it side by side.

        Args:
            time_s: what is left of the time; it passes for all alike.
        """
        tokens = usage.input_tokens + usage.output_tokens
        return Allowance(
            time_s=time_s,
            cost_micros=_share(self.cost_micros, usage.cost_micros, among),
            tokens=_share(self.tokens, tokens, among),
        )


def _share(limit: int, used: int, among: int) -> int:
    """Never 0, which would be no limit."""
    return max(1, (limit - used) // max(1, among)) if limit else 0
