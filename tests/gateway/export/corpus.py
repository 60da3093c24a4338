"""Schemas that broke other converters, with what they become: (openai, gemini) status each."""

from __future__ import annotations

__all__ = ["CORPUS", "Case", "tool_of"]

from typing import Any, NamedTuple

from botkit.core.tools import Tool
from botkit.gateway.naming import tool_name


class Case(NamedTuple):
    openai: str
    gemini: str
    dialect: bool
    """Whether Gemini gets it in its own dialect instead of JSON Schema."""
    schema: dict[str, Any]
    samples: tuple[dict[str, Any], ...] = ()
    """Arguments the tool takes."""


def obj(required: tuple[str, ...] = (), /, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


TEXT = {"type": "string"}
DRAFT_07 = "http://json-schema.org/draft-07/schema#"


def nested(levels: int) -> dict[str, Any]:
    """An object in an object in …"""
    return obj(("a",), a=nested(levels - 1)) if levels else obj(("a",), a=TEXT)


NODE = {"type": "object", "properties": {"value": TEXT, "next": {"$ref": "#/$defs/Node"}}, "required": ["value"]}

CORPUS: dict[str, Case] = {
    "nothing": Case("exact", "exact", True, {"type": "object"}, ({},)),
    "plain": Case("exact", "exact", True, obj(("a",), a=TEXT, b={"type": "integer"}), ({"a": "x"}, {"a": "x", "b": 1})),
    "closed": Case("exact", "exact", True, {**obj(("a",), a=TEXT), "additionalProperties": False}, ({"a": "x"},)),
    "optional_object": Case("exact", "exact", True, obj((), a=obj(("b",), b=TEXT, c=TEXT)), ({}, {"a": {"b": "x"}})),
    "null_means_something": Case(
        "exact", "exact", True, obj((), a={"type": ["string", "null"]}), ({}, {"a": None}, {"a": "x"})
    ),
    "any_of_null": Case(
        "exact",
        "exact",
        True,
        obj((), a={"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}),
        ({"a": 5}, {"a": None}),
    ),
    "enum": Case("exact", "exact", True, obj((), a={"type": "string", "enum": ["x", "y"]}), ({}, {"a": "x"})),
    "number_enum": Case("exact", "exact", False, obj(("a",), a={"enum": [1, 2, 3]}), ({"a": 2},)),
    "const": Case("exact", "exact", True, obj(("a",), a={"const": "x"}), ({"a": "x"},)),
    "default": Case("exact", "exact", True, obj((), a={"type": "integer", "default": 5, "minimum": 1}), ({"a": 2}, {})),
    "lengths": Case("loose", "exact", True, obj(("a",), a={"type": "string", "minLength": 3}), ({"a": "xyz"},)),
    "unique": Case(
        "loose", "loose", False, obj(("a",), a={"type": "array", "items": TEXT, "uniqueItems": True}), ({"a": ["x"]},)
    ),
    "list": Case("exact", "exact", True, obj(("a",), a={"type": "array", "items": obj((), b=TEXT)}), ({"a": [{}]},)),
    "list_of_anything": Case("loose", "exact", False, obj(("a",), a={"type": "array"}), ({"a": [1, "x"]},)),
    "tuple": Case(
        "loose",
        "exact",
        False,
        obj(("a",), a={"type": "array", "prefixItems": [TEXT, {"type": "integer"}], "minItems": 2}),
        ({"a": ["x", 1]},),
    ),
    "old_tuple": Case(
        "loose",
        "exact",
        False,
        {"$schema": DRAFT_07, **obj(("a",), a={"type": "array", "items": [TEXT, TEXT]})},
        ({"a": ["x", "y"]},),
    ),
    "map": Case(
        "loose",
        "exact",
        False,
        obj(("a",), a={"type": "object", "additionalProperties": {"type": "integer"}}),
        ({"a": {"anything": 5}},),
    ),
    "open": Case("loose", "exact", False, {**obj(("a",), a=TEXT), "additionalProperties": True}, ({"a": "x", "z": 1},)),
    "free_form": Case("loose", "exact", False, obj(("a",), a={"type": "object"}), ({"a": {"b": [1]}},)),
    "anything": Case("loose", "exact", False, obj(("a",), a={}), ({"a": [1]}, {"a": None})),
    "true": Case("loose", "exact", False, obj(("a",), a=True), ({"a": "x"},)),
    "pattern_properties": Case(
        "loose", "loose", False, {"type": "object", "patternProperties": {"^x-": TEXT}}, ({"x-a": "b"},)
    ),
    "reference": Case(
        "exact",
        "exact",
        True,
        {**obj(("a",), a={"$ref": "#/$defs/A"}, b={"$ref": "#/$defs/A"}), "$defs": {"A": obj(("x",), x=TEXT, y=TEXT)}},
        ({"a": {"x": "1"}}, {"a": {"x": "1", "y": "2"}, "b": {"x": "3"}}),
    ),
    "old_definitions": Case(
        "exact",
        "exact",
        True,
        {**obj(("a",), a={"$ref": "#/definitions/A", "description": "the A"}), "definitions": {"A": TEXT}},
        ({"a": "x"},),
    ),
    "recursive": Case(
        "exact",
        "exact",
        False,
        {**obj(("a",), a={"$ref": "#/$defs/Node"}), "$defs": {"Node": NODE}},
        ({"a": {"value": "x"}}, {"a": {"value": "x", "next": {"value": "y"}}}),
    ),
    "refers_to_itself": Case(
        "exact",
        "exact",
        False,
        obj(("a",), a=TEXT, more={"type": "array", "items": {"$ref": "#"}}),
        ({"a": "x", "more": [{"a": "y"}]},),
    ),
    "refers_to_property": Case(
        "exact", "exact", True, obj(("a",), a=TEXT, b={"$ref": "#/properties/a"}), ({"a": "x"},)
    ),
    "remote": Case("unsupported", "unsupported", False, obj(("a",), a={"$ref": "https://evil.example/schema.json"})),
    "missing": Case("unsupported", "unsupported", False, obj(("a",), a={"$ref": "#/$defs/Nowhere"})),
    "circle": Case(
        "unsupported",
        "unsupported",
        False,
        {**obj(("a",), a={"$ref": "#/$defs/A"}), "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}},
    ),
    "one_of": Case(
        "exact",
        "exact",
        True,
        obj(("a",), a={"oneOf": [obj(("k", "x"), k={"const": "1"}, x=TEXT), obj(("k",), k={"const": "2"}, y=TEXT)]}),
        ({"a": {"k": "1", "x": "t"}}, {"a": {"k": "2"}}, {"a": {"k": "2", "y": "t"}}),
    ),
    "root_any_of": Case(
        "loose",
        "exact",
        False,
        {**obj((), a=TEXT, b=TEXT), "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
        ({"a": "x"},),
    ),
    "all_of": Case(
        "loose",
        "loose",
        False,
        obj(("a",), a={"allOf": [obj(("x",), x=TEXT), obj(("y",), y=TEXT)]}),
        ({"a": {"x": "1", "y": "2"}},),
    ),
    "all_of_one": Case(
        "exact",
        "exact",
        True,
        {**obj(("a",), a={"allOf": [{"$ref": "#/$defs/A"}], "default": "x"}), "$defs": {"A": {"enum": ["x", "y"]}}},
        ({"a": "y"},),
    ),
    "condition": Case(
        "loose",
        "loose",
        False,
        {**obj((), a=TEXT, b=TEXT), "if": {"required": ["a"]}, "then": {"required": ["b"]}},
        ({"a": "1", "b": "2"}, {}),
    ),
    "depends": Case("loose", "loose", False, {**obj((), a=TEXT, b=TEXT), "dependentRequired": {"a": ["b"]}}, ({},)),
    "not": Case("loose", "loose", False, obj(("a",), a={"type": "string", "not": {"const": "x"}}), ({"a": "y"},)),
    "strange_names": Case(
        "exact",
        "exact",
        True,
        obj(("user-name",), **{"user-name": TEXT, "$filter": TEXT, "日付": TEXT, "9": TEXT}),
        ({"user-name": "x"}, {"user-name": "x", "$filter": "f", "日付": "d", "9": "n"}),
    ),
    "names_like_keywords": Case(
        "exact",
        "exact",
        True,
        obj(("type", "default"), type=TEXT, default={"type": "integer"}, properties=TEXT, required=TEXT, enum=TEXT),
        ({"type": "x", "default": 1}, {"type": "x", "default": 1, "enum": "e"}),
    ),
    "several_types": Case(
        "exact", "exact", True, obj(("a",), a={"type": ["string", "integer"]}), ({"a": 1}, {"a": "x"})
    ),
    "undescribed": Case("loose", "exact", False, obj(("ghost",), a=TEXT), ({"ghost": 1},)),
    "no_type": Case(
        "exact", "exact", True, obj(("a",), a={"properties": {"b": TEXT}, "required": ["b"]}), ({"a": {"b": "x"}},)
    ),
    "formats": Case(
        "exact",
        "exact",
        True,
        obj(("a",), a={"type": "string", "format": "date-time"}, b={"type": "string", "format": "uri"}),
        ({"a": "2026-01-01T00:00:00Z"},),
    ),
    "fixed_object": Case("loose", "loose", False, obj(("a",), a={"const": {"b": 1}}), ({"a": {"b": 1}},)),
    "deep": Case("loose", "exact", True, nested(11)),
}


def tool_of(name: str) -> Tool:
    """A tool of the server `nasty` with that schema."""
    schema = CORPUS[name].schema
    return Tool(
        name=tool_name("nasty", name),
        server="nasty",
        upstream_name=name,
        definition={"name": name, "description": f"Takes {name}.", "inputSchema": schema},
    )
