"""Is it there, is it empty, what kind is it: filters for conditions."""

from __future__ import annotations

__all__: list[str] = []

from typing import Any

from botkit.workflows.expressions.budget import Budget
from botkit.workflows.expressions.errors import Refused
from botkit.workflows.expressions.filters.arguments import as_items, as_text, pick
from botkit.workflows.expressions.functions import function
from botkit.workflows.expressions.operations import is_in as contained
from botkit.workflows.expressions.values import Missing, kind_of, same, truth

_GROUP = "Conditions"


@function("default", _GROUP, "user.nickname | default('friend')", '"friend"', lenient=True)
def default(budget: Budget, value: Any, fallback: Any = "", empty: Any = False) -> Any:
    """The value, or the fallback where it is missing or null; with `empty=true` also where it is empty."""
    if isinstance(value, Missing) or value is None or (truth(empty) and value != 0 and not truth(value)):
        return fallback
    return value


@function("exists", _GROUP, "exists(order.customer.email)", "true", result="boolean", lenient=True)
def exists(budget: Budget, value: Any) -> bool:
    """Whether it is there and not null."""
    return not isinstance(value, Missing) and value is not None


@function("defined", _GROUP, "order.coupon is defined", "false", result="boolean", lenient=True)
def defined(budget: Budget, value: Any) -> bool:
    """Whether it is there, even as null."""
    return not isinstance(value, Missing)


@function("undefined", _GROUP, "order.coupon is undefined", "true", result="boolean", lenient=True)
def undefined(budget: Budget, value: Any) -> bool:
    """The opposite of `defined`."""
    return isinstance(value, Missing)


@function("empty", _GROUP, "message.attachments is empty", "true", result="boolean", lenient=True)
def empty(budget: Budget, value: Any) -> bool:
    """Whether it is missing, null, or a text, list or object without content. Numbers and booleans never are."""
    if isinstance(value, Missing) or value is None:
        return True
    if isinstance(value, str):
        return not budget.read(value).strip()
    return kind_of(value) in {"list", "object"} and not value


@function("contains", _GROUP, "message.text | contains('refund')", "true", result="boolean")
def contains(budget: Budget, value: Any, part: Any) -> bool:
    """Whether a text has the part in it (upper and lower case count as the same), a list the item, an object the
    field. `'a' in text` is exact."""
    if isinstance(value, str):
        return as_text(part, budget).casefold() in budget.read(value).casefold()
    return contained(part, value, budget)


@function("is_in", _GROUP, "order.status | is_in(['sent', 'done'])", "true", result="boolean")
def is_in(budget: Budget, value: Any, held: Any) -> bool:
    """Whether a list, text or object holds the value; the same as `value in held`."""
    return contained(value, held, budget)


@function("startswith", _GROUP, "message.text | startswith('I want')", "true", result="boolean")
def startswith(budget: Budget, value: Any, start: Any) -> bool:
    """Whether a text begins so."""
    return as_text(value, budget).startswith(as_text(start, budget))


@function("endswith", _GROUP, "message.text | endswith('!')", "false", result="boolean")
def endswith(budget: Budget, value: Any, end: Any) -> bool:
    """Whether a text ends so."""
    return as_text(value, budget).endswith(as_text(end, budget))


@function("any", _GROUP, "order.items | any('heavy')", "true", result="boolean")
def any_(budget: Budget, value: Any, field: Any = None) -> bool:
    """Whether at least one item of a list is true, or has a field that is."""
    return any(truth(pick(item, field, budget)) for item in as_items(value, budget))


@function("all", _GROUP, "order.items | all('heavy')", "false", result="boolean")
def all_(budget: Budget, value: Any, field: Any = None) -> bool:
    """Whether every item of a list is true, or has a field that is."""
    return all(truth(pick(item, field, budget)) for item in as_items(value, budget))


@function("equals", _GROUP, "order | equals(order)", "true", result="boolean")
def equals(budget: Budget, value: Any, other: Any) -> bool:
    """The same as `==`."""
    return same(value, other, budget)


def _kind_test(name: str, example: str, gives: str, words: tuple[str, ...], about: str) -> None:
    def test(budget: Budget, value: Any) -> bool:
        return kind_of(value) in words

    test.__doc__ = about
    function(name, _GROUP, example, gives, result="boolean")(test)


_kind_test("string", "order.id is string", "true", ("text",), "Whether it is text.")
_kind_test("boolean", "order.paid is boolean", "true", ("boolean",), "Whether it is true or false.")
_kind_test("list", "order.items is list", "true", ("list",), "Whether it is a list.")
_kind_test("is_object", "order is mapping", "true", ("object",), "Whether it is an object; as a test, `is mapping`.")
_kind_test("null", "order.note is null", "true", ("null",), "Whether it is null.")


@function("is_true", _GROUP, "order.paid is true", "true", result="boolean")
def is_true(budget: Budget, value: Any) -> bool:
    """Whether it is exactly true; as a test, `is true`."""
    return value is True


@function("is_false", _GROUP, "order.paid is false", "false", result="boolean")
def is_false(budget: Budget, value: Any) -> bool:
    """Whether it is exactly false; as a test, `is false`."""
    return value is False


@function("kind", _GROUP, "order.total | kind", '"number"', result="text")
def kind(budget: Budget, value: Any) -> str:
    """`text`, `number`, `boolean`, `null`, `list`, `object` or `date`."""
    return kind_of(value)


@function("boolean_of", _GROUP, "'yes' | boolean_of", "true", result="boolean")
def boolean_of(budget: Budget, value: Any) -> bool:
    """Text such as `yes`, `no`, `true`, `off` as true or false; a number is true unless it is 0."""
    if not isinstance(value, str):
        return truth(value)
    word = as_text(value, budget).strip().lower()
    if word in {"true", "yes", "y", "on", "1"}:
        return True
    if word in {"false", "no", "n", "off", "0", ""}:
        return False
    raise Refused("this text is neither yes nor no", "compare it with the words you expect")
