"""Tools for Gemini's function calling.

A tool whose schema the `parameters` dialect can say exactly (types in capitals, `nullable`, text enums) is declared in
it, which every version of the API takes. Any other goes as JSON Schema in `parametersJsonSchema`. Property names that
Gemini refuses are renamed, and `restored` gives them back.

Source: https://ai.google.dev/api/caching#Schema, https://ai.google.dev/api/caching#FunctionDeclaration
"""

from __future__ import annotations

__all__ = ["gemini_tool", "restored"]

import hashlib
import json
import re
from typing import Any, cast

from botkit.core.schemas import Schema, as_schema, resolve, types_of, without_noise
from botkit.core.tools import Tool
from botkit.gateway.export.exported import Exported, Unsupported, described, with_items
from botkit.gateway.export.references import check_references

_DEPTH_LIMIT = 16
_NODES_LIMIT = 2000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_KEPT = ("minItems", "maxItems", "minLength", "maxLength", "pattern", "minimum", "maximum")
_ANNOTATIONS = ("title", "description", "default", "examples", "$comment", "deprecated", "$schema", "$id", "readOnly",
                "writeOnly", "discriminator", "$defs", "definitions", "format", "contentMediaType")  # fmt: skip
_STRUCTURE = ("type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "oneOf",
              "allOf", "$ref", "nullable")  # fmt: skip
_JSON_KEPT = (
    "$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items", "prefixItems",
    "minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties", "required",
    "default", "definitions", "$schema", "$comment", "examples", "deprecated", "minLength", "maxLength", "pattern",
)  # fmt: skip
"""What Gemini reads of JSON Schema, and what needs no reading."""


def gemini_tool(tool: Tool) -> Exported:
    """The tool as an entry of `function_declarations`."""
    schema = tool.input_schema
    text = described(f"[{tool.server}] {tool.description or tool.definition.get('title') or ''}")
    declaration: dict[str, Any] = {"name": tool.name, "description": text}
    reasons: tuple[str, ...] = ()
    try:
        check_references(schema)
        try:
            made = _Dialect(schema).convert()
            if made is not None:
                declaration["parameters"] = made
        except Unsupported:
            reasons = tuple(dict.fromkeys(_unread(schema)))
            declaration["parametersJsonSchema"] = _as_json_schema(schema, reasons)
    except Unsupported as error:
        return Exported(name=tool.name, status="unsupported", reasons=(str(error),))
    except RecursionError:
        return Exported(name=tool.name, status="unsupported", reasons=("it is nested too deeply",))
    return Exported(name=tool.name, status="loose" if reasons else "exact", reasons=reasons, declaration=declaration)


def _unread(schema: Schema) -> list[str]:
    """Keywords that Gemini passes over, with where they stand."""
    found: list[str] = []
    level: list[tuple[str, object]] = [("", schema)]
    for _ in range(64):
        below: list[tuple[str, object]] = []
        for where, node in level:
            if isinstance(node, list):
                below += [(where, item) for item in cast("list[object]", node)]
                continue
            for key, value in as_schema(node).items():
                if key not in _JSON_KEPT and not (key == "const" and isinstance(value, str)):
                    found.append(f"{where or 'the arguments'}: {key} is only described")
                elif key in ("properties", "$defs", "definitions"):
                    below += [(f"{where}.{name}".lstrip("."), child) for name, child in as_schema(value).items()]
                elif key in ("items", "prefixItems", "anyOf", "oneOf", "additionalProperties"):
                    below.append((where, value))
        level = below
    return found if not level else [*found, "it is nested deeper than Gemini reads"]


def _as_json_schema(schema: Schema, reasons: tuple[str, ...]) -> Schema:
    made = with_items(without_noise(schema))
    if reasons:
        made["description"] = described(made.get("description"), f"Also checked: {'; '.join(reasons)}.")
    return made


class _Dialect:
    """One conversion into `parameters`. Raises `Unsupported` as soon as something would be lost."""

    def __init__(self, schema: Schema):
        self._root = schema
        self._nodes = 0

    def convert(self) -> Schema | None:
        """None for a tool without arguments, which is declared without `parameters`."""
        if not as_schema(self._root.get("properties")):
            if set(self._root) - set(_ANNOTATIONS) - {"type", "properties", "additionalProperties", "required"}:
                raise Unsupported("the arguments are not simple")
            if self._root.get("additionalProperties") not in (None, False):
                raise Unsupported("the arguments are a map")
            return None
        return self._node(self._root, 0, ())

    def _node(self, value: object, depth: int, seen: tuple[str, ...]) -> Schema:
        self._nodes += 1
        if not isinstance(value, dict) or depth > _DEPTH_LIMIT or self._nodes > _NODES_LIMIT:
            raise Unsupported("it admits anything, or too much")
        schema = cast("Schema", value)
        if isinstance(reference := schema.get("$ref"), str):
            if reference in seen:
                raise Unsupported("it is recursive")
            beside = {key: item for key, item in schema.items() if key in ("description", "default")}
            if set(schema) - {"$ref"} - set(_ANNOTATIONS):
                raise Unsupported("keywords beside $ref")
            return self._node({**resolve({"$ref": reference}, self._root), **beside}, depth + 1, (*seen, reference))
        branches = schema.get("allOf")
        if isinstance(branches, list) and len(cast("list[Any]", branches)) == 1:
            rest = {key: item for key, item in schema.items() if key != "allOf"}
            if not set(rest) - set(_ANNOTATIONS):
                return self._node({**as_schema(cast("list[Any]", branches)[0]), **rest}, depth + 1, seen)
        unknown = set(schema) - set(_ANNOTATIONS) - set(_STRUCTURE) - set(_KEPT)
        if unknown or "allOf" in schema:
            raise Unsupported("keywords Gemini does not know")
        made = self._alternatives(schema, depth, seen) or self._typed(schema, depth, seen)
        notes: list[str] = []
        if "default" in schema:
            notes.append(f"Default: {json.dumps(schema['default'], ensure_ascii=False, default=str)[:100]}.")
        if isinstance(schema.get("format"), str) and "format" not in made:
            notes.append(f"Format: {schema['format'][:50]}.")
        if text := described(schema.get("description"), *notes):
            made["description"] = text
        return made

    def _alternatives(self, schema: Schema, depth: int, seen: tuple[str, ...]) -> Schema | None:
        branches: Any = schema.get("anyOf") or schema.get("oneOf")
        if branches is None:
            return None
        if not isinstance(branches, list) or set(schema) - set(_ANNOTATIONS) - {"anyOf", "oneOf"}:
            raise Unsupported("alternatives beside other keywords")
        known = [as_schema(branch) for branch in cast("list[Any]", branches)]
        real = [branch for branch in known if branch.get("type") != "null"]
        nullable = {"nullable": True} if len(real) < len(known) else {}
        if len(real) == 1:
            return {**self._node(real[0], depth + 1, seen), **nullable}
        return {"anyOf": [self._node(branch, depth + 1, seen) for branch in real], **nullable}

    def _typed(self, schema: Schema, depth: int, seen: tuple[str, ...]) -> Schema:
        kinds = types_of(schema, self._root)
        real = [kind for kind in kinds if kind != "null"]
        if not real:
            raise Unsupported("it admits anything, or only null")
        nullable: Schema = {"nullable": True} if len(real) < len(kinds) or schema.get("nullable") is True else {}
        if len(real) > 1:
            if set(schema) - set(_ANNOTATIONS) - {"type"}:
                raise Unsupported("several types with constraints")
            return {"anyOf": [self._node({"type": kind}, depth + 1, seen) for kind in real], **nullable}
        made: Schema = {"type": real[0].upper(), **nullable}
        values = [schema["const"]] if "const" in schema else schema.get("enum")
        if values is not None:
            texts = [value for value in cast("list[Any]", values) if value is not None]
            if real[0] != "string" or not all(isinstance(value, str) and value for value in texts):
                raise Unsupported("fixed values that are not texts")
            made["enum"] = texts
            made["format"] = "enum"
        elif real[0] == "string" and schema.get("format") == "date-time":
            made["format"] = "date-time"
        if real[0] == "array":
            made["items"] = self._node(schema.get("items"), depth + 1, seen)
        if real[0] == "object":
            made |= self._properties(schema, depth, seen)
        return made | {key: schema[key] for key in _KEPT if key in schema}

    def _properties(self, schema: Schema, depth: int, seen: tuple[str, ...]) -> Schema:
        properties = as_schema(schema.get("properties"))
        if not properties or schema.get("additionalProperties") not in (None, False):
            raise Unsupported("it takes names that are not known beforehand")
        required = cast("list[Any]", schema.get("required") or [])
        if any(name not in properties for name in required):
            raise Unsupported("a required property is not described")
        made: Schema = {
            "properties": {safe_name(name): self._node(child, depth + 1, seen) for name, child in properties.items()}
        }
        if len(made["properties"]) < len(properties):
            raise Unsupported("two properties with the same name")
        if required:
            made["required"] = [safe_name(name) for name in required]
        return made


def safe_name(name: str) -> str:
    """A property's name as Gemini takes it; one that had to change ends in a hash of the original."""
    if _NAME.fullmatch(name):
        return name
    plain = re.sub(r"[^A-Za-z0-9_]", "_", name)
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"{'' if re.match('[A-Za-z_]', plain) else '_'}{plain}"[:57] + f"_{digest}"


def restored(value: Any, schema: Schema, root: Schema | None = None, depth: int = 0) -> Any:
    """A model's arguments with the names of the tool's own schema."""
    root = schema if root is None else root
    if depth > 64:
        return value
    schema = resolve(schema, root)
    if isinstance(value, list):
        items = [as_schema(found) for found in _reachable(schema, root, "items")] or [{}]
        return [restored(item, items[0], root, depth + 1) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    names: dict[str, tuple[str, Schema]] = {}
    for properties in _reachable(schema, root, "properties"):
        for name, child in as_schema(properties).items():
            names.setdefault(safe_name(name), (name, as_schema(child)))
    out: dict[str, Any] = {}
    for name, item in cast("dict[str, Any]", value).items():
        original, child = names.get(name, (name, {}))
        out[original] = restored(item, child, root, depth + 1)
    return out


def _reachable(schema: Schema, root: Schema, keyword: str) -> list[object]:
    """What a keyword says in a schema and in its alternatives."""
    found: list[object] = [schema[keyword]] if keyword in schema else []
    for key in ("anyOf", "oneOf", "allOf"):
        branches = schema.get(key)
        for branch in cast("list[Any]", branches) if isinstance(branches, list) else []:
            inner = resolve(as_schema(branch), root)
            if keyword in inner:
                found.append(inner[keyword])
    return found
