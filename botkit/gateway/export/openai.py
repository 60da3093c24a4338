"""Tools for OpenAI's function calling: strict where that loses nothing, loose where it would.

Strict mode makes a model keep to the schema, and in return wants every object closed and every property required.
Optional properties become nullable, and the nulls are dropped again before the call (`without_nulls`). What strict
mode cannot say (maps, tuples, `allOf` …) makes the whole tool loose: strictness is never bought by changing meaning.

Source: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
"""

from __future__ import annotations

__all__ = ["openai_tool"]

import json
from typing import Any, cast

from botkit.core.schemas import Schema, as_schema, json_type, types_of, without_noise
from botkit.core.tools import Tool
from botkit.gateway.export.exported import Exported, Notes, Unsupported, described, with_items
from botkit.gateway.export.references import Definitions, check_references

_PROPERTIES_LIMIT = 5000
_DEPTH_LIMIT = 10
_ENUM_LIMIT = 1000
_TEXT_LIMIT = 120_000
"""Characters of all names and fixed values together."""
_UNSAID = (
    "allOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies", "patternProperties",
    "prefixItems", "additionalItems", "contains", "propertyNames", "unevaluatedProperties", "unevaluatedItems",
    "$dynamicRef", "$recursiveRef",
)  # fmt: skip
"""Keywords that shape a value and that strict mode does not know."""
_FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")
_KEPT = ("pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems")
_DESCRIBED = ("minLength", "maxLength", "uniqueItems", "minProperties", "maxProperties", "contentEncoding")
_ROOT_FORBIDDEN = ("oneOf", "anyOf", "allOf", "enum", "not", "const", "if", "then", "else")
"""OpenAI refuses these at the top, strict or not."""


def openai_tool(tool: Tool) -> Exported:
    """The tool as an entry of `tools` in a chat completion request."""
    schema = tool.input_schema
    notes = Notes()
    try:
        check_references(schema)
        try:
            parameters, strict = _Strict(schema, notes).convert(), True
            reasons = list(notes.reasons)
        except Unsupported as error:
            parameters, strict, reasons = _loose(schema), False, [str(error)]
    except Unsupported as error:
        return Exported(name=tool.name, status="unsupported", reasons=(str(error),))
    except RecursionError:
        return Exported(name=tool.name, status="unsupported", reasons=("it is nested too deeply",))
    function = {
        "name": tool.name,
        "description": described(f"[{tool.server}] {tool.description or tool.definition.get('title') or ''}"),
        "parameters": parameters,
        "strict": strict,
    }
    return Exported(
        name=tool.name,
        status="loose" if reasons else "exact",
        reasons=tuple(reasons),
        declaration={"type": "function", "function": function},
    )


def _loose(schema: Schema) -> Schema:
    """The schema as it is, but for what OpenAI refuses at the top."""
    parameters = with_items(without_noise(schema))
    dropped = [key for key in _ROOT_FORBIDDEN if parameters.pop(key, None) is not None]
    if dropped:
        notes = [f"Must also fit {key}: {_short(schema[key])}." for key in dropped]
        parameters["description"] = described(parameters.get("description"), *notes)
    parameters.setdefault("properties", {})
    return parameters


class _Strict:
    """One conversion. Raises `Unsupported` as soon as something cannot be said."""

    def __init__(self, schema: Schema, notes: Notes):
        self._root = schema
        self._notes = notes
        self._definitions = Definitions(schema)
        self._properties = 0
        self._enums = 0
        self._text = 0

    def convert(self) -> Schema:
        for key in _ROOT_FORBIDDEN:
            if key in self._root:
                raise Unsupported(f"the arguments: {key} at the top has no strict form")
        parameters = self._object(self._root, "", 1, top=True)
        if self._definitions.used:
            parameters["$defs"] = self._definitions.convert(lambda target, name: self._node(target, f"#{name}", 1))
        if self._properties > _PROPERTIES_LIMIT or self._enums > _ENUM_LIMIT or self._text > _TEXT_LIMIT:
            raise Unsupported("it is larger than strict mode allows")
        return parameters

    def _node(self, value: object, where: str, depth: int) -> Schema:
        if not isinstance(value, dict):
            raise Unsupported(f"{where}: it admits anything")
        schema = cast("Schema", value)
        if depth > _DEPTH_LIMIT:
            raise Unsupported(f"{where}: it is nested deeper than {_DEPTH_LIMIT} levels")
        branches = schema.get("allOf")
        if isinstance(branches, list) and len(cast("list[Any]", branches)) == 1:
            rest = {key: item for key, item in schema.items() if key != "allOf"}
            only = as_schema(cast("list[Any]", branches)[0])
            if not set(rest) & set(only) - {"description", "title", "default"}:
                return self._node({**only, **rest}, where, depth)
        for key in _UNSAID:
            if key in schema:
                raise Unsupported(f"{where}: {key} has no strict form")
        if "$ref" in schema:
            return self._reference(schema, where)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self._alternatives(schema, key, where, depth)
        return self._typed(schema, where, depth)

    def _reference(self, schema: Schema, where: str) -> Schema:
        reference = {"$ref": self._definitions.use(schema["$ref"])}
        rest = {key: item for key, item in schema.items() if key not in ("$ref", "title", "$comment")}
        if not rest:
            return reference
        if set(rest) - {"description", "default", "examples", "deprecated"}:
            raise Unsupported(f"{where}: keywords beside $ref have no strict form")
        return self._annotated({"anyOf": [reference]}, schema, where)  # siblings of $ref are refused

    def _alternatives(self, schema: Schema, key: str, where: str, depth: int) -> Schema:
        branches = schema[key]
        beside = set(schema) - {key, "description", "title", "default", "examples", "discriminator", "$comment"}
        if beside or not isinstance(branches, list) or not branches:
            raise Unsupported(f"{where}: {key} beside other keywords has no strict form")
        made = [self._node(branch, where, depth) for branch in cast("list[Any]", branches)]
        return self._annotated({"anyOf": made}, schema, where)

    def _typed(self, schema: Schema, where: str, depth: int) -> Schema:
        kinds = types_of(schema, self._root)
        if not kinds:
            raise Unsupported(f"{where}: it admits anything")
        if "object" in kinds:
            if len(kinds) > 1 and set(kinds) != {"object", "null"}:
                raise Unsupported(f"{where}: an object or something else has no strict form")
            made = self._object(schema, where, depth)
            return made if len(kinds) == 1 else {"anyOf": [made, {"type": "null"}]}
        made: Schema = {"type": kinds[0] if len(kinds) == 1 else list(kinds)}
        if "array" in kinds:
            items = schema.get("items")
            if isinstance(items, list):
                raise Unsupported(f"{where}: a tuple has no strict form")
            made["items"] = self._node(items, f"{where}[]", depth + 1)
        values = [schema["const"]] if "const" in schema else schema.get("enum")
        if isinstance(values, list):
            if any(isinstance(value, dict | list) for value in cast("list[Any]", values)):
                raise Unsupported(f"{where}: fixed objects and lists have no strict form")
            made["enum"] = list(cast("list[Any]", values))
            self._enums += len(made["enum"])
            self._text += sum(len(str(value)) for value in made["enum"])
        for key in _KEPT:
            if key in schema:
                made[key] = schema[key]
        if schema.get("format") in _FORMATS and "string" in kinds:
            made["format"] = schema["format"]
        return self._annotated(made, schema, where)

    def _object(self, schema: Schema, where: str, depth: int, *, top: bool = False) -> Schema:
        for key in _UNSAID:
            if key in schema:
                raise Unsupported(f"{where or 'the arguments'}: {key} has no strict form")
        properties = as_schema(schema.get("properties"))
        more = schema.get("additionalProperties")
        if more not in (None, False) or (not properties and more is None and not top):
            raise Unsupported(f"{where or 'the arguments'}: it takes names that are not known beforehand")
        required = cast("list[Any]", schema.get("required") or [])
        if any(name not in properties for name in required):
            raise Unsupported(f"{where or 'the arguments'}: a required property is not described")
        self._properties += len(properties)
        self._text += sum(map(len, properties))
        made: Schema = {}
        for name, child in properties.items():
            place = f"{where}.{name}".lstrip(".")
            node = self._node(child, place, depth + 1)
            optional = name not in required and "null" not in types_of(as_schema(child), self._root)
            made[name] = _nullable(node) if optional else node
        closed: Schema = {
            "type": "object",
            "properties": made,
            "required": list(made),
            "additionalProperties": False,
        }
        return self._annotated(closed, schema, where)

    def _annotated(self, made: Schema, schema: Schema, where: str) -> Schema:
        """Add the description, with the constraints that strict mode does not know."""
        notes: list[str] = []
        for key in _DESCRIBED:
            if schema.get(key) not in (None, False, 0):
                notes.append(f"{key}: {_short(schema[key])}.")
                self._notes.dropped(where, key)
        if "default" in schema:
            notes.append(f"Default: {_short(schema['default'])}.")
        if made.get("format") is None and isinstance(schema.get("format"), str):
            notes.append(f"Format: {schema['format']}.")
        text = described(schema.get("description"), *notes)
        return {**made, "description": text} if text else made


def _nullable(node: Schema) -> Schema:
    """The same, or null."""
    if "anyOf" in node:
        return {**node, "anyOf": [*node["anyOf"], {"type": "null"}]}
    kind = node.get("type")
    if kind == "object" or "$ref" in node:
        description = {"description": node["description"]} if "description" in node else {}
        plain = {key: value for key, value in node.items() if key != "description"}
        return {"anyOf": [plain, {"type": "null"}], **description}
    kinds = cast("list[Any]", kind) if isinstance(kind, list) else [kind]
    made: Schema = {**node, "type": [*kinds, "null"]}
    if "enum" in node:
        made["enum"] = [*node["enum"], None]
    return made


def _short(value: Any) -> str:
    if json_type(value) == "string":
        return cast("str", value)[:100]
    return json.dumps(value, ensure_ascii=False, default=str)[:100]
