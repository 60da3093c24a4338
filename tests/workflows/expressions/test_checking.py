"""Mistakes that are found before anything runs."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.workflows.expressions import check_expression, check_template

KNOWN: dict[str, Any] = {
    "order": {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "total": {"type": "number"},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "status": {"type": "string", "enum": ["sent", "done"]},
            "items": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
            "extra": {"type": "object", "properties": {"a": {}}, "additionalProperties": True},
        },
    },
    "webhook": None,
    "n": {"type": "integer"},
}


@pytest.mark.parametrize(
    "text",
    [
        "order.total > 5 and order.id == 'A'",
        "order.note == null or order.note == 'x' or order.note == 'y'",
        "order.coupon | default('x')",
        "exists(order.coupon.code) and order.coupon is not defined and empty(nothing)",
        "order.extra.whatever and webhook.any.thing[0].at_all",
        "order.status in ['sent'] and order.status == 'sent'",
        "order.items[0].name | upper == 'SHOES'",
        "order.items.0.name",
        "(order.items | first).name | default('')",
        "order.items | map('name') | join(', ')",
        "(webhook.x or 5) > 3",
        "n / 2 > 1 and n + 1 < 3",
        "{{ order.total }}",
        "null == order.note",
    ],
)
def test_nothing_is_wrong_with_this(text: str) -> None:
    assert check_expression(text, KNOWN) == []


@pytest.mark.parametrize(
    ("text", "position", "says", "hint"),
    [
        ("ordr.total", 0, "no variable `ordr`", "`order`"),
        ("1 + order.totl", 10, "no field `totl`", "`total`"),
        ("order.items[0].nme", 15, "no field `nme`", "`name`"),
        ("order.items.name", 12, "a list has no field `name`", "[0]"),
        ("order.total.cents", 12, "number has no field", ""),
        ("order.total > '5'", 14, "`>` cannot compare number with text", "| number"),
        ("order.total == 'x'", 15, "never true", ""),
        ("order.id != 5", 12, "always true", ""),
        ("order.status == 'snet'", 16, "`snet` is none of its values", "`sent`"),
        ("(order.id | length) == 'x'", 23, "never true", ""),
        ("'x' in n", 7, "number holds nothing", ""),
        ("order.id | uper", 11, "no filter `uper`", "`upper`"),
        ("order.id | replace('a')", 11, "used as", ""),
        ("order.total >", 12, "ends too early", ""),
        ("length > 1", 0, "no variable `length`", "value | length"),
        ("max(order.totl, 1)", 10, "no field `totl`", ""),
        ("order.id | shorten(length=ordr)", 26, "no variable `ordr`", ""),
    ],
)
def test_this_is_wrong_here(text: str, position: int, says: str, hint: str) -> None:
    problems = check_expression(text, KNOWN)

    assert [problem.position for problem in problems] == [position]
    assert says in problems[0].message
    assert hint in problems[0].hint


def test_every_mistake_is_found_in_the_order_of_its_place() -> None:
    problems = check_template(
        "{{ a }} {% if order.b %}{% for i in order.items %}{{ i.c }}{{ i.name }}{% endfor %}{% endif %} {{ i }}", KNOWN
    )

    assert [problem.message for problem in problems] == [
        "there is no variable `a`",
        "there is no field `b` here",
        "there is no field `c` here",
        "there is no variable `i`",
    ]
    assert [problem.position for problem in problems] == sorted(problem.position for problem in problems)


def test_a_template_without_braces_has_no_mistakes() -> None:
    assert check_template("just text", {}) == []
    assert check_template("{{ x }", {})[0].message
