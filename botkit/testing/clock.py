"""A clock that a test moves."""

from __future__ import annotations

__all__ = ["ManualClock"]

import asyncio
import heapq
from datetime import UTC, datetime, timedelta

from botkit.core.clock import to_micros

_SETTLE_ROUNDS = 20
"""Turns of the event loop given to whoever was woken, before time moves on."""


class ManualClock:
    """Implements `Clock`; time stands still until `advance`.

        clock = ManualClock()
        task = asyncio.create_task(wait_for_retry(clock))
        await clock.sleeping()          # it waits now
        await clock.advance(30)         # thirty seconds pass, in order of the deadlines

    Sleepers wake in the order of their deadlines, and one woken by an `advance` may sleep and be woken again
    within the same one.
    """

    def __init__(self, start: datetime = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)):
        self._start = start
        self._passed_s = 0.0
        self._count = 0
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._asleep = asyncio.Event()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed_s)

    def micros(self) -> int:
        return to_micros(self.now())

    def monotonic(self) -> float:
        return self._passed_s

    def jump(self, seconds: float) -> None:
        """Somebody sets the clock on the wall, forward or back; `monotonic` and those who sleep do not notice."""
        self._start += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._waiting, (self._passed_s + seconds, self._count, future))
        self._asleep.set()
        await future

    @property
    def sleepers(self) -> int:
        """How many wait now."""
        return sum(not future.done() for _, _, future in self._waiting)

    async def sleeping(self, count: int = 1) -> None:
        """Return once at least `count` tasks sleep on this clock."""
        while self.sleepers < count:
            self._asleep.clear()
            await self._asleep.wait()

    async def advance(self, seconds: float) -> None:
        """Let time pass, waking everybody whose deadline comes."""
        end = self._passed_s + seconds
        while self._waiting and self._waiting[0][0] <= end:
            due, _, future = heapq.heappop(self._waiting)
            self._passed_s = max(self._passed_s, due)
            if not future.done():
                future.set_result(None)
                for _ in range(_SETTLE_ROUNDS):
                    await asyncio.sleep(0)
        self._passed_s = end
        for _ in range(_SETTLE_ROUNDS):
            await asyncio.sleep(0)
