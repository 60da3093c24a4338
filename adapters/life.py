"""The health of a channel, and patience with a platform that is away."""

from __future__ import annotations

__all__ = ["HealthReport", "connect_later"]

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, TypeVar, cast

from botkit.sdk import AdapterHost, BotkitError, ChannelFatal, Clock, Health

Connection = TypeVar("Connection")


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
