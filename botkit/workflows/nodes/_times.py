"""Times as people write them: `2h 30m`, `2026-12-24T18:00`, `09:00` on weekdays, in a time zone."""

from __future__ import annotations

__all__ = ["WEEKDAYS", "duration_s", "moment", "next_occurrence", "zone_of"]

import re
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from botkit.sdk.nodes import NodeFailed

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_PIECE = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*(s|m|h|d|w)[a-z]*\s*", re.IGNORECASE)
_ZONE = re.compile(r"[A-Za-z0-9_+/-]{1,64}")
_WEEK = 7


def _invalid(message: str) -> NodeFailed:
    return NodeFailed(message, code="invalid_time")


def duration_s(text: str) -> float:
    """Seconds of `90`, `90s`, `15m`, `2h 30m`, `3 days` or `1w`. Raises `NodeFailed`."""
    words = text.strip()
    if re.fullmatch(r"\d{1,12}(\.\d{1,6})?", words):
        return float(words)
    total, here = 0.0, 0
    while words and here < len(words):
        piece = _PIECE.match(words, here)
        if piece is None:
            break
        total += float(piece[1]) * _UNITS[piece[2].lower()]
        here = piece.end()
    if not words or here < len(words):
        raise _invalid("a duration is written like `90s`, `15m`, `2h 30m` or `3d`")
    return total


def zone_of(name: str) -> tzinfo:
    """A time zone by its name. Raises `NodeFailed`."""
    if _ZONE.fullmatch(name):
        try:
            return ZoneInfo(name)
        except (OSError, ValueError, LookupError):
            pass
    raise _invalid(f"there is no time zone `{name[:64]}`; use a name such as `Europe/Berlin`")


def moment(text: str, zone: tzinfo) -> datetime:
    """An ISO 8601 date or time, in UTC; what names no zone is in `zone`, a day its midnight. Raises `NodeFailed`."""
    try:
        found = datetime.fromisoformat(text.strip()[:64])
        return (found if found.tzinfo is not None else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _invalid("a time is written in ISO 8601, such as `2026-12-24T18:00`") from None


def next_occurrence(now: datetime, at: str, weekdays: Sequence[str], zone: tzinfo) -> datetime:
    """When the clock there shows `at` (`09:00`) next, on one of these weekdays (any when empty), in UTC.

    An hour that the change to summer time leaves out comes an hour later; one that comes twice counts once, its
    first time.
    """
    try:
        clock = time.fromisoformat(at.strip())
    except ValueError:
        raise _invalid("a time of day is written like `09:00`") from None
    wanted = {_weekday(name) for name in weekdays}
    here = now.astimezone(zone)
    for ahead in range(_WEEK + 1):
        day = here.date() + timedelta(days=ahead)
        then = datetime.combine(day, clock.replace(tzinfo=None), tzinfo=zone).astimezone(UTC)
        if then > now and (not wanted or day.weekday() in wanted):
            return then
    raise _invalid("there is no such time")


def _weekday(name: str) -> int:
    found = [index for index, each in enumerate(WEEKDAYS) if len(name) >= 2 and each.startswith(name.strip().lower())]
    if len(found) != 1:
        raise _invalid(f"`{name[:20]}` is no weekday; write `monday` … `sunday`, or `mon`")
    return found[0]
