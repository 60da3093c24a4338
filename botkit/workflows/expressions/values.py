"""What values are in the language: JSON, and dates. Their names, their truth, their text, their order."""

from __future__ import annotations

__all__ = ["Missing", "finite", "kind_of", "like_json", "same", "text_of", "truth", "usable"]

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, cast

import msgspec

from botkit.workflows.expressions.budget import NUMBER_LIMIT, Budget
from botkit.workflows.expressions.errors import Refused


class Missing:
    """Stands for a name or field that is not there, until somebody asks for its value."""

    __slots__ = ("place", "reason", "suggestion")

    def __init__(self, reason: str, suggestion: str = ""):
        self.reason = reason
        self.suggestion = suggestion
        self.place = -1
        """Characters before it in the text."""


def kind_of(value: object) -> str:
    """The word for a value's type: `text`, `number`, `boolean`, `null`, `list`, `object`, `date`."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return "object"
    if isinstance(value, list | tuple):
        return "list"
    if isinstance(value, date):
        return "date"
    return f"`{type(value).__name__}`"


def usable(value: object) -> bool:
    """Whether expressions know what to do with it."""
    return value is None or isinstance(value, str | int | float | Mapping | list | tuple | date)


def like_json(value: Any) -> Any:
    """Dates as ISO 8601, tuples as lists; everything else as it is."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(cast("tuple[Any, ...]", value))
    return value


def finite(value: Any) -> Any:
    """A number that JSON can hold. Raises `Refused`."""
    if isinstance(value, int) and not -NUMBER_LIMIT <= value < NUMBER_LIMIT:
        raise Refused("the number is too large")
    if isinstance(value, float) and not math.isfinite(value):
        raise Refused("the result is not a number")
    return value


def truth(value: Any) -> bool:
    """False for false, null, 0, empty text, empty lists and empty objects."""
    return bool(value)


def text_of(value: Any, budget: Budget) -> str:
    """As it stands in a message: nothing for null, `true`, `12` for 12.0, JSON for lists and objects."""
    if isinstance(value, str):
        budget.text(len(value))
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, int):
        finite(value)
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    return json_of(value, budget)


def json_of(value: Any, budget: Budget, *, indent: int = 0) -> str:
    """JSON text. Raises `Refused` when a part of it has no JSON form."""
    weigh(value, budget)
    try:
        raw = msgspec.json.encode(value)
        if indent:
            raw = msgspec.json.format(raw, indent=indent)
        words = raw.decode()
    except (TypeError, ValueError, RecursionError, OverflowError):
        raise Refused("this cannot be written as JSON") from None
    budget.text(len(words))
    return words


def weigh(value: Any, budget: Budget) -> None:
    """Pay for going through a whole value. Raises `Refused` when it is too large."""
    todo: list[Any] = [value]
    while todo:
        here = todo.pop()
        if isinstance(here, str):
            budget.read(here)
            continue
        budget.spend()
        if isinstance(here, Mapping):
            held = cast("Mapping[Any, Any]", here)
            budget.spend(len(held))
            todo.extend(held.keys())
            todo.extend(held.values())
        elif isinstance(here, list | tuple):
            many = cast("Sequence[Any]", here)
            budget.spend(len(many))
            todo.extend(many)


def same(left: Any, right: Any, budget: Budget) -> bool:
    """Equal as JSON values: 1 is not true and not "1"; an object equals one with the same fields."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, str) and isinstance(right, str):
        return budget.read(left) == right
    if kind_of(left) != kind_of(right):
        return _dated(left, right)
    if isinstance(left, Mapping):
        ours, theirs = cast("Mapping[Any, Any]", left), cast("Mapping[Any, Any]", right)
        budget.spend(1 + len(ours))
        return len(ours) == len(theirs) and all(
            key in theirs and same(value, theirs[key], budget) for key, value in ours.items()
        )
    if isinstance(left, list | tuple):
        our_items, their_items = cast("Sequence[Any]", left), cast("Sequence[Any]", right)
        budget.spend(1 + len(our_items))
        return len(our_items) == len(their_items) and all(
            same(a, b, budget) for a, b in zip(our_items, their_items, strict=True)
        )
    return bool(left == right)


def _dated(left: Any, right: Any) -> bool:
    """A date equals its ISO 8601 text, because that is what it becomes when it is stored."""
    for value, other in ((left, right), (right, left)):
        if isinstance(value, datetime | date) and isinstance(other, str):
            return value.isoformat() == other
    return False
