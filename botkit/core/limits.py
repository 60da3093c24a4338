"""Limits on how often: rules of a moving window, quotas of a calendar month, and the ports that count them."""

from __future__ import annotations

__all__ = ["Counters", "Limiter", "Quota", "Rule"]

from collections.abc import Mapping, Sequence
from typing import Protocol

from botkit.core.data import Data


class Rule(Data):
    """At most `limit` calls in any `window_s` seconds for whatever `key` names."""

    key: str
    limit: int
    window_s: float = 60.0


class Quota(Data):
    """At most `limit` calls for `key` in one calendar period."""

    key: str
    """Such as `workspace:desk` or `token:tok_…`."""
    limit: int
    period: str
    """Such as `2026-11`: a new period starts at nothing."""
    resets_at: int
    """Microseconds, UTC: when the next period begins."""


class Limiter(Protocol):
    async def take(self, rules: Sequence[Rule]) -> None:
        """Count one call against all rules, or against none.

        Raises:
            LimitReached: with `retry_after_s` and facts `limit` and `value`.
        """
        ...


class Counters(Protocol):
    """Counts that outlive the process and are shared by all of them."""

    async def take(self, quotas: Sequence[Quota]) -> None:
        """Count one call against all quotas, or against none.

        Raises:
            LimitReached: with `retry_after_s` until the next period and facts `limit` and `value`.
        """
        ...

    async def used(self, keys: Sequence[str], period: str) -> Mapping[str, int]:
        """Calls counted in that period, by key; keys never counted are left out."""
        ...

    async def expire(self, before: str) -> int:
        """Forget periods before this one; how many counts that were."""
        ...
