"""Filters that work on lists and objects."""

from __future__ import annotations

__all__: list[str] = []

from collections.abc import Mapping
from datetime import date
from typing import Any, cast

from botkit.workflows.expressions.budget import Budget
from botkit.workflows.expressions.errors import Refused
from botkit.workflows.expressions.filters.arguments import as_items, as_object, as_text, as_whole, pick
from botkit.workflows.expressions.functions import function
from botkit.workflows.expressions.values import json_of, kind_of, same, text_of, truth

_GROUP = "Lists and objects"
_ORDER = ("null", "boolean", "number", "date", "text")


@function("length", _GROUP, "order.items | length", "2", result="number")
def length(budget: Budget, value: Any) -> int:
    """How many items, fields or characters there are."""
    if not isinstance(value, str | list | tuple | Mapping):
        raise Refused(f"{kind_of(value)} has no length")
    return len(cast("list[Any]", value))


@function("count", _GROUP, "order.items | count('heavy', true)", "1", result="number")
def count(budget: Budget, value: Any, field: Any = None, equal: Any = None) -> int:
    """How many items there are: with `field` those where it is true, with `equal` those where it equals that."""
    items = as_items(value, budget)
    if field is None and equal is None:
        return len(items)
    return len(where(budget, items, field, equal))


@function("first", _GROUP, "order.items | first", '{"name": "Shoes", "price": 600, "heavy": true}')
def first(budget: Budget, value: Any) -> Any:
    """The first item of a list, or the first character; null when there is none."""
    many = _sequence(value)
    return many[0] if many else None


@function("last", _GROUP, "[1, 2, 3] | last", "3")
def last(budget: Budget, value: Any) -> Any:
    """The last item of a list, or the last character; null when there is none."""
    many = _sequence(value)
    return many[-1] if many else None


@function("slice", _GROUP, "[1, 2, 3, 4] | slice(1, 3)", "[2, 3]")
def slice_(budget: Budget, value: Any, start: Any, stop: Any = None) -> Any:
    """Items or characters from `start` (0 is the first) up to, not including, `stop`. Negative counts from the end."""
    many = _sequence(value)
    begin = as_whole(start, -(2**31), 2**31)
    end = len(many) if stop is None else as_whole(stop, -(2**31), 2**31)
    if isinstance(many, str):
        budget.text(len(many))
        return many[begin:end]
    budget.items(len(many))
    return list(many[begin:end])


def _sequence(value: Any) -> Any:
    if not isinstance(value, str | list | tuple):
        raise Refused(f"this needs a list or text, not {kind_of(value)}")
    return cast("Any", value)


@function("join", _GROUP, "['a', 'b'] | join(', ')", '"a, b"', result="text")
def join(budget: Budget, value: Any, separator: Any = "", field: Any = None) -> str:
    """The items as one text; with `field` that field of each."""
    between = as_text(separator, budget)
    texts: list[str] = []
    size = 0
    for item in as_items(value, budget):
        texts.append(text_of(pick(item, field, budget), budget))
        size += len(texts[-1]) + len(between)
        budget.text(size) if size > 1_000_000 else budget.spend()
    budget.text(size)
    return between.join(texts)


@function("map", _GROUP, "order.items | map('name')", '["Shoes", "Socks"]', result="list")
def map_(budget: Budget, value: Any, field: Any) -> list[Any]:
    """One field of each item, such as `'customer.name'`; null where it is missing."""
    return [pick(item, field, budget) for item in as_items(value, budget)]


@function("where", _GROUP, "order.items | where('heavy') | map('name')", '["Shoes"]', result="list")
def where(budget: Budget, value: Any, field: Any, equal: Any = None) -> list[Any]:
    """The items whose field is true or, with `equal`, equals that. `field` null is the item itself."""
    return [item for item in as_items(value, budget) if _fits(pick(item, field, budget), equal, budget)]


@function("without", _GROUP, "order.items | without('heavy') | map('name')", '["Socks"]', result="list")
def without(budget: Budget, value: Any, field: Any, equal: Any = None) -> list[Any]:
    """The items that `where` leaves out."""
    return [item for item in as_items(value, budget) if not _fits(pick(item, field, budget), equal, budget)]


def _fits(found: Any, equal: Any, budget: Budget) -> bool:
    return truth(found) if equal is None else same(found, equal, budget)


@function("sort", _GROUP, "order.items | sort('price') | map('name')", '["Socks", "Shoes"]', result="list")
def sort(budget: Budget, value: Any, field: Any = None, reverse: Any = False) -> list[Any]:
    """In order, by a field if one is named; small first unless `reverse`. Items without it come first."""
    items = as_items(value, budget)
    keyed = [(_rank(pick(item, field, budget), budget), item) for item in items]
    budget.spend(len(items) * len(items).bit_length() // 8)
    return [item for _, item in sorted(keyed, key=lambda pair: pair[0], reverse=truth(reverse))]


def _rank(key: Any, budget: Budget) -> tuple[int, Any]:
    kind = kind_of(key)
    if kind not in _ORDER:
        raise Refused("lists and objects have no order", "name a field, as in `| sort('price')`")
    if isinstance(key, str):
        budget.read(key)
    return _ORDER.index(kind), 0 if key is None else key.isoformat() if isinstance(key, date) else key


@function("reverse", _GROUP, "[1, 2, 3] | reverse", "[3, 2, 1]", result="list")
def reverse(budget: Budget, value: Any) -> list[Any]:
    """The other way round."""
    return as_items(value, budget)[::-1]


@function("unique", _GROUP, "[1, 2, 1] | unique", "[1, 2]", result="list")
def unique(budget: Budget, value: Any, field: Any = None) -> list[Any]:
    """Every item once, by a field if one is named; the first stays."""
    seen: set[str] = set()
    kept: list[Any] = []
    for item in as_items(value, budget):
        key = json_of(pick(item, field, budget), budget)
        if key not in seen:
            seen.add(key)
            kept.append(item)
    return kept


@function("group", _GROUP, "order.items | group('heavy') | keys", '["true", "false"]', result="object")
def group(budget: Budget, value: Any, field: Any) -> dict[str, list[Any]]:
    """An object with one list of items for each value of a field."""
    found: dict[str, list[Any]] = {}
    for item in as_items(value, budget):
        found.setdefault(text_of(pick(item, field, budget), budget), []).append(item)
    return found


@function("flatten", _GROUP, "[[1], [2, 3]] | flatten", "[1, 2, 3]", result="list")
def flatten(budget: Budget, value: Any) -> list[Any]:
    """A list of lists as one list; one level deep."""
    flat: list[Any] = []
    for item in as_items(value, budget):
        flat.extend(as_items(item, budget) if isinstance(item, list | tuple) else [item])
        budget.items(0 if len(flat) < 20_000 else len(flat))
    return flat


@function("batch", _GROUP, "[1, 2, 3] | batch(2)", "[[1, 2], [3]]", result="list")
def batch(budget: Budget, value: Any, size: Any) -> list[list[Any]]:
    """Lists of that many items."""
    items, many = as_items(value, budget), as_whole(size, 1, 20_000)
    return [items[start : start + many] for start in range(0, len(items), many)]


@function("keys", _GROUP, "order.customer | keys", '["name", "email"]', result="list")
def keys(budget: Budget, value: Any) -> list[str]:
    """The names of an object's fields."""
    return [str(key) for key in as_object(value, budget)]


@function("values", _GROUP, "{'a': 1, 'b': 2} | values", "[1, 2]", result="list")
def values(budget: Budget, value: Any) -> list[Any]:
    """The values of an object's fields."""
    return list(as_object(value, budget).values())


@function("items", _GROUP, "{'a': 1} | items", '[["a", 1]]', result="list")
def items(budget: Budget, value: Any) -> list[list[Any]]:
    """The fields of an object as pairs, for `{% for name, value in order | items %}`."""
    return [[key, inner] for key, inner in as_object(value, budget).items()]


@function("merge", _GROUP, "{'a': 1} | merge({'b': 2})", '{"a": 1, "b": 2}', result="object")
def merge(budget: Budget, value: Any, other: Any) -> dict[str, Any]:
    """Both objects as one; the other's fields win."""
    ours, theirs = as_object(value, budget), as_object(other, budget)
    budget.items(len(ours) + len(theirs))
    return {**ours, **theirs}


@function("only", _GROUP, "order.customer | only(['name'])", '{"name": "Ada"}', result="object")
def only(budget: Budget, value: Any, names: Any) -> dict[str, Any]:
    """An object with just those of its fields."""
    wanted = as_items(names, budget)
    held = as_object(value, budget)
    return {name: held[name] for name in wanted if isinstance(name, str) and name in held}


@function("append", _GROUP, "[1] | append(2)", "[1, 2]", result="list")
def append(budget: Budget, value: Any, item: Any) -> list[Any]:
    """A new list with the item at its end."""
    return [*as_items(value, budget), item]


@function("range", _GROUP, "range(3)", "[0, 1, 2]", result="list")
def range_(budget: Budget, start: Any, stop: Any = None) -> list[int]:
    """Whole numbers from 0 up to, not including, a number; or from the first to the second."""
    begin, end = (0, start) if stop is None else (start, stop)
    low, high = as_whole(begin, -(2**31), 2**31), as_whole(end, -(2**31), 2**31)
    budget.items(max(0, high - low))
    return list(range(low, high))
