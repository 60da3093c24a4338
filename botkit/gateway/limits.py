"""How often tools may be called, and the seam for money.

The limiter is a port: this one counts within one process; on several processes one over the database takes its place.
"""

from __future__ import annotations

__all__ = ["Budget", "Limiter", "NoBudget", "Rule", "SlidingWindow"]

import math
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Protocol

from botkit.core.clock import Clock
from botkit.core.data import Data
from botkit.core.errors import LimitReached
from botkit.core.tools import CallRecord, ToolCall


class Rule(Data):
    """At most `limit` calls in any `window_s` seconds for whatever `key` names."""

    key: str
    limit: int
    window_s: float = 60.0


class Limiter(Protocol):
    async def take(self, rules: Sequence[Rule]) -> None:
        """Count one call against all rules, or against none.

        Raises:
            LimitReached: with `retry_after_s` and facts `limit` and `value`.
        """
        ...


class Budget(Protocol):
    """Reserves before a call and settles after it, so that two calls at once cannot overspend."""

    async def reserve(self, call: ToolCall) -> str:
        """A reservation, or an empty text when nothing is to be settled. Raises `LimitReached`."""
        ...

    async def settle(self, reservation: str, record: CallRecord) -> None:
        """Book what really happened, or release the reservation when nothing did."""
        ...


class NoBudget:
    """Tool calls cost nothing."""

    async def reserve(self, call: ToolCall) -> str:
        return ""

    async def settle(self, reservation: str, record: CallRecord) -> None:
        return None


class SlidingWindow:
    """Exact: remembers the moment of every call in the window. Memory is bounded by limits × keys in use."""

    def __init__(self, clock: Clock, *, max_keys: int = 10_000):
        self._clock = clock
        self._max_keys = max_keys
        self._calls: OrderedDict[str, deque[float]] = OrderedDict()

    async def take(self, rules: Sequence[Rule]) -> None:
        now = self._clock.monotonic()
        windows: list[deque[float]] = []
        for rule in rules:
            window = self._calls.setdefault(rule.key, deque())
            self._calls.move_to_end(rule.key)
            while window and now - window[0] >= rule.window_s:
                window.popleft()
            if len(window) >= rule.limit:
                wait_s = rule.window_s - (now - window[0])
                raise LimitReached(
                    f"The limit of {rule.limit} calls in {rule.window_s:g} seconds is reached. "
                    f"Try again in {math.ceil(wait_s)} seconds.",
                    retry_after_s=wait_s,
                    limit=rule.key.partition(":")[0],
                    value=rule.limit,
                )
            windows.append(window)
        for window in windows:
            window.append(now)
        while len(self._calls) > self._max_keys:
            self._calls.popitem(last=False)
