"""Work at set times: each schedule is one timer row, put again by the commit that begins its run.

A time that passed while nothing ran is found in that row at the next start; `missed` says what becomes of it.
"""

from __future__ import annotations

__all__ = ["due_of", "is_missed", "next_due", "next_timer", "time_after", "timers_of"]

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
from cronsim import CronSim

from botkit.core.clock import from_micros, to_micros
from botkit.core.events import Event
from botkit.core.journal import PutTimer
from botkit.engine.workflow_runs import service_event

if TYPE_CHECKING:
    from botkit.core.config import Config
    from botkit.core.config.models import Schedule

_LATE_S = 60


def next_due(schedule: Schedule, zone: str, after: datetime) -> datetime:
    """The first time after `after`, in UTC. A time that a clock change leaves out happens once, beside the gap."""
    return time_after(schedule.cron, schedule.timezone or zone, after)


def time_after(cron: str, zone: str, after: datetime) -> datetime:
    """The first time a cron expression names after `after`, in UTC.

    Raises:
        CronSimError, StopIteration, KeyError, ValueError, OSError: there is none, or no such zone.
    """
    return next(CronSim(cron, after.astimezone(ZoneInfo(zone)))).astimezone(UTC)


def timers_of(config: Config, now: datetime) -> list[PutTimer]:
    """A timer for every schedule that is on; one that stands already is left as it is."""
    return [
        _timer(config, slug, next_due(schedule, config.settings.timezone, now), keep=True)
        for slug, schedule in config.schedules.items()
        if schedule.enabled
    ]


def next_timer(config: Config, event: Event, now: datetime) -> PutTimer | None:
    """The timer to put when `event` begins its run; None when the schedule is gone, off, or another one."""
    slug, due, identity = due_of(event)
    schedule = config.schedules.get(slug)
    if schedule is None or not schedule.enabled or identity != _identity(schedule, config.settings.timezone):
        return None
    after = due if schedule.missed == "all" else max(due, now)
    return _timer(config, slug, next_due(schedule, config.settings.timezone, after), keep=False)


def is_missed(config: Config, event: Event, now: datetime) -> bool:
    """Whether its time passed while nothing ran, and such times are skipped."""
    slug, due, _ = due_of(event)
    schedule = config.schedules.get(slug)
    return schedule is not None and schedule.missed == "skip" and (now - due).total_seconds() > _LATE_S


def due_of(event: Event) -> tuple[str, datetime, str]:
    """(schedule, when it was due, which definition of it)."""
    signal: dict[str, Any] = event.signal or {}
    return str(signal.get("name", "")), from_micros(int(signal.get("due", 0))), str(signal.get("identity", ""))


def _timer(config: Config, slug: str, due: datetime, *, keep: bool) -> PutTimer:
    schedule = config.schedules[slug]
    identity = _identity(schedule, config.settings.timezone)
    trigger = {
        "workflow": schedule.workflow if _is_plain(schedule) else f"@schedule:{slug}",
        "due": to_micros(due),
        "at": due.isoformat(),
        "identity": identity,
        "input": dict(schedule.inputs),
    }
    event = service_event("cron", slug, due.strftime("%Y%m%dT%H%M%SZ"), trigger, due)
    # runs of one schedule do not overlap: they share a lane
    place = msgspec.structs.replace(event.conversation, thread="")
    event = msgspec.structs.replace(event, conversation=place)
    return PutTimer(id=f"schedule:{slug}:{identity}", at=to_micros(due), lane=place.key, event=event, keep=keep)


def _is_plain(schedule: Schedule) -> bool:
    """A workflow whose result nobody is sent."""
    return schedule.workflow is not None and schedule.channel is None


def _identity(schedule: Schedule, zone: str) -> str:
    said = f"{schedule.cron}|{schedule.timezone or zone}|{schedule.workflow}|{schedule.function}|{schedule.bot}"
    return hashlib.sha256(said.encode()).hexdigest()[:12]
