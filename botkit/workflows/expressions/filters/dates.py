"""Filters for dates and times: ISO 8601 texts, seconds since 1970, or what `run.started_at` holds.

There is no `now()`: an expression gives the same value whenever a run is replayed. `run.started_at` is the time of
the run, and nodes that wait give the time they went on.
"""

from __future__ import annotations

__all__: list[str] = []

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from botkit.workflows.expressions.budget import Budget
from botkit.workflows.expressions.errors import Refused
from botkit.workflows.expressions.filters.arguments import as_number, as_text
from botkit.workflows.expressions.functions import function
from botkit.workflows.expressions.values import kind_of

_GROUP = "Dates and times"
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)
_FORMATS = "aAbBdHIjmMpSyYzZ%"
# Their own names, so that no locale of the process changes what people read.
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
_FORMAT_LIMIT = 200


@lru_cache(maxsize=256)
def _zone(name: str) -> tzinfo:
    if len(name) <= 64 and re.fullmatch(r"[A-Za-z0-9_+/-]+", name):
        try:
            return ZoneInfo(name)
        except (OSError, ValueError, LookupError):
            pass
    raise Refused("there is no such time zone", "use a name such as `Europe/Berlin`")


def _moment(value: Any, budget: Budget, zone: tzinfo = UTC) -> datetime:
    """Any form of a time as an aware one. A day is its midnight; what names no zone is in `zone`."""
    try:
        if isinstance(value, datetime):
            found = value
        elif isinstance(value, date):
            found = datetime(value.year, value.month, value.day, tzinfo=zone)
        elif kind_of(value) == "number":
            found = datetime.fromtimestamp(float(as_number(value)), UTC)
        else:
            found = datetime.fromisoformat(as_text(value, budget).strip()[:64])
        found = found if found.tzinfo is not None else found.replace(tzinfo=zone)
        found.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise Refused("this is not a date", "use ISO 8601, such as `2026-11-21T09:30:00Z`") from None
    return found


def _in_zone(moment: datetime, zone: tzinfo) -> datetime:
    try:
        return moment.astimezone(zone)
    except OverflowError:
        raise Refused("the date is out of range") from None


@function("date", _GROUP, "run.started_at | date('%d %b, %H:%M', 'Europe/Berlin')", '"21 Nov, 10:30"', result="text")
def date_(budget: Budget, value: Any, format: Any = "%Y-%m-%d", zone: Any = "UTC") -> str:  # noqa: A002
    """A date written out. The format knows `%Y %y %m %b %B %d %j %a %A %H %I %M %S %p %z %Z %%`."""
    where = _zone(as_text(zone, budget))
    pattern = as_text(format, budget)
    if len(pattern) > _FORMAT_LIMIT:
        raise Refused(f"a format may have {_FORMAT_LIMIT} characters at most")
    here = _in_zone(_moment(value, budget, where), where)
    return _DIRECTIVE.sub(lambda match: _written(here, match.group(1)), pattern)


def _written(here: datetime, directive: str) -> str:
    if directive in ("a", "A"):
        return _DAYS[here.weekday()][: 3 if directive == "a" else None]
    if directive in ("b", "B"):
        return _MONTHS[here.month - 1][: 3 if directive == "b" else None]
    if directive == "Y":
        return f"{here.year:04}"
    if directive == "p":
        return "AM" if here.hour < 12 else "PM"
    if directive and directive in _FORMATS:
        return here.strftime(f"%{directive}")
    raise Refused(f"a date has no `%{directive}`")


@function("iso", _GROUP, "1795253400 | iso", '"2026-11-21T09:30:00+00:00"', result="text")
def iso(budget: Budget, value: Any, zone: Any = "UTC") -> str:
    """A date in ISO 8601, in that time zone."""
    where = _zone(as_text(zone, budget))
    return _in_zone(_moment(value, budget, where), where).isoformat()


@function("timestamp", _GROUP, "'2026-11-21T09:30:00Z' | timestamp", "1795253400", result="number")
def timestamp(budget: Budget, value: Any) -> int | float:
    """Seconds since 1970."""
    seconds = _moment(value, budget).timestamp()
    return int(seconds) if seconds.is_integer() else seconds


@function("plus", _GROUP, "'2026-01-31' | plus(days=1, hours=9)", '"2026-02-01T09:00:00+00:00"', result="text")
def plus(
    budget: Budget, value: Any, days: Any = 0, hours: Any = 0, minutes: Any = 0, seconds: Any = 0, weeks: Any = 0
) -> str:
    """A later time in ISO 8601; negative numbers for an earlier one."""
    try:
        step = timedelta(
            days=as_number(days),
            hours=as_number(hours),
            minutes=as_number(minutes),
            seconds=as_number(seconds),
            weeks=as_number(weeks),
        )
        return (_moment(value, budget) + step).isoformat()
    except OverflowError:
        raise Refused("the date is out of range") from None


@function("seconds_until", _GROUP, "'2026-11-21' | seconds_until('2026-11-22')", "86400", result="number")
def seconds_until(budget: Budget, value: Any, other: Any) -> int | float:
    """Seconds from one time to the other; negative when it is past."""
    seconds = (_moment(other, budget) - _moment(value, budget)).total_seconds()
    return int(seconds) if seconds.is_integer() else seconds


@function("days_until", _GROUP, "'2026-11-21' | days_until('2026-12-24')", "33", result="number")
def days_until(budget: Budget, value: Any, other: Any) -> int:
    """Whole days from one time to the other, rounded towards the first."""
    return int((_moment(other, budget) - _moment(value, budget)).total_seconds() / 86_400)


@function("weekday", _GROUP, "'2026-11-21' | weekday", '"saturday"', result="text")
def weekday(budget: Budget, value: Any, zone: Any = "UTC") -> str:
    """`monday` … `sunday`."""
    where = _zone(as_text(zone, budget))
    return _DAYS[_in_zone(_moment(value, budget, where), where).weekday()].lower()


@function("hour", _GROUP, "run.started_at | hour('Europe/Berlin')", "10", result="number")
def hour(budget: Budget, value: Any, zone: Any = "UTC") -> int:
    """The hour of the day there, 0 to 23."""
    where = _zone(as_text(zone, budget))
    return _in_zone(_moment(value, budget, where), where).hour
