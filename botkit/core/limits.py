"""Limits on how often: rules of a moving window, quotas of a calendar month, and the ports that count them."""

from __future__ import annotations

__all__ = ["Counters", "Limiter", "Quota", "Rule", "quota_reached", "rule_reached"]

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

from botkit.core.data import Data
from botkit.core.errors import LimitReached


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


def rule_reached(rule: Rule, wait_s: float) -> LimitReached:
    """The refusal of one more call, for every limiter the same."""
    return LimitReached(
        f"The limit of {rule.limit} calls in {rule.window_s:g} seconds is reached. "
        f"Try again in {math.ceil(wait_s)} seconds.",
        retry_after_s=wait_s,
        limit=rule.key.partition(":")[0],
        value=rule.limit,
    )


def quota_reached(quota: Quota, now: int) -> LimitReached:
    """The refusal of one more call in this period. `now` in microseconds."""
    return LimitReached(
        f"The quota of {quota.limit} calls for {quota.period} is used up. Ask an administrator for more, or wait "
        f"for the next month.",
        retry_after_s=max(0.0, (quota.resets_at - now) / 1_000_000),
        limit=f"{quota.key.partition(':')[0]}_month",
        value=quota.limit,
    )
