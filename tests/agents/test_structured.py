"""Objects that `demo/offline` makes for a schema, and that fit it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.agents.demo.structured import structured
from botkit.core.validation import problems

INTENT = {
    "type": "object",
    "properties": {
        "intent": {"enum": ["refund", "order_status", "other"]},
        "order": {"type": "string"},
        "amount": {"type": "number", "minimum": 0},
        "urgent": {"type": "boolean"},
        "email": {"type": "string"},
    },
    "required": ["intent", "order", "amount", "urgent", "email"],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Please refund order A-1001, 620 EUR, to ada@example.org. It is urgent!",
            {"intent": "refund", "order": "A-1001", "amount": 620, "urgent": True, "email": "ada@example.org"},
        ),
        (
            "What is the status of my order #77? Not urgent.",
            {"intent": "order_status", "order": "77", "amount": 0, "urgent": False, "email": ""},
        ),
        ("Hello there", {"intent": "other", "order": "", "amount": 0, "urgent": False, "email": ""}),
    ],
)
def test_the_words_of_a_message_fill_the_object(text: str, expected: dict[str, Any]):
    assert structured(INTENT, text) == expected


def test_a_text_that_is_not_sure_gets_a_low_grade():
    schema = {"type": "object", "properties": {"score": {"type": "number", "minimum": 0, "maximum": 1}}}
    assert structured(schema, "<text>\nThe order was sent on 3 May.\n</text>")["score"] > 0.7
    assert structured(schema, "<text>\nI do not know, perhaps it was sent.\n</text>")["score"] < 0.4


_LEAVES = st.sampled_from(
    [
        {"type": "string"},
        {"type": "integer", "minimum": 2, "maximum": 9},
        {"type": "number", "minimum": 0, "maximum": 1},
        {"type": "boolean"},
        {"enum": ["red", "green"]},
        {"const": 7},
        {"type": "null"},
    ]
)
_SCHEMAS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from(["a", "score", "order_id", "tags"]), inner, max_size=3).map(
            lambda properties: {"type": "object", "properties": properties, "required": list(properties)}
        ),
        inner.map(lambda items: {"type": "array", "items": items, "minItems": 1, "maxItems": 3}),
    ),
    max_leaves=8,
)


@given(schema=_SCHEMAS, text=st.text(max_size=200))
def test_whatever_is_said_the_object_fits_its_schema(schema: dict[str, Any], text: str):
    assert problems(schema, structured(schema, text)) == []
