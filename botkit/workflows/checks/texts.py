"""Walk the fields of a node beside their schemas: every value with its place and what its text is."""

from __future__ import annotations

__all__ = ["Found", "find_place", "texts_of"]

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic.alias_generators import to_camel, to_snake

from botkit.core.config.tree import Branch, Leaf, Node, Path, Place, Series
from botkit.workflows.define.written import WrittenNode
from botkit.workflows.specs import NodeSpec

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """One text of a node's fields."""

    text: str
    mark: str
    """`expression`, `raw`, what it names, or empty."""
    path: Path
    place: Place
    wanted: Schema
    """JSON Schema of what stands there; {} when not known."""


def texts_of(node: WrittenNode, spec: NodeSpec | None) -> Iterator[Found]:
    """Every text, in the order of the file."""
    for name, value in node.fields.entries.items():
        field = spec.field(name) if spec is not None else None
        yield from _walk(value, field.schema if field is not None else {}, (name,))


def _walk(node: Node, schema: Schema, path: Path, mark: str = "") -> Iterator[Found]:
    mark = str(schema.get("x-botkit", mark if mark == "raw" else ""))
    if isinstance(node, Leaf):
        mark = mark or _mark(schema)
        if node.text:
            yield Found(node.text, mark, path, node.place, schema)
    elif isinstance(node, Series):
        for index, item in enumerate(node.items):
            yield from _walk(item, _item(schema), (*path, index), mark)
    else:
        for key, value in node.entries.items():
            inner = _property(schema, key)
            names_secret = key == "secret" and isinstance(value, Leaf) and mark != "raw" and not inner
            yield from _walk(value, {"x-botkit": "secret"} if names_secret else inner, (*path, key), mark)


def _options(schema: Schema) -> list[Schema]:
    found = cast("Sequence[Schema]", schema.get("anyOf") or schema.get("oneOf") or ())
    return [inner for option in found for inner in _options(option)] or [schema]


def _mark(schema: Schema) -> str:
    marks = [str(option["x-botkit"]) for option in _options(schema) if "x-botkit" in option]
    return marks[0] if marks else ""


def _item(schema: Schema) -> Schema:
    found = [cast("Schema", o["items"]) for o in _options(schema) if isinstance(o.get("items"), Mapping)]
    return found[0] if len(found) == 1 else {"anyOf": found} if found else {}


def _property(schema: Schema, key: str) -> Schema:
    found: list[Schema] = []
    for option in _options(schema):
        properties = cast("Mapping[str, Schema]", option.get("properties") or {})
        names = [name for name in (key, to_snake(key), to_camel(key), f"{key}_") if name in properties]
        if names:
            found.append(properties[names[0]])
        elif isinstance(option.get("additionalProperties"), Mapping):
            found.append(cast("Schema", option["additionalProperties"]))
    return found[0] if len(found) == 1 else {"anyOf": found} if found else {}


def find_place(fields: Node, path: Sequence[str | int]) -> tuple[Path, Node, Place]:
    """As `tree.find`, for names in either spelling."""
    node = fields
    place = fields.place
    found: list[str | int] = []
    for part in path:
        if isinstance(node, Leaf):
            break
        if isinstance(node, Branch):
            spelled = (str(part), to_snake(str(part)), to_camel(str(part)), str(part).rstrip("_"))
            key = next((name for name in spelled if name in node.entries), None)
            if key is None:
                continue
            place, node = node.keys[key], node.entries[key]
            found.append(key)
        elif isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            place = node.place
            found.append(part)
    return tuple(found), node, place
