"""What the operators do. Each checks the kinds of its values, and its cost before it works."""

from __future__ import annotations

__all__ = ["ARITHMETIC", "COMPARISONS", "field_of", "item_of", "negative"]

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, cast

from botkit.workflows.expressions.budget import Budget
from botkit.workflows.expressions.errors import Refused, nearest
from botkit.workflows.expressions.values import Missing, finite, kind_of, same, usable

Operation = Callable[[Any, Any, Budget], Any]


def _numbers(symbol: str, work: Callable[[Any, Any], Any]) -> Operation:
    def run(left: Any, right: Any, budget: Budget) -> Any:
        for value in (left, right):
            if kind_of(value) != "number":
                raise Refused(f"`{symbol}` works on numbers, not on {kind_of(value)}", _number_hint(value))
        try:
            return finite(work(finite(left), finite(right)))
        except ZeroDivisionError:
            raise Refused("this divides by zero") from None
        except OverflowError:
            raise Refused("the number is too large") from None

    return run


def _number_hint(value: Any) -> str:
    return "turn text into a number with `| number`" if isinstance(value, str) else ""


_plus = _numbers("+", operator.add)


def _add(left: Any, right: Any, budget: Budget) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        budget.text(len(left) + len(right))
        return left + right
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        ours, theirs = cast("Sequence[Any]", left), cast("Sequence[Any]", right)
        budget.items(len(ours) + len(theirs))
        return [*ours, *theirs]
    if isinstance(left, str) or isinstance(right, str):
        raise Refused(f"`+` cannot add {_kind(left)} and {_kind(right)}", "join texts with `~`")
    return _plus(left, right, budget)


ARITHMETIC: Mapping[str, Operation] = {
    "add": _add,
    "sub": _numbers("-", operator.sub),
    "mul": _numbers("*", operator.mul),
    "div": _numbers("/", lambda left, right: left / right),
    "floordiv": _numbers("//", lambda left, right: left // right),
    "mod": _numbers("%", operator.mod),
}


def negative(value: Any) -> Any:
    if kind_of(value) != "number":
        raise Refused(f"`-` works on numbers, not on {kind_of(value)}", _number_hint(value))
    return finite(-value)


def _ordered(symbol: str, compare: Callable[[Any, Any], bool]) -> Operation:
    def run(left: Any, right: Any, budget: Budget) -> bool:
        kinds = kind_of(left), kind_of(right)
        if kinds in {("date", "text"), ("text", "date")}:
            left, right, kinds = _as_text(left), _as_text(right), ("text", "text")
        if kinds[0] != kinds[1] or kinds[0] not in {"number", "text", "date"}:
            hint = _number_hint(left if kinds[0] == "text" else right) if "number" in kinds else ""
            raise Refused(f"`{symbol}` cannot compare {kinds[0]} with {kinds[1]}", hint)
        if isinstance(left, str):
            budget.read(left)
        elif kinds[0] == "date":
            left, right = _as_text(left), _as_text(right)
        return compare(left, right)

    return run


def _as_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else value


def is_in(needle: Any, held: Any, budget: Budget) -> bool:
    """Whether a text holds a text, a list an item, or an object a field."""
    if isinstance(held, str):
        if not isinstance(needle, str):
            raise Refused(f"a text cannot hold {kind_of(needle)}", "turn it into text with `| text`")
        return budget.read(needle) in budget.read(held)
    if isinstance(held, Mapping):
        budget.spend()
        return isinstance(needle, str) and needle in held
    if isinstance(held, list | tuple):
        items = cast("Sequence[Any]", held)
        budget.items(len(items))
        return any(same(needle, item, budget) for item in items)
    raise Refused(f"{kind_of(held)} holds nothing that could be looked for")


COMPARISONS: Mapping[str, Operation] = {
    "eq": same,
    "ne": lambda left, right, budget: not same(left, right, budget),
    "lt": _ordered("<", operator.lt),
    "lteq": _ordered("<=", operator.le),
    "gt": _ordered(">", operator.gt),
    "gteq": _ordered(">=", operator.ge),
    "in": is_in,
    "notin": lambda left, right, budget: not is_in(left, right, budget),
}


def field_of(value: Any, name: str, shown: str) -> Any:
    """`value.name`: a field of an object, and never anything that belongs to the programming language.

    Args:
        shown: how the value is written in the text, for the error.
    """
    if isinstance(value, Missing):
        return value
    if isinstance(value, Mapping):
        held = cast("Mapping[str, Any]", value)
        if name not in held:
            return Missing(f"{shown} has no field `{_short(name)}`", nearest(name, map(str, held)))
        return _known(held[name])
    if isinstance(value, list | tuple) and name.isdigit():
        return item_of(cast("Sequence[Any]", value), int(name[:10]), shown)
    kind = _a(_kind(value))
    if name in {"length", "size"} and isinstance(value, str | list | tuple):
        return Missing(f"{shown} is {kind} and has no fields", f"its length is `{shown.strip('`')} | length`")
    return Missing(f"{shown} is {kind} and has no field `{_short(name)}`")


def item_of(value: Any, key: Any, shown: str) -> Any:
    """`value[key]`: a field by a text, an item by its number, from the end when it is negative."""
    if isinstance(value, Missing):
        return value
    if isinstance(key, str):
        return field_of(value, key, shown)
    if isinstance(value, str | list | tuple) and isinstance(key, int) and not isinstance(key, bool):
        many = cast("Sequence[Any]", value)
        if not -len(many) <= key < len(many):
            return Missing(f"{shown} has {len(many)} item{'' if len(many) == 1 else 's'}, and none at {key}")
        return _known(many[key])
    if isinstance(value, Mapping) and isinstance(key, int) and not isinstance(key, bool):
        return field_of(value, str(key), shown)
    raise Refused(f"{shown} is {_a(_kind(value))}: it has nothing at {_a(_kind(key))}")


def _known(value: Any) -> Any:
    if not usable(value):
        raise Refused(f"expressions cannot use values of type {kind_of(value)}")
    return value


def _kind(value: Any) -> str:
    return kind_of(value)


def _a(kind: str) -> str:
    return kind if kind in {"null", "text"} else f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _short(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:59]}…"
