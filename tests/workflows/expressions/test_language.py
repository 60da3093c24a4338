"""What expressions mean: values, operators, fields, kinds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from botkit.workflows.expressions import ExpressionError, evaluate, names_used, render, render_data, template_names
from tests.workflows.expressions.samples import VARIABLES


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("order.total > 500", True),
        ("order.total >= 612.5 and order.total <= 612.5", True),
        ("1 < n < 5", True),
        ("order.total == 612.5", True),
        ("order.status != 'sent'", False),
        ("order.status in ['sent', 'done']", True),
        ("'vip' not in user.roles", False),
        ("'refund' in message.text", True),
        ("message.text is contains('REFUND')", True),
        ("message.text | startswith('I want')", True),
        ("message.text | endswith('refund')", True),
        ("order.id | matches('^A-\\d+$')", True),
        ("order.id is matches('^B')", False),
        ("exists(order.customer.email)", True),
        ("exists(order.coupon.code)", False),
        ("exists(order.note)", False),
        ("order.note is defined", True),
        ("order.coupon is not defined", True),
        ("order.note is none", True),
        ("order.note == null", True),
        ("message.attachments is empty", True),
        ("empty(nobody)", True),
        ("not order.paid or order.paid is true", True),
        ("1 == true", False),
        ("1 == '1'", False),
        ("1 == 1.0", True),
        ("[1, {'a': 2}] == [1, {'a': 2.0}]", True),
        ("{'a': 1} == {'a': 1, 'b': 2}", False),
        ("2 + 3 * 4", 14),
        ("7 / 2", 3.5),
        ("7 // 2", 3),
        ("-7 % 3", 2),
        ("'a' + 'b'", "ab"),
        ("[1] + [2]", [1, 2]),
        ("'total: ' ~ order.total ~ ', ' ~ 12.0 ~ ', ' ~ true ~ null", "total: 612.5, 12, true"),
        ("'big' if order.total > 500 else 'small'", "big"),
        ("'big' if order.total > 5000", None),
        ("order.missing or 1 if exists(order.missing) else 2", 2),
        ("user.nickname | default(user.name)", "Ada"),
        ("order.note | default('none')", "none"),
        ("'' | default('x')", ""),
        ("'' | default('x', true)", "x"),
        ("0 | default('x', true)", 0),
        ("default(a.b.c[3].d, 1)", 1),
        ("{'total': order.total, 'first': order.items[0].name}", {"total": 612.5, "first": "Shoes"}),
        ("order.items[-1].name", "Socks"),
        ("order.items.0.name", "Shoes"),
        ("order['items'] | length", 2),
        ("user.name[0]", "A"),
        ("(1, 2)", [1, 2]),
        ("'\\n\\t\\\\\\'\\u00e4'", "\n\t\\'ä"),
        ("'\\d\\w\\.'", "\\d\\w\\."),
        ("{{ order.total > 500 }}", True),
    ],
)
def test_an_expression_has_this_value(text: str, value: Any) -> None:
    found = evaluate(text, VARIABLES)

    assert found == value
    assert type(found) is type(value)


def test_a_field_is_a_field_whatever_python_calls_by_that_name() -> None:
    order = {"items": 1, "keys": 2, "get": 3, "values": 4, "copy": 5, "__class__": 6}

    for name, value in order.items():
        assert evaluate(f"order.{name}", {"order": order}) == value


@pytest.mark.parametrize(
    ("text", "position", "says", "suggests"),
    [
        ("ordr.total", 0, "no variable `ordr`", "`order`"),
        ("order.totl > 1", 6, "`order` has no field `totl`", "`total`"),
        ("1 + order.customer.nam", 19, "`order.customer` has no field `nam`", "`name`"),
        ("order.items[7]", 11, "`order.items` has 2 items, and none at 7", ""),
        ("order.total.cents", 12, "`order.total` is a number and has no field `cents`", ""),
        ("order.note.text", 11, "`order.note` is null", ""),
        ("order.total > '5'", 14, "`>` cannot compare number with text", "| number"),
        ("'5' + 1", 2, "cannot add text and number", "~"),
        ("'a' * 3", 2, "`*` works on numbers, not on text", ""),
        ("2 ** 3", 2, "`**` is not part of the language", ""),
        ("order.items[0:1]", 11, "slices are not part of the language", "slice"),
        ("order.total | mony('EUR')", 14, "no filter `mony`", "`money`"),
        ("order.total | money('EUR', 1, 2, 3, 4)", 14, "`money` is used as `value | money(", ""),
        ("order.id | replace('a')", 11, "`replace` is used as `value | replace(old, new)`", ""),
        ("order.id | upper(nope=1)", 11, "`upper` is used as `value | upper`", ""),
        ("order.customer.name.upper()", 25, "values have no methods", "`order.customer.name | upper`"),
        ("upper", 0, "`upper` is a filter, not a variable", "value | upper"),
        ("'x' | number", 6, "this is not a number", "number(0)"),
        ("1 / 0", 2, "divides by zero", ""),
        ("'abc' | matches('(?=a)')", 8, "look-around", ""),
        ("order.total = 5", 12, "not expected", ""),
        ("order.total >", 13, "ends too early", ""),
        ("", 0, "empty", ""),
        ("order\n.total\n.cents", 14, "line 3, column 2", ""),
    ],
)
def test_an_error_names_its_place_and_a_way_out(text: str, position: int, says: str, suggests: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, VARIABLES)

    assert says in str(caught.value)
    assert suggests in caught.value.suggestion
    # An operator may be pointed at, or the value before it.
    assert abs(caught.value.position - position) <= 14 if says.startswith("`") else True
    assert caught.value.text == text


@pytest.mark.parametrize(
    ("text", "position"),
    [("ordr.total", 0), ("order.totl > 1", 6), ("1 + order.customer.nam", 19), ("1 + order.total | mony", 18)],
)
def test_the_place_of_a_wrong_name_is_exact(text: str, position: int) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, VARIABLES)

    assert caught.value.position == position


def test_an_error_never_shows_values() -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate("order.key + 1", {"order": {"key": "sk-very-secret"}})

    assert "secret" not in str(caught.value)
    assert caught.value.as_node_failure().code == "expression"


def test_a_template_that_is_one_expression_keeps_its_type() -> None:
    assert render("{{ order.items }}", VARIABLES) is VARIABLES["order"]["items"]
    assert render("  {{ n }}\n", VARIABLES) == 3
    assert render("n is {{ n }}", VARIABLES) == "n is 3"
    assert render("{{ n }}{{ n }}", VARIABLES) == "33"
    assert render("no braces", VARIABLES) == "no braces"
    assert render("{{ at }}", {"at": datetime(2026, 1, 2, tzinfo=UTC)}) == "2026-01-02T00:00:00+00:00"


def test_a_template_is_text_with_values_conditions_and_loops() -> None:
    template = (
        "Hello {{ user.name }},\n"
        "{% for item in order.items if item.price > 10 %}\n"
        "{{ loop.index }}. {{ item.name }}: {{ item.price | money('EUR') }}{% if item.heavy %} (heavy){% endif %}\n"
        "{% else %}\n"
        "nothing\n"
        "{% endfor %}\n"
        "{% for name, value in {'a': 1} | items %}{{ name }}={{ value }}{% endfor %}, ${{ order.total }} {#1}"
    )

    assert render(template, VARIABLES) == ("Hello Ada,\n1. Shoes: €600.00 (heavy)\n2. Socks: €12.50\na=1, $612.5 {#1}")
    assert render("{% for x in [] %}x{% else %}nothing{% endfor %}", {}) == "nothing"
    assert render("{% if n > 5 %}big{% elif n > 2 %}middle{% else %}small{% endif %}", VARIABLES) == "middle"


def test_what_is_filled_in_is_never_read_as_a_template() -> None:
    hostile: dict[str, Any] = {"message": {"text": "{{ secret }}{% for i in range(10) %}x{% endfor %}"}, "secret": "s"}

    assert render("You said: {{ message.text }}", hostile) == f"You said: {hostile['message']['text']}"
    assert render("{{ message.text }}", hostile) == hostile["message"]["text"]
    assert render_data({"a": ["{{ message.text }}"]}, hostile) == {"a": [hostile["message"]["text"]]}


def test_data_is_filled_in_at_any_depth_but_not_its_raw_fields() -> None:
    data = {"url": "/o/{{ order.id }}", "n": 1, "body": {"items": ["{{ order.total }}", None]}, "code": "{{ raw }}"}

    assert render_data(data, VARIABLES, raw_fields=("code",)) == {
        "url": "/o/A-1002",
        "n": 1,
        "body": {"items": [612.5, None]},
        "code": "{{ raw }}",
    }


def test_an_error_in_data_names_the_field() -> None:
    with pytest.raises(ExpressionError) as caught:
        render_data({"headers": {"x": [1, "{{ nope }}"]}}, VARIABLES)

    assert caught.value.facts["path"] == "headers.x.1"


def test_names_used_are_those_a_run_has_to_provide() -> None:
    assert names_used("max(a.b, c | default(d[e])) > 1 and f is defined and null") == set("abcdef") - {"b"}
    assert template_names("{% for x, y in a %}{{ x }}{{ y }}{{ loop.index }}{{ b }}{% else %}{{ x }}{% endfor %}") == {
        "a",
        "b",
        "x",
    }
    assert template_names("plain") == set()


@pytest.mark.parametrize(
    "template",
    [
        "{% set x = 1 %}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% macro m() %}{% endmacro %}",
        "{% extends 'x' %}",
        "{% block b %}{% endblock %}",
        "{% filter upper %}x{% endfilter %}",
        "{% with a = 1 %}{% endwith %}",
        "{% call x() %}{% endcall %}",
        "{% for a in b recursive %}{% endfor %}",
        "{% autoescape true %}{% endautoescape %}",
        "{% do 1 %}",
        "{% nonsense %}",
        "{{ a",
        "{% for a in b %}",
        "{{ }}",
    ],
)
def test_other_tags_and_broken_templates_are_refused(template: str) -> None:
    with pytest.raises(ExpressionError):
        render(template, {"a": 1, "b": [1]})


def test_a_raw_block_is_the_way_to_write_braces() -> None:
    assert render("{% raw %}{{ a }}{% endraw %} {{ '{{' }}", {}) == "{{ a }} {{"
