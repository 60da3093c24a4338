"""Whether a node's fields are what its type takes: names, types, and what the type itself says about them.

A text with `{{ … }}` may become anything, so what such texts stand in is not judged before it runs.
"""

from __future__ import annotations

__all__ = ["check_fields"]

from collections.abc import Mapping
from typing import Any, cast

import jsonschema_rs
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from botkit.core.config.locate import nearest, sentence_of
from botkit.core.config.tree import Leaf, Node, Series, value_place
from botkit.sdk.nodes import Node as NodeClass
from botkit.workflows.checks.texts import find_place
from botkit.workflows.define.written import Report, WrittenNode
from botkit.workflows.expressions import is_template
from botkit.workflows.registry import NodeType


def check_fields(node: WrittenNode, kind: NodeType, report: Report) -> None:
    """Add what is wrong with the fields of one node."""
    before = len(report.problems)
    _names(node, kind, report)
    if kind.cls is not None:
        _by_class(node, kind, kind.cls, report)
        if len(report.problems) == before:
            _by_itself(node, kind.cls, report)
    else:
        _by_schema(node, kind, report)


def _names(node: WrittenNode, kind: NodeType, report: Report) -> None:
    known = [field.name for field in kind.spec.fields]
    for key in node.fields.entries:
        if kind.spec.field(key) is None:
            hint = nearest(key, known) or (f"known here: {', '.join(known)}" if known else "it has no fields")
            report.add(node.fields.keys[key], f"a `{node.type}` node has no such field", node.id, key, hint=hint)
    for field in kind.spec.fields:
        if field.required and field.name not in node.fields.entries:
            report.add(node.place, f"`{field.name}` is missing", node.id, hint=field.text.split("\n")[0])


def _by_class(node: WrittenNode, kind: NodeType, cls: type[NodeClass], report: Report) -> None:
    known = {key: value for key, value in node.data.items() if kind.spec.field(key) is not None}
    try:
        cls.model_validate(known)
    except ValidationError as error:
        seen: set[tuple[object, ...]] = set()
        for detail in error.errors(include_url=False, include_input=False):
            _detail(node, detail, report, seen)
    except Exception as error:
        report.add(node.place, f"the fields of this `{node.type}` node cannot be read: {type(error).__name__}", node.id)


def _detail(node: WrittenNode, detail: ErrorDetails, report: Report, seen: set[tuple[object, ...]]) -> None:
    loc = detail["loc"]
    path, found, place = find_place(node.fields, loc)
    missing = detail["type"] == "missing"
    if (missing and len(path) == 0) or path in seen:
        return  # said with the names; of the alternatives of one value the first
    direct = len(path) == len(loc) - (1 if missing else 0)
    if (not missing or not direct) and _may_become_anything(found if path else node.fields):
        return
    seen.add(path)
    if missing:
        report.add(place, f"`{loc[-1]}` is missing", node.id, *path)
    elif detail["type"] == "extra_forbidden":
        report.add(place, "unknown key", node.id, *path)
    else:
        at = value_place(found, place) if path else node.place
        report.add(at, sentence_of(detail), node.id, *path)


def _may_become_anything(node: Node) -> bool:
    if isinstance(node, Leaf):
        return is_template(node.text)
    children = node.items if isinstance(node, Series) else node.entries.values()
    return any(_may_become_anything(child) for child in children)


def _by_itself(node: WrittenNode, cls: type[NodeClass], report: Report) -> None:
    try:
        found = cls.check(node.data)
    except Exception:  # what it cannot judge has a problem of its own, or is known only when it runs
        return
    for field, message in found:
        path, value, place = find_place(node.fields, field.split("."))
        at = value_place(value, place) if path else node.place
        report.add(at, message, node.id, *(path or (field,)))


def _by_schema(node: WrittenNode, kind: NodeType, report: Report) -> None:
    for field in kind.spec.fields:
        value = node.fields.entries.get(field.name)
        if value is None or _may_become_anything(value):
            continue
        try:
            validator = jsonschema_rs.Draft202012Validator(field.schema)
            errors = list(validator.iter_errors(node.data[field.name]))
        except (jsonschema_rs.ValidationError, ValueError):
            continue  # the node's own schema is wrong, which is said where nodes are read
        for error in errors[:5]:
            path, found, place = find_place(node.fields, (field.name, *error.instance_path))
            report.add(value_place(found, place), _sentence(error, field.schema), node.id, *path)


_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "empty",
}


def _sentence(error: Any, schema: Mapping[str, Any]) -> str:
    wanted: Mapping[str, Any] = schema
    for part in error.schema_path[:-1]:
        inner: Any = wanted.get(str(part))
        wanted = cast("Mapping[str, Any]", inner) if isinstance(inner, Mapping) else dict[str, Any]()
    last = str(error.schema_path[-1]) if error.schema_path else ""
    value = wanted.get(last)
    if last == "type" and isinstance(value, str):
        return f"must be {_TYPES.get(value, value)}"
    if last == "enum" and isinstance(value, list):
        return "must be " + " or ".join(str(one) for one in cast("list[Any]", value))
    if last == "anyOf":
        return "does not have the form expected here"
    return f"does not fit `{last}: {value}`" if value is not None else "does not have the form expected here"
