"""Rate-limit buckets: told in the headers of every answer, and enforced where a test wants it.

Source: https://docs.discord.com/developers/topics/rate-limits
"""

from __future__ import annotations

__all__ = ["Buckets"]

import re
from dataclasses import dataclass

from botkit.core.clock import Clock
from botkit.testing.discord.faults import ApiError, Call

_LIMITS = (
    (re.compile(r"POST /channels/(\d+)/messages$"), 5, 5.0),
    (re.compile(r"PATCH /channels/(\d+)/messages/\d+$"), 5, 5.0),
    (re.compile(r"POST /channels/(\d+)/typing$"), 5, 5.0),
)
"""(route, calls, seconds); counted apart for each channel."""


@dataclass(slots=True)
class _Bucket:
    left: int
    resets_at_s: float


class Buckets:
    def __init__(self, clock: Clock, *, enforced: bool):
        self.clock = clock
        self.enforced = enforced
        self._buckets: dict[tuple[int, str], _Bucket] = {}

    def take(self, call: Call) -> dict[str, str]:
        """Count a call; the headers of its answer. Raises `ApiError` 429 when nothing is left."""
        for number, (route, limit, window_s) in enumerate(_LIMITS):
            found = route.fullmatch(f"{call.method} {call.path}")
            if found is not None:
                return self._take(number, found[1], limit, window_s)
        return {}

    def _take(self, number: int, channel: str, limit: int, window_s: float) -> dict[str, str]:
        now = self.clock.monotonic()
        bucket = self._buckets.get((number, channel))
        if bucket is None or now >= bucket.resets_at_s:
            bucket = self._buckets[number, channel] = _Bucket(limit, now + window_s)
        wait_s = round(bucket.resets_at_s - now, 3)
        if self.enforced and bucket.left <= 0:
            raise ApiError(429, 0, "You are being rate limited.", retry_after=wait_s, **{"global": False})
        bucket.left = bucket.left - 1 if self.enforced else limit - 1
        return {
            "X-RateLimit-Bucket": f"bucket{number}",
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(bucket.left),
            "X-RateLimit-Reset": f"{self.clock.now().timestamp() + wait_s:.3f}",
            "X-RateLimit-Reset-After": f"{wait_s:.3f}",
        }
