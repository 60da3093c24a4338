"""JSON Schemas of platforms' payloads, generated from the types that others publish for them."""

from __future__ import annotations

__all__ = ["DISCORD", "SLACK", "SLACK_API", "SLACK_MANIFEST", "SLACK_PACKAGES", "TELEGRAM", "Schemas"]

import json
import re
import subprocess
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest

from tests.interop.environments import Environments

_GENERATOR = "ts-json-schema-generator"
SLACK_PACKAGES = ("ts-json-schema-generator@2.4.0", "@slack/types@3.2.0", "@slack/web-api@8.2.0")
_PACKAGES = ("ts-json-schema-generator@2.4.0", "@grammyjs/types@5.0.0", "discord-api-types@0.38.57")
_COMPILER = {"compilerOptions": {"module": "NodeNext", "moduleResolution": "NodeNext", "skipLibCheck": True}}

_WRAPPED = re.compile(r"_AddUndefined\w+<(string|boolean|number)\d*>")

TELEGRAM = "@grammyjs/types/mod.d.ts"
DISCORD = "discord-api-types/v10.d.ts"
SLACK = "@slack/types/dist/index.d.ts"
SLACK_API = "@slack/web-api/dist/index.d.ts"
SLACK_MANIFEST = "@slack/web-api/dist/types/request/manifest.d.ts"


class Schemas:
    """Generates each schema once, beside the types."""

    def __init__(self, installed: Environments, *packages: str):
        self._installed = installed
        self._folder = installed.npm(*(packages or _PACKAGES))
        self._validators: dict[str, Any] = {}

    def faults_of(self, value: Any, types: str, name: str) -> list[str]:
        """Where a payload is not of that type; empty when it is."""
        validator: Any = self._validators.get(name)
        if validator is None:
            validator = self._validators[name] = jsonschema.Draft7Validator(self._load(types, name))
        found: list[Any] = list(validator.iter_errors(value))
        return [f"{list(error.absolute_path)}: {_reason(error)}" for error in found]

    def _load(self, types: str, name: str) -> dict[str, Any]:
        file = self._folder / f"{name}.schema.json"
        if not file.exists():
            self._generate(types, name, file)
        return _relaxed(json.loads(file.read_text()))

    def _generate(self, types: str, name: str, file: Path) -> None:
        (self._folder / "tsconfig.json").write_text(json.dumps(_COMPILER))
        script = f"{_GENERATOR}/bin/{_GENERATOR}.js"
        path = str(self._folder / "node_modules" / types)
        given = ("--no-type-check", "--additional-properties", "--tsconfig", "tsconfig.json", "--path", path)
        command = self._installed.run_node(self._folder, script, *given, "--type", name)
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            pytest.fail(f"no schema of {name}: {done.stderr[-800:]}")
        made = file.with_suffix(".new")
        made.write_text(done.stdout)
        made.replace(file)


def _relaxed(schema: dict[str, Any]) -> dict[str, Any]:
    """Correct what the generator cannot say.

    Bit fields are any sum of their flags; a mapping over a plain type (`Wrapped<string123>`) is that type.
    """
    for name, definition in cast("dict[str, dict[str, Any]]", schema["definitions"]).items():
        if name.endswith("Flags") and {"enum", "const"} & definition.keys():
            definition.clear()
            definition["type"] = "integer"
        elif found := _WRAPPED.fullmatch(name):
            definition.clear()
            definition["type"] = found[1]
    return schema


def _reason(error: Any) -> str:
    """What is wrong in each branch of a union, the branches with least wrong first: it as a whole says nothing."""
    leaves: list[tuple[int, str]] = []

    def walk(one: Any, depth: int) -> None:
        for inner in one.context:
            walk(inner, depth + 1)
        if not one.context:
            leaves.append((depth, f"{one.message[:200]} at {list(one.absolute_path)}"))

    walk(error, 0)
    return " | ".join(text for _, text in sorted(leaves, reverse=True)[:6])
