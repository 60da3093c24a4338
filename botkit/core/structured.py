"""Answers of models that have to fit a schema: asked for, read, mended by rule, and told what is wrong with them.

request = … instruction(schema) …            # said to every model, also to one that is held to the schema
answer = read_answer(reply.text, schema)     # code fences, single quotes, a bracket too few: mended without asking
if answer.wrong:
    again = … correction(answer.wrong) …     # the model mends the rest
"""

from __future__ import annotations

__all__ = ["INVALID_OUTPUT", "Answer", "confidence_of", "correction", "instruction", "read_answer", "unfit"]

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from botkit.core.json_repair import Unreadable, read_value
from botkit.core.validation import problems

INVALID_OUTPUT = "invalid_output"
"""Code of an answer that fits its schema after no repair."""
_SCHEMA_LIMIT = 40_000
_MOST_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model wrote, as far as it can be read."""

    data: Any = None
    wrong: tuple[str, ...] = ()
    """Sentences with the place in front, such as `items.0.price: "ten" is not of type "number"`; empty: it fits."""


def instruction(schema: Mapping[str, Any]) -> str:
    """What the model is told about its answer."""
    return (
        "Answer with one JSON object and nothing else. It must fit this JSON Schema:\n"
        + json.dumps(schema, ensure_ascii=False)[:_SCHEMA_LIMIT]
    )


def read_answer(text: str, schema: Mapping[str, Any]) -> Answer:
    """The value a model wrote, after what a rule can mend, and what is wrong with it still."""
    try:
        data = read_value(text)
    except Unreadable as error:
        return Answer(wrong=(f"it is not JSON ({error})",))
    return Answer(data, tuple(problems(dict(schema), data)[:_MOST_PROBLEMS]))


def correction(wrong: Sequence[str]) -> str:
    """What the model is told about an answer that does not fit."""
    return f"That does not fit: {'; '.join(wrong)}. Answer again with the JSON object only."


def unfit(wrong: Sequence[str]) -> str:
    """The same for whoever asked."""
    return f"the model's answer does not fit the schema: {'; '.join(wrong)}"


def confidence_of(data: object) -> float | None:
    """How sure an answer says it is, by its own property `confidence`: 0 to 1, or a percentage."""
    if not isinstance(data, dict):
        return None
    value = cast("dict[str, Any]", data).get("confidence")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) / 100 if value > 1 else float(value)
