"""Which way is taken."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.sdk.nodes import Outcome
from botkit.testing.nodes import NodeBench
from botkit.workflows.expressions import ExpressionError
from botkit.workflows.nodes.logic import Logic

VARIABLES: dict[str, Any] = {
    "order": {"total": 612.5, "status": "sent", "note": None, "tags": ["vip"], "count": "12"},
    "text": "Where is my order?",
}


async def taken(data: dict[str, Any]) -> str:
    outcome = await NodeBench(Logic, data, variables=VARIABLES).run()
    assert isinstance(outcome, Outcome)
    assert outcome.output == {"taken": outcome.handle}
    return outcome.handle


@pytest.mark.parametrize(
    ("condition", "handle"),
    [("order.total > 500", "true"), ("order.total > 5000", "false"), ("{{ order.status == 'sent' }}", "true")],
)
async def test_an_expression_decides(condition: str, handle: str) -> None:
    assert await taken({"condition": condition}) == handle


def check(variable: str, op: str, value: Any = None) -> dict[str, Any]:
    return {"variable": variable, "op": op, "value": value}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (check("order.status", "eq", "sent"), True),
        (check("order.status", "ne", "sent"), False),
        (check("order.total", "gt", 500), True),
        (check("order.total", "gt", "500"), True),
        (check("order.count", "gte", 12), True),
        (check("order.count", "eq", 12), True),
        (check("order.count", "lt", 12), False),
        (check("order.total", "lte", 612.5), True),
        (check("text", "contains", "ORDER"), True),
        (check("order.tags", "contains", "vip"), True),
        (check("text", "not_contains", "refund"), True),
        (check("text", "starts_with", "Where"), True),
        (check("text", "ends_with", "order?"), True),
        (check("text", "matches", r"^Where\b"), True),
        (check("order.status", "in", ["sent", "done"]), True),
        (check("order.status", "not_in", ["sent", "done"]), False),
        (check("order.status", "exists"), True),
        (check("order.note", "exists"), False),
        (check("order.coupon", "exists"), False),
        (check("nobody.there", "not_exists"), True),
        (check("order.coupon", "empty"), True),
        (check("order.tags", "not_empty"), True),
        ({"left": "{{ order.total * 2 }}", "op": "gt", "value": "{{ order.total }}"}, True),
        ({"when": "order.total > 1"}, True),
        ({"all": [check("order.total", "gt", 1), check("order.status", "eq", "sent")]}, True),
        ({"all": [check("order.total", "gt", 1), check("order.status", "eq", "done")]}, False),
        ({"any": [check("order.total", "lt", 1), check("order.status", "eq", "sent")]}, True),
        ({"not": check("order.status", "eq", "sent")}, False),
        ({"any": [{"not": {"all": [check("text", "empty")]}}]}, True),
        ({"all": []}, True),
        ({"any": []}, False),
    ],
)
async def test_a_condition_in_parts_decides(condition: dict[str, Any], holds: bool) -> None:
    assert await taken({"if": condition}) == ("true" if holds else "false")


@pytest.mark.parametrize("condition", [check("order.coupon", "eq", 1), check("text", "gt", 5), check("order", "lt", 5)])
async def test_what_cannot_be_compared_is_an_error(condition: dict[str, Any]) -> None:
    with pytest.raises(ExpressionError):
        await taken({"if": condition})


@pytest.mark.parametrize(
    ("value", "handle"),
    [("sent", "away"), ("open", "here"), ("paid", "here"), ("big", "large"), ("else", "default"), (7, "number")],
)
async def test_the_first_case_that_fits_is_taken(value: Any, handle: str) -> None:
    cases = [
        {"name": "away", "equals": "sent"},
        {"name": "here", "one_of": ["open", "paid", "sent"]},
        {"name": "large", "when": "value == 'big' and order.total > 500"},
        {"name": "number", "check": {"left": value, "op": "eq", "value": 7}},
    ]

    assert await taken({"value": value, "cases": cases}) == handle
    assert set(Logic.handles_of({"cases": cases})) == {"away", "here", "large", "number", "default"}


async def test_a_case_may_be_an_expression_in_braces() -> None:
    assert await taken({"cases": [{"name": "large", "when": "{{ order.total > 500 }}"}]}) == "large"


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "condition"),
        ({"condition": "a", "cases": [{"name": "a", "when": "b"}]}, "condition"),
        ({"cases": [{"name": "a", "when": "b"}, {"name": "a", "when": "c"}]}, "cases.1.name"),
        ({"cases": [{"name": "default", "when": "b"}]}, "cases.0.name"),
        ({"cases": [{"name": "a"}]}, "cases.0"),
        ({"cases": [{"name": "a", "when": "x", "equals": 1}]}, "cases.0"),
        ({"if": {"any": [{"variable": "a", "op": "matches", "value": "("}]}}, "if.any.0.value"),
    ],
)
def test_mistakes_are_found_before_anything_runs(data: dict[str, Any], field: str) -> None:
    assert Logic.check(data)[0][0] == field
