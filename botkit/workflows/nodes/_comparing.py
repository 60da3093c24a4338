"""Conditions for people who do not write expressions, and for graphs from elsewhere: a value, an operator, a value."""

from __future__ import annotations

__all__ = ["Check", "holds"]

from typing import Annotated, Any, Literal

from pydantic import Field

from botkit.sdk.nodes import EXPRESSION, Expression, NodeContext
from botkit.workflows.expressions import evaluate
from botkit.workflows.nodes._parts import NodePart

Operator = Literal[
    "eq",
    "ne",
    "gt",
    "gte",
    "lt",
    "lte",
    "contains",
    "not_contains",
    "starts_with",
    "ends_with",
    "matches",
    "in",
    "not_in",
    "exists",
    "not_exists",
    "empty",
    "not_empty",
]
_ORDER = {"gt": "l > r", "gte": "l >= r", "lt": "l < r", "lte": "l <= r"}
_FORMS = {
    "eq": "l == r",
    "ne": "l != r",
    "contains": "l | contains(r)",
    "not_contains": "not (l | contains(r))",
    "starts_with": "l | text | startswith(r | text)",
    "ends_with": "l | text | endswith(r | text)",
    "matches": "l | text | matches(r)",
    "in": "l in r",
    "not_in": "l not in r",
    "exists": "l is not null",
    "not_exists": "l is null",
    "empty": "l is empty",
    "not_empty": "l is not empty",
    **_ORDER,
}
_ABOUT_NAMES = ("exists", "not_exists", "empty", "not_empty")


class Check(NodePart):
    """One condition, or several joined.

    {"variable": "order.total", "op": "gt", "value": 500}
    {"all": [ … ]}   {"any": [ … ]}   {"not": { … }}
    """

    variable: Expression = ""
    """What is looked at: the name of a variable or a field of it, without braces."""
    left: Any = None
    """In place of `variable`: a value, such as `{{ order.total }}`."""
    op: Operator = Field(default="eq")
    """How they are compared."""
    value: Any = None
    """What it is compared with."""
    all: list[Check] | None = None
    """Every one of these holds."""
    any: list[Check] | None = None
    """At least one of these holds."""
    not_: Check | None = Field(default=None, alias="not")
    """This one does not hold."""
    when: Annotated[bool | str, EXPRESSION] = ""
    """In place of all that: an expression."""


def holds(check: Check, ctx: NodeContext) -> bool:
    """Whether it does.

    Raises:
        ExpressionError: a variable is missing, or the values cannot be compared so.
    """
    if check.all is not None:
        return all(holds(each, ctx) for each in check.all)
    if check.any is not None:
        return any(holds(each, ctx) for each in check.any)
    if check.not_ is not None:
        return not holds(check.not_, ctx)
    if isinstance(check.when, bool):
        return check.when
    if check.when:
        return bool(ctx.evaluate(check.when))
    left = check.left
    if check.variable:
        named = f"({check.variable}) | default(null)" if check.op in _ABOUT_NAMES else check.variable
        left = ctx.evaluate(named)
    left, right = _alike(left, check.value) if check.op in ("eq", "ne", *_ORDER) else (left, check.value)
    return bool(evaluate(_FORMS[check.op], {"l": left, "r": right}))


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    """A number beside a text that is one: what a person typed, and what a field of a form holds."""
    for value, other in ((left, right), (right, left)):
        if isinstance(value, int | float) and not isinstance(value, bool) and isinstance(other, str):
            number = evaluate("t | number(null) if t | is_number else null", {"t": other})
            if number is not None:
                return (left, number) if other is right else (number, right)
    return left, right
