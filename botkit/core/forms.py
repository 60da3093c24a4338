"""Forms from the questions of tools, and what people mean when they answer one of them in words.

A tool asks with a JSON Schema of a flat object (MCP elicitation); people get a form:

    {"type": "object", "required": ["city"], "properties": {"city": {"type": "string", "title": "City"},
     "size": {"enum": ["s", "l"], "enumNames": ["Small", "Large"]}}}
    → Form(fields=(FormField(name="city", label="City", required=True), FormField(name="size", kind="choice", …)))

Source: https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation#requested-schema
"""

from __future__ import annotations

__all__ = ["SKIP", "VALUE_LIMIT_BYTES", "choice_of", "choices_of", "form_of", "options_of"]

import re
from collections.abc import Sequence
from typing import Any, cast

from botkit.core.messages import FieldKind, Form, FormField, Option
from botkit.core.schemas import Schema, as_schema, resolve, types_of

VALUE_LIMIT_BYTES = 64
"""Of what a button, an option or a field's name may carry: the least any platform takes."""
SKIP = "-"
"""What leaves an optional field out."""
_PARAGRAPH_CHARS = 300
"""A field that takes more than this is no single line."""
_NUMBERS = re.compile(r"[\s,;]+")


def form_of(schema: Schema, *, value: str, title: str) -> Form | None:
    """The form that asks for an object of this schema; None when it is not a flat object of simple values."""
    properties = as_schema(schema.get("properties"))
    required = cast("list[Any]", schema.get("required") or [])
    fields: list[FormField] = []
    for name, raw in properties.items():
        field = _field(name, resolve(as_schema(raw), schema), schema, required=name in required)
        if field is None:
            return None
        fields.append(field)
    return Form(value=value, title=title, fields=tuple(fields)) if fields else None


def _field(name: str, schema: Schema, root: Schema, *, required: bool) -> FormField | None:
    kinds = [kind for kind in types_of(schema, root) if kind != "null"]
    if not name or len(name.encode()) > VALUE_LIMIT_BYTES or len(kinds) > 1:
        return None
    options = options_of(schema)
    if any(not 1 <= len(option.value.encode()) <= VALUE_LIMIT_BYTES for option in options):
        options = ()
    kind = _kind(kinds[0] if kinds else "string", schema, bool(options))
    if kind is None:
        return None
    many = kinds == ["array"]
    label = str(schema.get("title") or "") or name.replace("_", " ").strip().capitalize() or name
    least, most = _bounds(kind, schema)
    return FormField(
        name=name,
        label=label,
        kind=kind,
        required=required,
        about=str(schema.get("description") or ""),
        initial=_initial(schema.get("default")),
        least=least,
        most=most,
        options=options,
        many=many,
    )


def _kind(kind: str, schema: Schema, has_options: bool) -> FieldKind | None:
    if has_options:
        return "choice"
    match kind:
        case "boolean":
            return "checkbox"
        case "integer" | "number":
            return "number"
        case "string" if schema.get("format") == "date":
            return "date"
        case "string":
            return "paragraph" if _number(schema.get("maxLength")) > _PARAGRAPH_CHARS else "text"
        case _:
            return None


def _bounds(kind: FieldKind, schema: Schema) -> tuple[float | None, float | None]:
    names = {"number": ("minimum", "maximum"), "choice": ("minItems", "maxItems")}.get(kind, ("minLength", "maxLength"))
    least, most = (schema.get(name) for name in names)
    return _or_none(least), _or_none(most)


def _or_none(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _number(value: object) -> float:
    return _or_none(value) or 0.0


def _initial(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


def options_of(schema: Schema) -> tuple[Option, ...]:
    """What a property can be chosen from, with the names people read; empty when it is no choice."""
    items = as_schema(schema.get("items"))
    source = items or schema
    listed = source.get("enum")
    if isinstance(listed, list):
        values = cast("list[Any]", listed)
        names = cast("list[Any]", source.get("enumNames") or schema.get("enumNames") or [])
        labels = [str(name) for name in names] if len(names) == len(values) else [str(value) for value in values]
        return tuple(
            Option(label=label or str(value), value=str(value))
            for value, label in zip(values, labels, strict=True)
            if value is not None
        )
    for key in ("oneOf", "anyOf"):
        branches = [as_schema(branch) for branch in cast("list[Any]", source.get(key) or [])]
        if branches and all("const" in branch for branch in branches):
            return tuple(
                Option(
                    label=str(branch.get("title") or branch["const"]),
                    value=str(branch["const"]),
                    about=str(branch.get("description") or ""),
                )
                for branch in branches
            )
    return ()


def choice_of(text: str, options: Sequence[Option]) -> Option | None:
    """The option that somebody means by its label, its value, or its number in the list (`2`, `2.`, `#2`)."""
    said = text.strip().casefold()
    for option in options:
        if said in (option.value.casefold(), option.label.casefold()):
            return option
    number = said.strip("#.) ")
    if number.isascii() and number.isdigit() and 1 <= int(number) <= len(options):
        return options[int(number) - 1]
    return None


def choices_of(text: str, options: Sequence[Option]) -> tuple[Option, ...] | None:
    """The options somebody means by `1, 3`, or by labels separated by commas or lines; None when one is unknown."""
    whole = choice_of(text, options)
    if whole is not None:
        return (whole,)
    pieces = [piece for piece in re.split(r"[,;\n]", text) if piece.strip()]
    if all(piece.isdigit() for piece in _NUMBERS.split(text.strip())):
        pieces = _NUMBERS.split(text.strip())
    found = [choice_of(piece, options) for piece in pieces]
    known = [option for option in found if option is not None]
    return tuple(dict.fromkeys(known)) if known and len(known) == len(found) else None
