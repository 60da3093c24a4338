"""Dates and times as people write them in English."""

from __future__ import annotations

__all__ = ["Moment", "find_moments"]

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "ten": 10}
_UNITS = {"day": 1, "week": 7, "month": 30, "year": 365}

_MONTH = r"(?P<month{0}>jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
_WHEN = re.compile(
    r"\b(?:"
    r"(?P<iso>\d{4}-\d{2}-\d{2})(?:[T ](?P<iso_time>\d{2}:\d{2})(?::\d{2})?(?:Z|[+-]\d{2}:?\d{2})?)?"
    r"|(?P<dotted>\d{1,2}\.\d{1,2}\.\d{4})"
    r"|(?P<day1>\d{1,2})(?:st|nd|rd|th)?(?:\s+of)?\s+" + _MONTH.format(1) + r"(?:,?\s+(?P<year1>\d{4}))?"
    r"|" + _MONTH.format(2) + r"\s+(?P<day2>\d{1,2})(?:st|nd|rd|th)?(?:,?\s+(?P<year2>\d{4}))?"
    r"|(?P<near>today|tonight|tomorrow|yesterday|the day after tomorrow)"
    r"|in\s+(?P<count>\d+|a|an|one|two|three|four|five|six|seven|ten)\s+(?P<unit>day|week|month|year)s?"
    r"|(?:(?P<which>next|this|on|by|until|last)\s+)?(?P<weekday>(?:mon|tues?|wednes|thurs?|fri|satur|sun)day)"
    r"|(?P<relative>next|this|last)\s+(?P<span>week|month|year)"
    r")\b",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    r"\b(?:at\s+)?(?:(?P<hour12>\d{1,2})(?::(?P<minute12>\d{2}))?\s*(?P<half>am|pm)|(?P<hour>\d{1,2}):(?P<minute>\d{2})"
    r"|at\s+(?P<bare>\d{1,2})(?:\s+o'?clock)?|(?P<noon>noon|midnight))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A date, a time of day, or both, and where the text says so."""

    start: int
    end: int
    day: date
    at: time | None = None

    @property
    def iso_date(self) -> str:
        return self.day.isoformat()

    def iso_datetime(self, offset: str = "") -> str:
        """`2026-11-21T15:00:00+09:00`; midnight when no time of day was given."""
        return datetime.combine(self.day, self.at or time()).isoformat() + (offset or "Z")


def find_moments(text: str, today: date) -> list[Moment]:
    """All dates in the text, in order, each with the time of day that stands beside it.

    A weekday is the next such day (`last friday` the one before); `next week` is Monday of next week. A time
    without a date is today's.
    """
    found: list[Moment] = []
    clocks = [(match, clock) for match in _CLOCK.finditer(text) if (clock := _clock(match)) is not None]
    for match in _WHEN.finditer(text):
        day = _day(match, today)
        if day is None:
            continue
        start, end, at = match.start(), match.end(), None
        if match["iso_time"]:
            at = time.fromisoformat(match["iso_time"])
        for clock_match, clock in clocks:
            beside = min(abs(clock_match.start() - end), abs(start - clock_match.end())) <= 4
            if at is None and beside:
                at, start, end = clock, min(start, clock_match.start()), max(end, clock_match.end())
        found.append(Moment(start, end, day, at))
    if not found and clocks:
        match, clock = clocks[0]
        found.append(Moment(match.start(), match.end(), today, clock))
    return found


def _day(match: re.Match[str], today: date) -> date | None:
    try:
        if match["iso"]:
            return date.fromisoformat(match["iso"])
        if match["dotted"]:
            day, month, year = match["dotted"].split(".")
            return date(int(year), int(month), int(day))
        for number in ("1", "2"):
            if match[f"month{number}"]:
                return _in_month(match[f"day{number}"], match[f"month{number}"], match[f"year{number}"], today)
    except ValueError:
        return None
    if match["near"]:
        steps = {"yesterday": -1, "tomorrow": 1, "the day after tomorrow": 2}
        return today + timedelta(days=steps.get(match["near"].lower(), 0))
    if match["count"]:
        count = _NUMBERS.get(match["count"].lower()) or int(match["count"])
        return today + timedelta(days=min(count, 5000) * _UNITS[match["unit"].lower()])
    if match["weekday"]:
        ahead = (_DAYS.index(match["weekday"][:3].lower()) - today.weekday()) % 7
        if (match["which"] or "").lower() == "last":
            return today - timedelta(days=7 - ahead if ahead else 7)
        return today + timedelta(days=ahead or 7)
    return _relative(match["relative"].lower(), match["span"].lower(), today)


def _in_month(day: str, month: str, year: str | None, today: date) -> date:
    number = _MONTHS.index(month[:3].lower()) + 1
    if year:
        return date(int(year), number, int(day))
    this_year = date(today.year, number, int(day))
    return this_year if this_year >= today else date(today.year + 1, number, int(day))


def _relative(which: str, span: str, today: date) -> date:
    step = {"last": -1, "this": 0, "next": 1}[which]
    if span == "week":
        monday = today - timedelta(days=today.weekday())
        return monday + timedelta(days=7 * step) if step else monday + timedelta(days=6)
    if span == "month":
        months = today.year * 12 + today.month - 1 + step
        return date(months // 12, months % 12 + 1, 1)
    return date(today.year + step, 1, 1)


def _clock(match: re.Match[str]) -> time | None:
    try:
        if match["noon"]:
            return time(12 if match["noon"].lower() == "noon" else 0)
        if match["half"]:
            hour = int(match["hour12"]) % 12 + (12 if match["half"].lower() == "pm" else 0)
            return time(hour, int(match["minute12"] or 0))
        return time(int(match["hour"] or match["bare"]), int(match["minute"] or 0))
    except ValueError:
        return None
