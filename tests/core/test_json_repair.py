"""Broken arguments are mended where they have one meaning, and refused where they do not."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.core.json_repair import Unreadable, read_arguments

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_objects = st.dictionaries(st.text(), _json, max_size=5)


@settings(deadline=None)
@given(_objects)
def test_valid_json_is_read_as_it_is(value: dict[str, Any]):
    assert read_arguments(json.dumps(value)) == value


_plain = st.text("abz ,:{}[]'\"äé")
_python = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_plain, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(_plain, _python, max_size=5))
def test_python_notation_is_read_too(value: dict[str, Any]):
    assert read_arguments(repr(value)) == value


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", {}),
        ("null", {}),
        ('{"a": 1,}', {"a": 1}),
        ("{'a': 'it is'}", {"a": "it is"}),
        ('{"a": True, "b": None}', {"a": True, "b": None}),
        ("{a: 1, b-c: [1, 2,],}", {"a": 1, "b-c": [1, 2]}),
        ('{"a": "two\nlines"}', {"a": "two\nlines"}),
        ('{"a": {"b": [1', {"a": {"b": [1]}}),
        ('{"a": 1}}', {"a": 1}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ('{"a": "\\u00e9\\n"}', {"a": "é\n"}),
    ],
)
def test_common_mistakes_are_mended(written: str, meant: dict[str, Any]):
    assert read_arguments(written) == meant


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ('{"a": "half a str', "cut off"),
        ("[1, 2]", "must be a JSON object, not list"),
        ("hello", "expected a JSON value"),
        ('{"a": 1} and then', "after the JSON"),
        ('{"a" 1}', "expected ':'"),
        ("{" * 5000, "expected a key"),
        ('{"a":' * 5000, "nested too deeply"),
    ],
)
def test_what_has_no_single_meaning_is_refused_with_the_reason(written: str, reason: str):
    with pytest.raises(Unreadable, match=reason):
        read_arguments(written)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused_and_never_breaks(text: str):
    with suppress(Unreadable):
        assert isinstance(read_arguments(text), dict)
