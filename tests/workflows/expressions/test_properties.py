"""Laws: only one kind of error, the same value every time, nothing changed, nothing half-checked."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.workflows.expressions import ExpressionError, check_expression, check_template, evaluate, names_used, render
from botkit.workflows.expressions.functions import FUNCTIONS

KEYS = st.sampled_from("abc") | st.text(max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
VARIABLES = st.dictionaries(st.sampled_from("abcd"), JSON, max_size=4)
ATOMS = st.sampled_from(
    ["a", "b", "a.b", "c[0]", "d['a']", "1", "-2.5", "'x'", "'{{'", "true", "null", "[]", "{}", "a.b.c"]
)
OPERATORS = st.sampled_from(
    [f" {symbol} " for symbol in ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", ">=", "in", "and", "or"]]
)


def _bigger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    names = st.sampled_from(sorted(FUNCTIONS))
    return st.one_of(
        st.tuples(inner, OPERATORS, inner).map(lambda parts: f"({''.join(parts)})"),
        st.tuples(inner, names).map(lambda parts: f"({parts[0]} | {parts[1]})"),
        st.tuples(names, inner, inner).map(lambda parts: f"{parts[0]}({parts[1]}, {parts[2]})"),
        inner.map(lambda text: f"(not {text})"),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} else {parts[2]})"),
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
    )


EXPRESSIONS = st.recursive(ATOMS, _bigger, max_leaves=8)
SOUP = st.text(alphabet=st.sampled_from("ab.[]()'\"|{}%-+*/<>=!~,:1 \n\\#_") | st.characters(), max_size=60)


def _outcome(run: Any) -> Any:
    try:
        return "value", run()
    except ExpressionError as failure:
        return "error", str(failure), failure.position


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS, VARIABLES)
def test_an_expression_is_pure_and_fails_in_one_way(text: str, variables: dict[str, Any]) -> None:
    before = copy.deepcopy(variables)

    first = _outcome(lambda: evaluate(text, variables))
    second = _outcome(lambda: evaluate(text, variables))

    assert repr(first) == repr(second)
    assert repr(variables) == repr(before)
    if first[0] == "error":
        assert 0 <= first[2] <= len(text)


@settings(max_examples=300, deadline=None)
@given(SOUP | SOUP.map(lambda text: "{{" + text + "}}"), VARIABLES)
def test_any_text_gives_a_value_or_an_expression_error(text: str, variables: dict[str, Any]) -> None:
    _outcome(lambda: evaluate(text, variables))
    _outcome(lambda: render(text, variables))
    _outcome(lambda: names_used(text))
    check_expression(text, dict.fromkeys(variables))
    check_template(text, dict.fromkeys(variables))


@settings(max_examples=200, deadline=None)
@given(EXPRESSIONS, VARIABLES)
def test_what_the_check_lets_pass_has_no_unknown_names(text: str, variables: dict[str, Any]) -> None:
    if not check_expression(text, dict.fromkeys(variables)):
        outcome = _outcome(lambda: evaluate(text, variables))

        assert outcome[0] == "value" or "no variable" not in outcome[1]


@settings(max_examples=200, deadline=None)
@given(JSON.filter(lambda value: not isinstance(value, float) or value == value))
def test_a_value_goes_through_a_template_unchanged(value: Any) -> None:
    try:
        assert repr(render("{{ a }}", {"a": value})) == repr(value)
    except ExpressionError:
        raise AssertionError(value) from None


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=50))
def test_what_a_person_wrote_is_only_ever_text(text: str) -> None:
    assert render("You said {{ text }}!", {"text": text}) == f"You said {text}!"
