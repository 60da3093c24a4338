"""Stop signals: cut off what may be repeated, at once, without a task for each step."""

from __future__ import annotations

__all__ = ["StopSignal", "Stopped"]

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Stopped(BaseException):
    """The person asked to stop. Effects that were sent have been recorded."""


class StopSignal(asyncio.Event):
    """An event that also cancels work running under `interruptible`."""

    def __init__(self) -> None:
        super().__init__()
        self._working: dict[asyncio.Task[object], bool] = {}
        """Task → whether it was cancelled by this signal."""

    def set(self) -> None:
        super().set()
        # Later, so that work which sets the signal itself ends at its next `await` and not beyond its end.
        asyncio.get_running_loop().call_soon(self._interrupt)

    def _interrupt(self) -> None:
        for task, interrupted in self._working.items():
            if not interrupted:
                self._working[task] = True
                task.cancel()

    async def interruptible(self, work: Awaitable[T]) -> T:
        """Run what may be repeated until it ends or the signal is set.

        The work sees `CancelledError`. A cancellation from elsewhere stays one, as with `asyncio.timeout`.

        Raises:
            Stopped: the signal was set.
        """
        task = asyncio.current_task()
        assert task is not None, "steps run in tasks"
        cancelling = task.cancelling()
        self._working[task] = False
        try:
            return await work
        except asyncio.CancelledError:
            if self._working[task] and task.uncancel() <= cancelling:
                raise Stopped from None
            raise
        finally:
            del self._working[task]
