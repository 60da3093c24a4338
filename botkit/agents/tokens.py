"""Counting tokens without a tokenizer, and splitting a bill into what caused it."""

from __future__ import annotations

__all__ = ["PART_NAMES", "BreakdownMeter", "estimate_json_tokens", "estimate_tokens"]

from collections.abc import Mapping

from botkit.core.agent import TokenBreakdown
from botkit.core.models import Usage
from botkit.core.tokens import estimate_json_tokens, estimate_tokens

PART_NAMES = (
    "system_prompt",
    "tool_definitions",
    "memory",
    "summary",
    "conversation_history",
    "current_message",
    "tool_results",
)
"""The input side of `TokenBreakdown`."""


class BreakdownMeter:
    """Sums the split of the input tokens over the model calls of one turn."""

    def __init__(self) -> None:
        self._totals: dict[str, int] = dict.fromkeys(PART_NAMES, 0)
        self._output = 0

    def add(self, estimated: Mapping[str, int], usage: Usage) -> None:
        """Count one call: `estimated` tokens per part, scaled so that they sum to what was billed."""
        for name, tokens in _scale(estimated, usage.input_tokens).items():
            self._totals[name] += tokens
        self._output += usage.output_tokens

    def result(self) -> TokenBreakdown:
        total = sum(self._totals.values()) + self._output
        return TokenBreakdown(**self._totals, llm_output=self._output, total=total)


def _scale(parts: Mapping[str, int], total: int) -> dict[str, int]:
    """Share `total` out in proportion to `parts`, by largest remainder, so that no token is lost."""
    weight = sum(parts.values())
    if weight == 0:
        return {"current_message": total}
    exact = {name: tokens * total / weight for name, tokens in parts.items()}
    shares = {name: int(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: shares[name] - exact[name])
    for name in by_remainder[: total - sum(shares.values())]:
        shares[name] += 1
    return shares
