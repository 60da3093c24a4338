"""Options and arguments that several commands share."""

from __future__ import annotations

__all__ = ["PERIOD", "SECONDS", "ask_yes", "limit_option", "words"]

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Period(click.ParamType[float]):
    """A length of time: `90m`, `24h`, `7d`, `4w`. Converted to seconds."""

    name = "period"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no period: write 30m, 24h, 7d or 4w", param, ctx)
        return float(match[1]) * _UNITS_S[match[2]]


PERIOD = Period()


class Seconds(Period):
    """A length of time as a plain number of seconds, or as a period."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = float(value) if str(value).strip().isdecimal() else super().convert(value, param, ctx)
        if seconds <= 0:
            self.fail("a time is more than nothing", param, ctx)
        return seconds


SECONDS = Seconds()


def words(values: tuple[str, ...]) -> tuple[str, ...]:
    """What a repeated option was given, also as lists with commas: `a,b` and `c` → `a`, `b`, `c`."""
    return tuple(word for value in values for part in value.split(",") if (word := part.strip()))


def limit_option(default: int = 50) -> Callable[[F], F]:
    """`--limit N`."""
    return click.option("--limit", type=click.IntRange(1, 100_000), default=default, show_default=True, help="Rows.")


def ask_yes(question: str, *, yes: bool) -> None:
    """Go on only with a yes: from `--yes`, or typed on a terminal. Raises `click.UsageError` otherwise."""
    import sys

    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("this cannot be undone: say --yes")
    if not click.confirm(question, err=True):
        raise click.Abort
