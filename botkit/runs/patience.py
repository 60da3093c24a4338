"""Store calls that wait for the disk: what was done outside must be written down, however long that takes."""

from __future__ import annotations

__all__ = ["patiently"]

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from botkit.core.clock import Clock
from botkit.core.errors import StoreError

T = TypeVar("T")

_log = structlog.get_logger("botkit.runs")

_PAUSES_S = (0.2, 0.5, 1.0, 2.0, 5.0)


async def patiently(clock: Clock, call: Callable[[], Awaitable[T]], *, after: StoreError | None = None) -> T:
    """Make a store call, again and again while the disk is full or the database locked.

    For results of effects that were made already: giving up would forget them. Such an error means that
    nothing was written, so repeating is safe. Cancelling ends the waiting.

    Args:
        after: the error that a first call met already.

    Raises:
        Conflict, Fenced and every error that waiting cannot mend.
    """
    attempt = 0
    while True:
        if after is not None:
            _log.error("store_unavailable", code=after.code, detail=str(after))
            await clock.sleep(after.retry_after_s or _PAUSES_S[min(attempt, len(_PAUSES_S) - 1)])
            attempt += 1
        try:
            return await call()
        except StoreError as error:
            if not error.retryable:
                raise
            after = error
