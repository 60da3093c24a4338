"""How often somebody may do something: buckets that fill up with time, the least recently used ones forgotten."""

from __future__ import annotations

__all__ = ["Limits", "network_of"]

from collections import OrderedDict
from ipaddress import ip_address, ip_network

from botkit.sdk import Clock, RateLimited

_KEPT = 50_000


class Limits:
    """Token buckets by key. In memory: they guard this process, and forgetting them does no harm."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, per_minute: float) -> None:
        """Count one. Raises `RateLimited` with the seconds until the next."""
        now = self._clock.monotonic()
        left, at = self._buckets.pop(key, (per_minute, now))
        left = min(per_minute, left + (now - at) * per_minute / 60)
        if left >= 1:
            self._buckets[key] = (left - 1, now)
        else:
            self._buckets[key] = (left, now)
        while len(self._buckets) > _KEPT:
            self._buckets.popitem(last=False)
        if left < 1:
            raise RateLimited("too many requests", retry_after_s=(1 - left) * 60 / per_minute)


def network_of(address: str) -> str:
    """What one subscriber has: an IPv4 address, or an IPv6 /64."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else str(ip_network(f"{address}/64", strict=False))
