"""Every filter does what its example says, and refuses what does not fit with an `ExpressionError`."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from botkit.workflows.expressions import ExpressionError, evaluate
from botkit.workflows.expressions.functions import FUNCTIONS, Function
from tests.workflows.expressions.samples import VARIABLES

ODD: list[Any] = [None, True, -1, 2**62, 1.5, "", "text", "{{ a }}", [], [1, "a", None], {}, {"a": 1}, "\ud800"]


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda function: function.name)
def test_the_example_of_a_filter_gives_what_it_says(function: Function) -> None:
    assert evaluate(function.example, VARIABLES) == json.loads(function.gives)
    assert function.about


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_filter_takes_odd_values_or_refuses_them(name: str) -> None:
    for value in ODD:
        for arguments in ("v", "v, w", "v, w, w", "v, w, 1"):
            for other in ODD:
                with contextlib.suppress(ExpressionError):
                    evaluate(f"{name}({arguments})", {"v": value, "w": other})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1234.5 | money('EUR', 'de')", "1.234,50\u00a0€"),
        ("-5 | money('USD')", "-$5.00"),
        ("123450 | money('EUR', minor=true)", "€1,234.50"),
        ("1234 | money('JPY')", "¥1,234"),
        ("9.99 | money('CHF')", "CHF\u00a09.99"),
        ("-0.4 | round", 0),
        ("2.5 | round", 3),
        ("1e300 | floor | default(0)", None),
        ("'A\tB  c' | split", ["A", "B", "c"]),
        ("'hello' | shorten(1)", "…"),
        ("'hello' | shorten(5)", "hello"),
        ("'abc' | shorten(0)", ""),
        ("'x1y22' | sub('(\\d+)', '<\\1>')", "x<1>y<22>"),
        ("'aaa' | sub('', '-')", "-a-a-a-"),
        ("'ÄÖ' | find('Ö')", "Ö"),
        ("'ab' | find('c')", None),
        ("'AB' | matches('ab', ignore_case=true)", True),
        ("[3, 1, 2] | sort(reverse=true)", [3, 2, 1]),
        ("['b', null, 2, 'a', 1] | sort", [None, 1, 2, "a", "b"]),
        ("[0.1, 0.2] | sum", 0.3),
        ("[] | sum", 0),
        ("[] | first", None),
        ("'2026-03-29T00:30:00Z' | date('%H:%M %z', 'Europe/Berlin')", "01:30 +0100"),
        ("'2026-03-29T01:30:00Z' | date('%H:%M %z', 'Europe/Berlin')", "03:30 +0200"),
        ("'2026-11-21' | date('%A, %B %d %p %%')", "Saturday, November 21 AM %"),
        ("'2026-11-21T10:00' | iso('Europe/Berlin')", "2026-11-21T10:00:00+01:00"),
        ("{'b': 1, 'a': [true, null]} | tojson", '{"b":1,"a":[true,null]}'),
        ("[1] | tojson(2)", "[\n  1\n]"),
        ("'{\"a\": 1}' | fromjson", {"a": 1}),
    ],
)
def test_a_filter_gives_this(text: str, value: Any) -> None:
    if value is None and "1e300" in text:
        with pytest.raises(ExpressionError):
            evaluate(text, {})
        return
    assert evaluate(text, {}) == value


@pytest.mark.parametrize(
    "text",
    [
        "'yesterday' | date",
        "1 | date('%Q')",
        "1 | date('%', 'UTC')",
        "1 | date('%Y', 'Mars/Olympus')",
        "1 | date('%Y', '../../etc/passwd')",
        "1 | date('%1000000Y')",
        "1e300 | date",
        "'0001-01-01' | plus(days=-1)",
        "1 | plus(days=1e300)",
        "1 | money('EURO')",
        "'abc' | matches('(')",
        "'abc' | matches('a{1000}{1000}{1000}')",
        "'{' | fromjson",
        "'***' | from_base64",
        "[{}] | sort",
        "'maybe' | boolean_of",
        "[1, 2] | sum('price')",
        "range(0, 1000000000)",
        "2 | round(99)",
        "'x' | sub('x', '\\2')",
        "[] | min",
    ],
)
def test_a_filter_refuses_this(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, {})

    assert caught.value.reason
