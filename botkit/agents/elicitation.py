"""A question of a tool, asked until the answer fits: all of it at once, or field by field, as the chat can show it.

Each round is a wait of its own (`{key}`, `{key}/1`, …), so what was answered survives a restart. What a wait is
answered with says what was asked:

    {"fields": {"city": "Rome"}}             a form that was sent; a `text` is one written in words
    {"field": "city", "text": "2"}           one field, in words; `-` leaves an optional one out
    {"field": "city", "values": ["fco"]}     one field, by a press
    {"by_field": true}                       the form could not be opened: ask field by field
    {"declined": true}                       the person does not want to
"""

from __future__ import annotations

__all__ = ["elicit"]

from collections.abc import Mapping
from typing import Any, cast

from botkit.agents.answers import answer_from, checked
from botkit.agents.schemas import mended, problems
from botkit.core.data import Data
from botkit.core.forms import SKIP, choices_of, options_of
from botkit.core.ids import short_token
from botkit.core.schemas import Schema, as_schema, resolve, types_of
from botkit.runs.context import RunContext, WaitSpec

_ROUNDS_LIMIT = 60
_YES, _NO = ("yes", "y", "true", "1", "ja", "sí", "si", "oui", "sim"), ("no", "n", "false", "0", "nein", "non", "não")


class _Given(Data):
    """What is known so far."""

    fields: dict[str, Any] = {}
    skipped: tuple[str, ...] = ()
    by_field: bool = False
    problem: str = ""


async def elicit(
    ctx: RunContext, key: str, message: str, schema: Schema, *, person_id: str, expires_s: float
) -> dict[str, Any] | None:
    """The answer, as the schema wants it; empty when it never fitted; None when there is none.

    Raises:
        Paused: the person has to answer first.
    """
    given = _Given()
    for number in range(_ROUNDS_LIMIT):
        payload: dict[str, Any] = {"message": message, "schema": schema}
        payload |= {"given": given.fields} if given.fields else {}
        payload |= {"skipped": list(given.skipped)} if given.skipped else {}
        payload |= {"by_field": True} if given.by_field else {}
        payload |= {"problem": given.problem} if given.problem else {}
        spec = WaitSpec(kind="reply", payload=payload, person_id=person_id, expires_s=expires_s, token=short_token())
        answer = await ctx.wait(f"{key}/{number}" if number else key, spec)
        if answer.state != "answered" or answer.data.get("declined"):
            return None
        given = _heard(given, answer.data, schema)
        if not given.problem and _complete(given, schema):
            return given.fields
    return {}


def _heard(given: _Given, data: Mapping[str, Any], schema: Schema) -> _Given:
    """What is known after one answer."""
    if data.get("by_field"):
        return _Given(fields=given.fields, skipped=given.skipped, by_field=True)
    name = str(data.get("field") or "")
    if name:
        return _one(given, name, data, schema)
    whole = answer_from(dict(data), schema)
    if whole is None:
        return _refused(given, data, schema)
    missing = tuple(name for name in as_schema(schema.get("properties")) if name not in whole)
    return _Given(fields=whole, skipped=missing, by_field=given.by_field)


def _one(given: _Given, name: str, data: Mapping[str, Any], schema: Schema) -> _Given:
    """The answer to a single field."""
    properties = as_schema(schema.get("properties"))
    required = name in cast("list[Any]", schema.get("required") or [])
    child = resolve(as_schema(properties.get(name)), schema)
    text = str(data.get("text") or "").strip()
    if data.get("skipped") or (not required and text == SKIP):
        return _Given(fields=given.fields, skipped=(*given.skipped, name), by_field=given.by_field)
    value = _value(text, data.get("values"), child, schema)
    lone = _lone(name, schema)
    fitted = checked({name: value}, lone)
    if fitted is None:
        why = problems(lone, mended(lone, {name: value}))
        problem = why[0].partition(": ")[2] or why[0] if why else "?"
        return _Given(fields=given.fields, skipped=given.skipped, by_field=given.by_field, problem=problem)
    return _Given(fields={**given.fields, **fitted}, skipped=given.skipped, by_field=given.by_field)


def _value(text: str, pressed: object, child: Schema, root: Schema) -> Any:
    """What was pressed or written, as its kind is usually said."""
    values = [str(value) for value in cast("list[Any]", pressed)] if isinstance(pressed, list) else None
    kinds = types_of(child, root)
    options = options_of(child)
    if values is None and options:
        found = choices_of(text, options)
        values = [option.value for option in found] if found else None
    if values is not None:
        return values if "array" in kinds else values[0] if len(values) == 1 else values
    if "boolean" in kinds and text.casefold() in (*_YES, *_NO):
        return text.casefold() in _YES
    return text


def _complete(given: _Given, schema: Schema) -> bool:
    answered = {*given.fields, *given.skipped}
    return answered.issuperset(as_schema(schema.get("properties"))) and not problems(schema, given.fields)


def _refused(given: _Given, data: Mapping[str, Any], schema: Schema) -> _Given:
    """A whole answer that does not fit: what fits of it is kept, and what is wrong is said as far as it can be."""
    sent = data.get("fields")
    if not isinstance(sent, dict):
        return _Given(fields=given.fields, skipped=given.skipped, by_field=given.by_field, problem=" ")
    fields = cast("dict[str, Any]", sent)
    fitting: dict[str, Any] = {}
    for name in fields:
        fitting |= checked({name: fields[name]}, _lone(name, schema)) or {}
    why = problems(schema, mended(schema, fields))
    return _Given(fields=fitting, by_field=given.by_field, problem=why[0] if why else " ")


def _lone(name: str, schema: Schema) -> Schema:
    """A schema that wants this property alone."""
    child = resolve(as_schema(as_schema(schema.get("properties")).get(name)), schema)
    lone: Schema = {key: schema[key] for key in ("$defs", "definitions") if key in schema}
    return lone | {"type": "object", "properties": {name: child}, "required": [name]}
