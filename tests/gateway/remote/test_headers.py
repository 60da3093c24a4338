"""Mirrored headers agree with those of the official SDK, which checks them on its side."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.shared import inbound

from botkit.gateway.remote.headers import header_value, mirrored, param_names

SCHEMAS: list[dict[str, Any]] = [
    {},
    {"properties": {"a": {"type": "string", "x-mcp-header": "A"}}},
    {"properties": {"a": {"type": "object", "properties": {"b": {"type": "integer", "x-mcp-header": "B"}}}}},
    {"properties": {"a": {"type": "number", "x-mcp-header": "A"}}},
    {"properties": {"a": {"type": "string", "x-mcp-header": "not a token"}}},
    {"properties": {"a": {"type": "string", "x-mcp-header": 7}}},
    {"properties": {"a": {"type": "string", "x-mcp-header": "A"}, "b": {"type": "string", "x-mcp-header": "a"}}},
    {"x-mcp-header": "Root", "properties": {}},
    {
        "properties": {"a": {"type": "string"}},
        "allOf": [{"properties": {"a": {"type": "string", "x-mcp-header": "A"}}}],
    },
    {"properties": {"a": {"type": "string", "default": {"x-mcp-header": "no"}, "x-mcp-header": "A"}}},
    {"$defs": {"x": {"x-mcp-header": "X", "type": "string"}}, "properties": {}},
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_which_arguments_are_mirrored(schema: dict[str, Any]) -> None:
    expected = {} if inbound.find_invalid_x_mcp_header(schema) else inbound.x_mcp_header_map(schema)
    assert param_names(schema) == expected


@given(st.text())
def test_every_text_survives_a_header(text: str) -> None:
    if not text.isprintable() or not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return
    assert header_value(text) == inbound.encode_header_value(text)
    assert inbound.decode_header_value(header_value(text)) == text


@given(st.one_of(st.text(st.characters(codec="utf-8")), st.integers(), st.booleans(), st.none()))
def test_the_sdk_accepts_what_we_mirror(value: Any) -> None:
    schema = SCHEMAS[1]
    params: dict[str, Any] = {"name": "größe", "arguments": {"a": value}, "_meta": {}}
    headers = mirrored("tools/call", params, "2026-07-28", schema)
    assert inbound.validate_mcp_param_headers(schema, params["arguments"], headers) is None
    assert inbound.decode_header_value(headers["Mcp-Name"]) == "größe"


def test_only_methods_with_a_name_mirror_one() -> None:
    assert mirrored("resources/read", {"uri": "file:///x"}, "v", None)["Mcp-Name"] == "file:///x"
    assert "Mcp-Name" not in mirrored("tools/list", {"name": "x"}, "v", None)
