"""A person's words as the answer to a tool's question (MCP elicitation: a flat object of simple values)."""

from __future__ import annotations

__all__ = ["answer_from", "checked"]

from typing import Any, cast

from botkit.agents.schemas import fit_arguments, problems
from botkit.core.forms import choices_of, options_of
from botkit.core.schemas import Schema, as_schema


def answer_from(data: dict[str, Any], schema: Schema) -> dict[str, Any] | None:
    """The answer as the schema wants it, or None when it cannot be made to fit.

    Args:
        data: what the wait was answered with: `{"fields": {...}}` from a form, or `{"text": "…"}` from chat.
    """
    for name in ("fields", "answers", "content"):
        given = data.get(name)
        if isinstance(given, dict):
            return checked(cast("dict[str, Any]", given), schema)
    text = str(data.get("text") or "").strip()
    properties = as_schema(schema.get("properties"))
    required = cast("list[str]", schema.get("required") or [])
    wanted = required if len(required) == 1 else list(properties)
    if len(wanted) == 1:
        return checked({wanted[0]: _choice(text, as_schema(properties.get(wanted[0])))}, schema)
    return checked(_labelled(text, properties), schema)


def checked(answer: dict[str, Any], schema: Schema) -> dict[str, Any] | None:
    """The answer with types mended, or None when it does not fit."""
    fitted = fit_arguments(schema, answer)
    return None if problems(schema, fitted) else fitted


def _choice(text: str, schema: Schema) -> str | list[str]:
    """The values a person meant, by label, value or number in the list; the text where it is no choice."""
    options = options_of(schema)
    found = choices_of(text, options) if options else None
    if not found:
        return text
    return [option.value for option in found] if schema.get("type") == "array" else found[0].value


def _labelled(text: str, properties: Schema) -> dict[str, Any]:
    """`name: Ada` lines; without labels, lines or comma-separated values in the order of the fields."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found: dict[str, Any] = {}
    for line in lines:
        label, colon, value = line.partition(":")
        key = label.strip().lower().replace(" ", "_")
        name = next((name for name in properties if name.lower() == key), "")
        if colon and name:
            found[name] = _choice(value.strip(), as_schema(properties[name]))
    if found:
        return found
    values = lines if len(lines) > 1 else [value.strip() for value in text.split(",")]
    return {name: _choice(value, as_schema(properties[name])) for name, value in zip(properties, values, strict=False)}
