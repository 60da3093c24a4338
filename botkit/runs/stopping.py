"""Stop signals: cut off what may be repeated, at once, without a task for each step."""

from __future__ import annotations

__all__ = ["Interruptible", "StopSignal", "Stopped"]

import asyncio
from weakref import WeakSet


class Stopped(BaseException):
    """The person asked to stop. Effects that were sent have been recorded."""


class StopSignal(asyncio.Event):
    """An event that also cancels work running under `interruptible`."""

    def __init__(self) -> None:
        super().__init__()
        self._working: dict[asyncio.Task[object], bool] = {}
        """Task → whether it was cancelled by this signal."""
        self._children: WeakSet[StopSignal] = WeakSet()

    def child(self) -> StopSignal:
        """A signal for a part of the work: set with this one, or alone."""
        child = StopSignal()
        if self.is_set():
            child.set()
        self._children.add(child)
        return child

    def set(self) -> None:
        super().set()
        for child in self._children:
            child.set()
        # Later, so that work which sets the signal itself ends at its next `await` and not beyond its end.
        asyncio.get_running_loop().call_soon(self._interrupt)

    def _interrupt(self) -> None:
        for task, interrupted in self._working.items():
            if not interrupted:
                self._working[task] = True
                task.cancel()

    def interruptible(self) -> Interruptible:
        """A block for what may be repeated: it runs until it ends or the signal is set.

        The work sees `CancelledError`. A cancellation from elsewhere stays one, as with `asyncio.timeout`.

        Raises:
            Stopped: the signal was set.
        """
        return Interruptible(self._working)


class Interruptible:
    """The block of `StopSignal.interruptible`; once, in one task."""

    __slots__ = ("_cancelling", "_task", "_working")

    def __init__(self, working: dict[asyncio.Task[object], bool]):
        self._working = working

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "steps run in tasks"
        self._task: asyncio.Task[object] = task
        self._cancelling = task.cancelling()
        self._working[task] = False

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        interrupted = self._working.pop(self._task)
        if interrupted and isinstance(error, asyncio.CancelledError) and self._task.uncancel() <= self._cancelling:
            raise Stopped from None
