"""Time as an argument."""

from __future__ import annotations

__all__ = ["Clock", "SystemClock", "from_micros", "to_micros"]

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Microseconds since 1970 in UTC: how every time is stored. Exact, unlike `timestamp()`."""
    return (at - _EPOCH) // _MICRO


def from_micros(micros: int) -> datetime:
    """The reverse of `to_micros`; aware, in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


class Clock(Protocol):
    """Wall time for what is stored, monotonic time for deadlines, and the only way to sleep."""

    def now(self) -> datetime:
        """Aware, in UTC."""
        ...

    def micros(self) -> int:
        """`to_micros(now())`, cheaper."""
        ...

    def monotonic(self) -> float:
        """Seconds; never goes back, also when the wall clock jumps."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def micros(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))
