"""Exports: never lossy strictness, nothing fails the list, and the way back leads to what the tool takes."""

# JSON of any shape is walked here
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from botkit.core.schemas import without_nulls
from botkit.core.tools import Tool
from botkit.gateway.export.gemini import gemini_tool, restored, safe_name
from botkit.gateway.export.openai import openai_tool
from botkit.gateway.naming import tool_name
from tests.gateway.export.corpus import CORPUS, tool_of

GOLDEN = Path(__file__).parent / "golden.json"


def strict_parameters(name: str) -> Any:
    """The parameters of a strict export; None of another."""
    declaration = openai_tool(tool_of(name)).declaration
    return declaration["function"]["parameters"] if declaration and declaration["function"]["strict"] else None


STRICT = [name for name in CORPUS if strict_parameters(name) is not None]


@pytest.mark.parametrize("name", CORPUS)
def test_each_schema_has_its_stated_status(name: str) -> None:
    case, tool = CORPUS[name], tool_of(name)
    before = deepcopy(tool.input_schema)
    openai, gemini = openai_tool(tool), gemini_tool(tool)
    assert (openai.status, gemini.status) == (case.openai, case.gemini), (openai.reasons, gemini.reasons)
    assert tool.input_schema == before
    for exported in (openai, gemini):
        assert (exported.status == "exact") == (not exported.reasons)
        assert (exported.declaration is None) == (exported.status == "unsupported")
    if gemini.declaration is not None:
        assert ("parametersJsonSchema" not in gemini.declaration) == case.dialect


def test_what_is_exported_is_what_was_looked_at() -> None:
    """`python -m tests.gateway.export.test_export` writes the file anew; look at the difference."""
    assert json.loads(GOLDEN.read_text()) == _golden()


@pytest.mark.parametrize("name", STRICT)
def test_strict_schemas_follow_the_rules_of_strict_mode(name: str) -> None:
    parameters = strict_parameters(name)
    assert parameters["type"] == "object"
    assert "anyOf" not in parameters
    _check_strict(parameters)


@pytest.mark.parametrize("name", STRICT)
def test_what_a_strict_model_sends_is_what_the_tool_takes(name: str) -> None:
    case = CORPUS[name]
    parameters = strict_parameters(name)
    strict, original = jsonschema_rs.validator_for(parameters), jsonschema_rs.validator_for(case.schema)
    assert case.samples
    for sample in case.samples:
        assert original.is_valid(sample)
        filled = _filled(sample, parameters, parameters)
        assert strict.is_valid(filled), [error.message for error in strict.iter_errors(filled)]
        back = without_nulls(filled, case.schema)
        assert original.is_valid(back), [error.message for error in original.iter_errors(back)]
        assert _lean(back) == _lean(sample)


@pytest.mark.parametrize("name", CORPUS)
def test_names_given_to_gemini_lead_back(name: str) -> None:
    case = CORPUS[name]
    for sample in case.samples:
        renamed = {safe_name(key): value for key, value in sample.items()} if case.dialect else sample
        assert restored(renamed, case.schema) == sample


def test_loose_tools_keep_their_whole_schema() -> None:
    for name, case in CORPUS.items():
        exported = openai_tool(tool_of(name)).declaration
        if exported is None or exported["function"]["strict"]:
            continue
        validator = jsonschema_rs.validator_for(exported["function"]["parameters"])
        for sample in case.samples:
            assert validator.is_valid(sample)


def test_long_and_dotted_names_fit_and_differ() -> None:
    names = [tool_name("server", "a" * 100 + end) for end in ("1", "2")] + [
        tool_name("s", "a.b"),
        tool_name("s", "a_b"),
    ]
    assert len(set(names)) == 4
    for name in names:
        tool = Tool(name=name, server="s", upstream_name="x", definition={"inputSchema": {"type": "object"}})
        for exported in (openai_tool(tool), gemini_tool(tool)):
            assert len(exported.name) <= 64
            assert exported.name == name


def test_a_hostile_schema_costs_neither_stack_nor_time() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(400):
        deep = {"type": "object", "properties": {"a": deep}, "required": ["a"]}
    wide = {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(6000)}}
    doubling: dict[str, Any] = {"D60": {"type": "string"}}
    for n in range(60):
        below = {"$ref": f"#/$defs/D{n + 1}"}
        doubling[f"D{n}"] = {"type": "object", "properties": {"l": below, "r": below}, "required": ["l", "r"]}
    bomb = {"type": "object", "properties": {"a": {"$ref": "#/$defs/D0"}}, "$defs": doubling}
    for schema in (deep, wide, bomb):
        tool = Tool(name="s__t", server="s", upstream_name="t", definition={"inputSchema": schema})
        assert openai_tool(tool).status in ("exact", "loose", "unsupported")
        assert gemini_tool(tool).status in ("exact", "loose", "unsupported")
    assert (
        openai_tool(Tool(name="t", server="s", upstream_name="t", definition={"inputSchema": wide})).status == "loose"
    )


def _check_strict(node: Any) -> None:
    """The published rules, read anew: every object closed, every property required, no keyword unknown."""
    if isinstance(node, list):
        for item in node:
            _check_strict(item)
    if not isinstance(node, dict):
        return
    known = {"type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "$ref", "$defs",
             "description", "format", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
             "multipleOf", "minItems", "maxItems"}  # fmt: skip
    assert set(node) <= known, set(node) - known
    if "$ref" in node:
        assert set(node) == {"$ref"}
    if node.get("type") == "object":
        assert node["additionalProperties"] is False
        assert node["required"] == list(node["properties"])
    for name in ("properties", "$defs"):
        for child in node.get(name, {}).values():
            _check_strict(child)
    for name in ("items", "anyOf"):
        _check_strict(node.get(name))


def _filled(value: Any, node: Any, root: Any) -> Any:
    """As a strict model writes it: every property named, null for what is left out."""
    while "$ref" in node:
        node = root["$defs"][node["$ref"].rpartition("/")[2]]
    if "anyOf" in node:
        for branch in node["anyOf"]:
            made = _filled(value, branch, root)
            if jsonschema_rs.validator_for({**branch, "$defs": root.get("$defs", {})}).is_valid(made):
                return made
        return value
    if isinstance(value, dict) and "properties" in node:
        return {
            name: _filled(value[name], child, root) if name in value else None
            for name, child in node["properties"].items()
        }
    if isinstance(value, list):
        return [_filled(item, node.get("items", {}), root) for item in value]
    return value


def _lean(value: Any) -> Any:
    """Without nulls: where null is admitted, leaving out and null are the same to a strict model."""
    if isinstance(value, dict):
        return {key: _lean(item) for key, item in value.items() if item is not None}
    return [_lean(item) for item in value] if isinstance(value, list) else value


def _golden() -> dict[str, Any]:
    return {
        name: {"openai": openai_tool(tool_of(name)).declaration, "gemini": gemini_tool(tool_of(name)).declaration}
        for name in CORPUS
    }


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(_golden(), indent=1, ensure_ascii=False) + "\n")
