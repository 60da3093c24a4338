"""JSON Schemas of tools: shown to models, checked, and fitted.

Source: https://json-schema.org/draft/2020-12
"""

# what models write is any JSON
# pyright: reportUnknownVariableType=false

from __future__ import annotations

__all__ = ["fit_arguments", "function_spec", "mended", "problems"]

import json
import re
from collections.abc import Sequence
from typing import Any, cast

from botkit.core.identity_cache import IdentityCache
from botkit.core.schemas import Schema, as_schema, json_type, resolve, types_of, without_noise
from botkit.core.tools import Tool
from botkit.core.validation import problems

_DESCRIPTION_LIMIT = 1024
_INTEGER = re.compile(r"[-+]?\d+")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


def function_spec(tool: Tool) -> dict[str, Any]:
    """The tool as models are told of it: the OpenAI shape, without what only costs tokens."""
    parameters = _parameters(tool.input_schema)
    description = tool.description or str(tool.definition.get("title") or "")
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": description[:_DESCRIPTION_LIMIT],
            "parameters": parameters,
        },
    }


def _compress(schema: Schema) -> Schema:
    parameters = without_noise(schema)
    parameters["type"] = "object"
    parameters.setdefault("properties", {})
    return parameters


_parameters = IdentityCache(_compress)


def fit_arguments(schema: Schema, arguments: dict[str, Any]) -> dict[str, Any]:
    """Mend wrong types where there is one meaning: `"5"` for an integer, JSON in a string, a lone list item.

    Arguments that fit are returned unchanged, and so are arguments that cannot be made to fit.
    """
    if not problems(schema, arguments):
        return arguments
    fitted = mended(schema, arguments)
    return arguments if problems(schema, fitted) else fitted


def mended(schema: Schema, arguments: dict[str, Any]) -> dict[str, Any]:
    """With right types wherever there is one meaning, also when something else is wrong with them."""
    return _fit_object(arguments, schema, schema)


def _fit_object(value: dict[str, Any], schema: Schema, root: Schema) -> dict[str, Any]:
    schema = resolve(schema, root)
    properties = as_schema(schema.get("properties"))
    required = cast("list[Any]", schema.get("required") or [])
    out: dict[str, Any] = {}
    for name, item in value.items():
        if name not in properties:
            out[name] = item
            continue
        child = as_schema(properties[name])
        if item is None and name not in required and "null" not in types_of(child, root):
            continue
        out[name] = _fit(item, child, root)
    return out


def _fit(value: Any, schema: Schema, root: Schema) -> Any:
    wanted = types_of(schema, root)
    schema = resolve(schema, root)
    kind = json_type(value)
    if isinstance(value, dict):
        return _fit_object(cast("dict[str, Any]", value), schema, root) if "object" in wanted else value
    if isinstance(value, list) and "array" in wanted:
        return [_fit(item, as_schema(schema.get("items")), root) for item in cast("list[Any]", value)]
    if not wanted or kind in wanted or (kind == "integer" and "number" in wanted):
        return value
    if isinstance(value, str):
        return _from_text(value.strip(), value, wanted, schema, root)
    if isinstance(value, float) and value.is_integer() and "integer" in wanted:
        return int(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and "string" in wanted:
        return str(value)
    if "array" in wanted:
        return [_fit(value, as_schema(schema.get("items")), root)]
    return value


def _from_text(text: str, value: str, wanted: Sequence[str], schema: Schema, root: Schema) -> Any:
    if "integer" in wanted and _INTEGER.fullmatch(text):
        return int(text)
    if "number" in wanted and _NUMBER.fullmatch(text):
        return float(text)
    if "boolean" in wanted and text.lower() in ("true", "false", "yes", "no"):
        return text.lower() in ("true", "yes")
    if text[:1] in "{[" and ("object" in wanted or "array" in wanted):
        try:
            return _fit(json.loads(text), schema, root)
        except ValueError:
            pass
    if "array" in wanted:
        return [_fit(value, as_schema(schema.get("items")), root)]
    if "null" in wanted and text.lower() in ("", "null", "none"):
        return None
    return value
