"""The JSON Schema accepts what botkit accepts, and points out the common mistakes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from botkit.core.config.interpolate import interpolate
from botkit.core.config.parse import parse_yaml
from botkit.core.config.scalars import resolve_plain
from botkit.core.config.schema import config_schema
from botkit.core.config.tree import Branch, Leaf, Node
from tests.core.config.corpus import INVALID, VALID

SCHEMA = config_schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def as_an_editor_reads(text: str) -> Any:
    """YAML values with placeholders as they stand, which is what a language server checks."""

    def convert(node: Node) -> Any:
        if isinstance(node, Branch):
            return {key: convert(child) for key, child in node.entries.items()}
        if isinstance(node, Leaf):
            return resolve_plain(node.text) if node.plain else node.text
        return [convert(item) for item in node.items]

    return convert(parse_yaml(dedent(text), "bots.yaml").tree)


def complaints(text: str) -> list[str]:
    errors: Iterable[Any] = VALIDATOR.iter_errors(as_an_editor_reads(text))  # pyright: ignore[reportUnknownMemberType]  # untyped here
    return [str(error.message) for error in errors]


def test_the_schema_is_valid_2020_12_and_plain_json() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("name", VALID)
def test_every_valid_file_passes(name: str) -> None:
    assert complaints(VALID[name]) == []


def test_the_repositorys_own_file_passes() -> None:
    root = Path(__file__).parents[3]
    assert complaints((root / "bots.yaml").read_text()) == []


@pytest.mark.parametrize(
    "name",
    [
        "an unknown top key",
        "an unknown version",
        "unknown keys at several depths",
        "wrong types",
        "limits",
        "names",
        "a channel without a policy",
        "a mark only botkit sets",
    ],
)
def test_mistakes_of_shape_are_pointed_out(name: str) -> None:
    assert complaints(INVALID[name][0])


@pytest.mark.parametrize(
    "text",
    [
        "bots: {a: {max_iterations: '${N}', stream: '${S:-true}', busy: '${B}', locale: '${L}'}}",
        "models: {m: {model: '${M}/x', temperature: '${T}'}}",
        "settings: {max_parallel_turns: '${N}', log_level: '${LEVEL:-info}'}",
        "bots:\n  a:\n",
        "bots:\n",
    ],
)
def test_placeholders_and_empty_entries_pass(text: str) -> None:
    assert complaints(text) == []
    assert interpolate("${N:-1}", {}) == ("1", [])


@pytest.mark.parametrize(
    "text",
    [
        "models: {m: {model: a/b, api_key: sk-live}}",
        "channels: {t: {platform: telegram, bot: a, dm_policy: open, token: '123:abc'}}",
        "servers: {s: {command: x, env: {A: {secrt: B}}}}",
        "servers: {s: {comand: x}}",
        "bots: {a: {stream: yes}}",
        "channels: {t: {platform: telegram, bot: a, dm_policy: opn, token: {secret: T}}}",
    ],
)
def test_secrets_in_the_file_and_wrong_choices_are_pointed_out(text: str) -> None:
    assert complaints(text)


def test_every_key_of_the_schema_is_described() -> None:
    def undescribed(name: str, node: dict[str, Any]) -> Iterator[str]:
        for key, value in node.get("properties", {}).items():
            known = value.get("$ref") or next((v["$ref"] for v in value.get("anyOf", []) if "$ref" in v), "")
            shared = SCHEMA["$defs"].get(known.rpartition("/")[2], {})
            if "description" not in {**shared, **value} and key not in ("type", "disabled", "mcpServers"):
                yield f"{name}.{key}"

    missing = [path for name, node in SCHEMA["$defs"].items() for path in undescribed(name, node)]
    assert missing + list(undescribed("", SCHEMA)) == []
