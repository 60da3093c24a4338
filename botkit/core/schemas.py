"""Walking JSON Schemas of tools: what the agent loop and the exports of the gateway have in common.

Source: https://json-schema.org/draft/2020-12
"""

from __future__ import annotations

__all__ = ["Schema", "as_schema", "json_type", "resolve", "types_of", "without_noise", "without_nulls"]

from typing import Any, TypeAlias, cast

Schema: TypeAlias = dict[str, Any]

_NOISE = ("$schema", "$id", "title", "$comment")
_NAMED_CHILDREN = ("properties", "$defs", "definitions", "patternProperties")
_LISTED_CHILDREN = ("anyOf", "oneOf", "allOf", "prefixItems")
_JSON_TYPES = (
    (bool, "boolean"),  # before int, of which it is a kind
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (dict, "object"),
    (list, "array"),
)
_DEPTH_LIMIT = 64


def as_schema(value: object) -> Schema:
    """`value` as a schema object; anything else (`true`, a list, nothing) allows everything."""
    return cast("Schema", value) if isinstance(value, dict) else {}


def json_type(value: object) -> str:
    """The name JSON Schema has for the type of a value."""
    for kind, name in _JSON_TYPES:
        if isinstance(value, kind):
            return name
    return "null"


def without_noise(schema: Schema) -> Schema:
    """A copy without titles and schema links. Names of properties are never touched."""
    out: Schema = {}
    for key, value in schema.items():
        if key in _NOISE and not isinstance(value, dict):
            continue
        if key in _NAMED_CHILDREN and isinstance(value, dict):
            out[key] = {name: _without_noise(child) for name, child in cast("Schema", value).items()}
        elif key in _LISTED_CHILDREN and isinstance(value, list):
            out[key] = [_without_noise(child) for child in cast("list[Any]", value)]
        else:
            out[key] = value if key in ("default", "const") else _without_noise(value)
    return out


def _without_noise(value: Any) -> Any:
    return without_noise(cast("Schema", value)) if isinstance(value, dict) else value


def resolve(schema: Schema, root: Schema) -> Schema:
    """Follow local references (`#/$defs/Order`); a remote or circular one allows everything."""
    for _ in range(16):
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        if reference == "#":
            schema = root
            continue
        if not reference.startswith("#/"):
            return {}
        target: object = root
        for step in reference[2:].split("/"):
            target = as_schema(target).get(step.replace("~1", "/").replace("~0", "~"))
        schema = as_schema(target)
    return {}


def types_of(schema: Schema, root: Schema) -> tuple[str, ...]:
    """The JSON types a schema admits, as far as it says so, `null` included; empty when it does not say."""
    return _types_of(schema, root, 0)


def _types_of(schema: Schema, root: Schema, depth: int) -> tuple[str, ...]:
    schema = resolve(schema, root)
    kind = schema.get("type")
    if isinstance(kind, str):
        return (kind,)
    if isinstance(kind, list):
        return tuple(str(item) for item in cast("list[Any]", kind))
    for key in ("anyOf", "oneOf"):
        branches = schema.get(key)
        if isinstance(branches, list) and depth < _DEPTH_LIMIT:
            found = [_types_of(as_schema(branch), root, depth + 1) for branch in cast("list[Any]", branches)]
            return tuple(dict.fromkeys(name for names in found for name in names))
    if "properties" in schema:
        return ("object",)
    values = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    return tuple(dict.fromkeys(json_type(value) for value in cast("list[Any]", values)))


def without_nulls(value: Any, schema: Schema, root: Schema | None = None) -> Any:
    """A copy without the nulls that stand for "left out": at optional properties that do not admit null.

    Some models must name every property, so optional ones are shown to them as nullable; this is the way back. A null
    that the schema admits stays.
    """
    return _without_nulls(value, schema, schema if root is None else root, 0)


def _without_nulls(value: Any, schema: Schema, root: Schema, depth: int) -> Any:
    if depth > _DEPTH_LIMIT or not isinstance(value, dict | list):
        return value
    schema = resolve(schema, root)
    if isinstance(value, list):
        items = as_schema(_branch(value, schema, root).get("items"))
        return [_without_nulls(item, items, root, depth + 1) for item in cast("list[Any]", value)]
    schema = _branch(value, schema, root)
    properties, required = as_schema(schema.get("properties")), cast("list[Any]", schema.get("required") or [])
    out: dict[str, Any] = {}
    for name, item in cast("dict[str, Any]", value).items():
        child = as_schema(properties.get(name))
        if item is None and name in properties and name not in required:
            admitted = types_of(child, root)
            if admitted and "null" not in admitted:
                continue
        out[name] = _without_nulls(item, child, root, depth + 1)
    return out


def _branch(value: Any, schema: Schema, root: Schema) -> Schema:
    """The alternative that a value was most likely written for; the schema itself when it has none."""
    for key in ("anyOf", "oneOf", "allOf"):
        branches = schema.get(key)
        if isinstance(branches, list) and "properties" not in schema and "items" not in schema:
            known = [resolve(as_schema(branch), root) for branch in cast("list[Any]", branches)]
            fitting = [
                branch for branch in known if json_type(value) in (types_of(branch, root) or ("object", "array"))
            ]
            for branch in fitting:
                if not isinstance(value, dict) or _may_be(cast("dict[str, Any]", value), branch):
                    return branch
            return fitting[0] if fitting else schema
    return schema


def _may_be(value: dict[str, Any], schema: Schema) -> bool:
    """Whether names and fixed values of an object are those of this alternative."""
    properties = as_schema(schema.get("properties"))
    if any(name not in properties for name in value):
        return False
    if any(value.get(name) is None for name in cast("list[str]", schema.get("required") or [])):
        return False
    for name, item in value.items():
        child = as_schema(properties[name])
        fixed = [child["const"]] if "const" in child else child.get("enum")
        if isinstance(fixed, list) and item is not None and item not in cast("list[Any]", fixed):
            return False
    return True
