"""The health of a channel, and patience with a platform that is away."""

from __future__ import annotations

__all__ = ["HealthReport", "Setbacks", "connect_later"]

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, TypeVar, cast

from botkit.sdk import AdapterHost, BotkitError, ChannelFatal, Clock, Health

Connection = TypeVar("Connection")

_WAITS_S = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
_STEADY_S = 60.0


class HealthReport:
    """Tells the host how a channel does, at changes only: `report("degraded", "Telegram does not answer")`."""

    def __init__(self, host: AdapterHost):
        self.state = ""
        self.detail = ""
        self.reminder = ""
        """What to say while all is well, such as a permission the bot lacks."""
        self._host = host

    def __call__(self, state: str, detail: str) -> None:
        if state == "ok" and not detail:
            detail = self.reminder
        if (state, detail) == (self.state, self.detail):
            return
        self.state, self.detail = state, detail
        known = cast("Literal['off', 'starting', 'ok', 'degraded', 'fatal']", state)
        self._host.report(Health(state=known, detail=detail, since=self._host.clock.micros()))


class Setbacks:
    """How often a connection failed of late: each time it is waited for longer, and one that held for a while makes
    former failures forgotten."""

    def __init__(self, clock: Clock, report: Callable[[str, str], None]):
        self.count = 0
        self.connected_at = clock.monotonic()
        self.settled = asyncio.Event()
        """Set once it is known whether the connection works."""
        self._clock = clock
        self._report = report

    def connected(self) -> None:
        self.connected_at = self._clock.monotonic()
        self._report("ok", "")
        self.settled.set()

    def ended(self) -> None:
        """A connection ended."""
        if self._clock.monotonic() - self.connected_at > _STEADY_S:
            self.count = 0
        self.connected_at = self._clock.monotonic()

    def failed(self, error: BotkitError) -> float:
        """Report a failure; how many seconds to wait before the next attempt."""
        self.ended()
        wait_s = error.retry_after_s or _WAITS_S[min(self.count, len(_WAITS_S) - 1)]
        self.count += 1
        self._report("degraded", str(error))
        self.settled.set()
        return wait_s


async def connect_later(
    connect: Callable[[], Awaitable[Connection]], *, clock: Clock, waits_s: Sequence[float], report: HealthReport
) -> Connection | None:
    """Try until it works; None when a person must act first, which was reported as fatal.

    Args:
        waits_s: before each attempt; the last one counts for all that follow.
    """
    attempt = 0
    while True:
        await clock.sleep(waits_s[min(attempt, len(waits_s) - 1)])
        attempt += 1
        try:
            return await connect()
        except ChannelFatal as error:
            report("fatal", str(error))
            return None
        except BotkitError as error:
            report("degraded", str(error))
