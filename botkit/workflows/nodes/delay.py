"""Go on later."""

from __future__ import annotations

__all__ = ["Delay"]

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypedDict

from pydantic import Field

from botkit.sdk.nodes import Node, NodeContext, NodeFailed, Outcome, Signal, Wait, node
from botkit.workflows.nodes._times import duration_s, moment, next_occurrence, zone_of

_LONGEST = timedelta(days=3660)


class DelayOutput(TypedDict):
    """The time it waited for."""

    due: str
    """ISO 8601, UTC."""
    at: str
    """When it really went on: later when nothing ran at that time."""


@node("delay")
class Delay(Node):
    """Go on later: after a while, at a time, or when it is that time of day again.

    The run waits as a row and costs nothing meanwhile. A time that has passed already does not wait.
    """

    category = "flow"
    output: ClassVar[Any] = DelayOutput

    seconds: float | None = Field(default=None, ge=0)
    """So many seconds."""
    duration: str = ""
    """So long, such as `15m`, `2h 30m`, `3d`."""
    until: str = ""
    """Until this time: ISO 8601, such as `2026-12-24T18:00`."""
    at: str = ""
    """Until it is this time of day next, such as `09:00`."""
    weekdays: list[str] = []
    """With `at`: only on these days, such as `[mon, tue]`."""
    timezone: str = ""
    """Where these times are meant; the person's zone when empty."""

    @classmethod
    def check(cls, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Exactly one way to say when, and well written."""
        given = [name for name in ("seconds", "duration", "until", "at") if data.get(name) not in (None, "")]
        if len(given) != 1:
            return [("seconds", "a delay has exactly one of seconds, duration, until and at")]
        readers = {"duration": duration_s, "timezone": zone_of}
        found: list[tuple[str, str]] = []
        for name, read in readers.items():
            value = data.get(name)
            if isinstance(value, str) and value and "{{" not in value:
                try:
                    read(value)
                except NodeFailed as error:
                    found.append((name, str(error)))
        return found

    async def run(self, ctx: NodeContext) -> Outcome | Wait:
        now = ctx.now()
        due = self._due(now, self.timezone or ctx.run.timezone)
        if due - now > _LONGEST:
            raise NodeFailed("a delay lasts ten years at most", code="invalid_time")
        if due <= now:
            return _done(due, now)
        return Wait.timer((due - now).total_seconds(), due=due.isoformat())

    def _due(self, now: datetime, zone: str) -> datetime:
        where = zone_of(zone)
        if self.until:
            return moment(self.until, where)
        if self.at:
            return next_occurrence(now, self.at, self.weekdays, where)
        seconds = self.seconds if self.seconds is not None else duration_s(self.duration)
        return now + min(timedelta(seconds=min(seconds, 1e10)), _LONGEST + timedelta(days=1))

    async def resume(self, ctx: NodeContext, signal: Signal) -> Outcome:
        return _done(datetime.fromisoformat(str(signal.state["due"])), ctx.now())


def _done(due: datetime, now: datetime) -> Outcome:
    output: DelayOutput = {"due": due.isoformat(), "at": now.isoformat()}
    return Outcome(output=output)
