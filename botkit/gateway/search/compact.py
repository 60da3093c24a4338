"""Tools in fewer words: short descriptions and shallow schemas for the model, the whole schema for the check.

What is left out only tells a model less. Every arguments object that fits the whole schema fits the short one too, and
arguments are always checked against the whole one, whose complaint says what was missing.
"""

from __future__ import annotations

__all__ = ["compact_tool"]

from typing import Any, cast

import msgspec

from botkit.core.schemas import Schema, as_schema, resolve
from botkit.core.tools import Tool

_DESCRIPTION_CHARS = 160
_PROPERTY_CHARS = 80
_DEPTH = 2
"""Levels of objects that are shown; a deeper one is an object with the names of what is in it."""
_KEPT = ("type", "enum", "const", "minimum", "maximum", "pattern", "format")
_NAMES_SHOWN = 12


def compact_tool(tool: Tool) -> Tool:
    """The same tool, with a definition of fewer words."""
    kept = {key: tool.definition[key] for key in ("name", "annotations", "_meta") if key in tool.definition}
    schema = tool.input_schema
    definition = {
        **kept,
        "description": _first_words(tool.description or str(tool.definition.get("title") or ""), _DESCRIPTION_CHARS),
        "inputSchema": {**_object(schema, schema, 0), "type": "object"},
    }
    return msgspec.structs.replace(tool, definition=definition)


def _node(value: object, root: Schema, depth: int) -> Any:
    if not isinstance(value, dict):
        return value
    schema = cast("Schema", value)
    target = resolve(schema, root)
    made: Schema = {key: target[key] for key in _KEPT if key in target}
    if "properties" in target or target.get("type") == "object":
        made |= _object(target, root, depth) if depth < _DEPTH else _closed_book(target)
    if isinstance(items := target.get("items"), dict) and depth < _DEPTH:
        made["items"] = _node(cast("Schema", items), root, depth + 1)
    for key in ("anyOf", "oneOf"):
        branches = target.get(key)
        if isinstance(branches, list) and depth < _DEPTH:
            # of several that fit after shortening, exactly one might have fitted before
            made["anyOf"] = [_node(branch, root, depth + 1) for branch in cast("list[Any]", branches)]
    text = schema.get("description") or target.get("description")
    if isinstance(text, str) and text.strip() and "description" not in made:
        made["description"] = _first_words(text, _PROPERTY_CHARS)
    return made


def _object(schema: Schema, root: Schema, depth: int) -> Schema:
    made: Schema = {}
    if properties := as_schema(schema.get("properties")):
        made["properties"] = {name: _node(child, root, depth + 1) for name, child in properties.items()}
    if schema.get("required"):
        made["required"] = schema["required"]
    if schema.get("additionalProperties") is False and "patternProperties" not in schema:
        made["additionalProperties"] = False
    return made


def _closed_book(schema: Schema) -> Schema:
    """An object that is not shown: what is in it, by name."""
    required = set(cast("list[str]", schema.get("required") or []))
    names = [f"{name}{'' if name in required else '?'}" for name in as_schema(schema.get("properties"))]
    if not names:
        return {}
    more = ", …" if len(names) > _NAMES_SHOWN else ""
    return {"description": f"{{{', '.join(names[:_NAMES_SHOWN])}{more}}}"}


def _first_words(text: str, limit: int) -> str:
    """The first sentence, or as much of it as there is room for."""
    text = " ".join(text.split())
    end = text.find(". ")
    sentence = text[: end + 1] if 0 < end < limit else text
    if len(sentence) <= limit:
        return sentence
    return sentence[: limit - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"
