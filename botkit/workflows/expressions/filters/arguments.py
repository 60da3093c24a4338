"""What filters ask of their arguments, with errors that say what to do."""

from __future__ import annotations

__all__ = ["as_items", "as_number", "as_object", "as_text", "as_whole", "pick"]

from collections.abc import Mapping
from typing import Any, cast

from botkit.workflows.expressions.budget import Budget
from botkit.workflows.expressions.errors import Refused
from botkit.workflows.expressions.operations import field_of, item_of
from botkit.workflows.expressions.values import Missing, finite, kind_of


def as_text(value: Any, budget: Budget) -> str:
    if not isinstance(value, str):
        raise Refused(f"this needs text, not {kind_of(value)}", "turn it into text with `| text`")
    return budget.read(value)


def as_number(value: Any) -> int | float:
    if kind_of(value) != "number":
        hint = "turn text into a number with `| number`" if isinstance(value, str) else ""
        raise Refused(f"this needs a number, not {kind_of(value)}", hint)
    return cast("int | float", finite(value))


def as_whole(value: Any, least: int, most: int) -> int:
    number = as_number(value)
    if number != int(number) or not least <= number <= most:
        raise Refused(f"this needs a whole number from {least} to {most}")
    return int(number)


def as_items(value: Any, budget: Budget) -> list[Any]:
    if not isinstance(value, list | tuple):
        hint = "split it first, as in `text | split(',')`" if isinstance(value, str) else ""
        raise Refused(f"this needs a list, not {kind_of(value)}", hint)
    items = cast("list[Any]", value)
    budget.items(len(items))
    return list(items)


def as_object(value: Any, budget: Budget) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Refused(f"this needs an object, not {kind_of(value)}")
    held = cast("Mapping[str, Any]", value)
    budget.items(len(held))
    return held


def pick(item: Any, path: Any, budget: Budget) -> Any:
    """A field of an item by its path, such as `customer.name`; null where it is missing, the item itself for null."""
    if path is None:
        return item
    if isinstance(path, int) and not isinstance(path, bool):
        found = item_of(item, path, "the item")
    else:
        found = item
        for name in as_text(path, budget).split("."):
            budget.spend()
            found = field_of(found, name, "the item")
    return None if isinstance(found, Missing) else found
