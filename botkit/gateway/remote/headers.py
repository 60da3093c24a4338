"""Headers that repeat parts of a modern request, so that what stands between can route it without reading the body.

    MCP-Protocol-Version: 2026-07-28
    Mcp-Method: tools/call
    Mcp-Name: get_weather
    Mcp-Param-Region: eu            (an argument whose schema says `"x-mcp-header": "Region"`)

A server refuses a request whose headers and body differ, so both are made from the same values here.

Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports#request-headers
"""

from __future__ import annotations

__all__ = ["header_value", "mirrored", "param_names"]

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

_NAMES = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Methods with a name, and the parameter that holds it."""
_ANNOTATION = "x-mcp-header"
_PLAIN = re.compile(r"[\x20-\x7e]*")
_WRAPPED = re.compile(r"=\?base64\?.*\?=")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TYPES = ("string", "integer", "boolean")
_DEPTH_LIMIT = 32

_SINGLE = ("items", "contains", "unevaluatedItems", "additionalProperties", "propertyNames", "unevaluatedProperties",
           "not", "if", "then", "else", "contentSchema")  # fmt: skip
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_MAPS = ("patternProperties", "dependentSchemas", "$defs", "definitions")

Path = tuple[str, ...]


def mirrored(method: str, params: Mapping[str, Any], version: str, schema: Mapping[str, Any] | None) -> dict[str, str]:
    """The headers of one modern request. `schema` is the tool's input schema, where it is known."""
    headers = {"MCP-Protocol-Version": version, "Mcp-Method": method}
    name = params.get(_NAMES.get(method, ""))
    if isinstance(name, str):
        headers["Mcp-Name"] = header_value(name)
    if method == "tools/call" and schema is not None:
        for path, token in param_names(schema).items():
            text = _as_text(_at(params.get("arguments"), path))
            if text is not None:
                headers[f"Mcp-Param-{token}"] = header_value(text)
    return headers


def header_value(text: str) -> str:
    """The text itself where a header can hold it, else `=?base64?…?=`."""
    if _PLAIN.fullmatch(text) and text == text.strip() and not _WRAPPED.fullmatch(text):
        return text
    return f"=?base64?{base64.b64encode(text.encode('utf-8', 'replace')).decode('ascii')}?="


def param_names(schema: Mapping[str, Any]) -> dict[Path, str]:
    """Which arguments are repeated: path of property names → header name without its prefix.

    Empty when one annotation is not as the specification wants it: then none counts.
    """
    found: dict[Path, str] = {}
    taken: set[str] = set()
    for path, node in _positions(schema):
        if _ANNOTATION not in node:
            continue
        token: Any = node[_ANNOTATION]
        if not path or not isinstance(token, str) or not _TOKEN.fullmatch(token):
            return {}
        if node.get("type") not in _TYPES or token.lower() in taken:
            return {}
        taken.add(token.lower())
        found[path] = token
    return found


def _positions(schema: Mapping[str, Any]) -> Iterator[tuple[Path | None, Mapping[str, Any]]]:
    """Every schema inside a schema; its path while only `properties` were passed, else None."""
    stack: list[tuple[Path | None, Any, int]] = [((), schema, 0)]
    while stack:
        path, node, depth = stack.pop()
        if not isinstance(node, Mapping) or depth > _DEPTH_LIMIT:
            continue
        node = cast("Mapping[str, Any]", node)
        yield path, node
        for key, value in node.items():
            if key == "properties" and isinstance(value, Mapping):
                for name, one in cast("Mapping[str, Any]", value).items():
                    stack.append(((*path, name) if path is not None else None, one, depth + 1))
            elif key in _SINGLE:
                stack.append((None, value, depth + 1))
            elif key in _LISTS and isinstance(value, list):
                stack += [(None, one, depth + 1) for one in cast("list[Any]", value)]
            elif key in _MAPS and isinstance(value, Mapping):
                stack += [(None, one, depth + 1) for one in cast("Mapping[str, Any]", value).values()]


def _at(node: Any, path: Path) -> Any:
    for key in path:
        if not isinstance(node, Mapping):
            return None
        node = cast("Mapping[str, Any]", node).get(key)
    return node


def _as_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None
