"""Tool definitions as servers send them: checked one by one, so that a bad one hides only itself."""

from __future__ import annotations

__all__ = ["Definition", "definition_hash", "read_definitions"]

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from botkit.gateway.arguments import ArgumentChecker, compile_schema
from botkit.gateway.file_inputs import FileInput, file_inputs
from botkit.gateway.redact import SecretRedactor
from botkit.gateway.results import without_unwanted

_DEFINITION_LIMIT_BYTES = 64 * 1024
_DESCRIPTION_CHARS = 8192
_PINNED = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")
_NAME = re.compile(r"[^\x00-\x20\x7f]{1,128}")


@dataclass(frozen=True, slots=True)
class Definition:
    """A usable tool of a server."""

    name: str
    """The server's own name for it."""
    raw: dict[str, Any]
    """The MCP `Tool` object, cleaned."""
    hash: str
    checker: ArgumentChecker
    files: tuple[FileInput, ...] = ()
    """Its arguments that take files."""


def definition_hash(raw: dict[str, Any]) -> str:
    """What a review is pinned to: name, texts, schemas and annotations, whatever order they come in."""
    pinned = {key: raw[key] for key in _PINNED if key in raw}
    return hashlib.sha256(msgspec.json.encode(pinned, order="deterministic")).hexdigest()


def read_definitions(tools: Iterable[Any], redactor: SecretRedactor) -> tuple[list[Definition], list[str]]:
    """The usable tools, and one sentence for each that is not."""
    found: dict[str, Definition] = {}
    left_out: list[str] = []
    for index, tool in enumerate(tools):
        try:
            definition = _read(tool, redactor)
        except ValueError as error:
            name: Any = cast("dict[str, Any]", tool).get("name") if isinstance(tool, dict) else None
            label = name[:128] if isinstance(name, str) and name else f"number {index + 1}"
            left_out.append(f"Tool {label} was left out: {error}.")
            continue
        if definition.name in found:
            left_out.append(f"Tool {definition.name} was left out: the name is taken by an earlier one.")
        else:
            found[definition.name] = definition
    return list(found.values()), left_out


def _read(tool: Any, redactor: SecretRedactor) -> Definition:
    """Raises `ValueError` saying why a tool cannot be used."""
    if not isinstance(tool, dict):
        raise ValueError("it is not an object")
    try:
        encoded = msgspec.json.encode(tool)  # pyright: ignore[reportUnknownArgumentType]  # any JSON
    except (RecursionError, UnicodeEncodeError) as error:
        raise ValueError("its definition cannot be read") from error
    if len(encoded) > _DEFINITION_LIMIT_BYTES:
        raise ValueError(f"its definition is larger than {_DEFINITION_LIMIT_BYTES // 1024} KiB")
    raw = cast("dict[str, Any]", redactor.value(without_unwanted(tool)))
    name = raw.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError("its name is missing, too long, or holds blanks")
    schema = raw.get("inputSchema", {"type": "object"})
    if not isinstance(schema, dict):
        raise ValueError("its inputSchema is not an object")
    schema = {"type": "object", **cast("dict[str, Any]", schema)}
    if schema["type"] != "object":
        raise ValueError(f"its inputSchema describes {str(schema['type'])[:40]!r} instead of an object")
    raw["inputSchema"] = schema
    description = raw.get("description")
    raw["description"] = description[:_DESCRIPTION_CHARS] if isinstance(description, str) else ""
    return Definition(name, raw, definition_hash(raw), compile_schema(schema), file_inputs(schema))
