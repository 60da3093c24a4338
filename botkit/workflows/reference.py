"""The reference page of node types, and the JSON Schema of workflow files, both written from the types.

python -m botkit.workflows.reference        writes docs/nodes.md and the typed methods of the builder
"""

from __future__ import annotations

__all__ = ["main", "nodes_markdown", "undocumented", "workflow_schema"]

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from botkit.core.config.models import Workflow
from botkit.workflows.graph import ERROR
from botkit.workflows.methods import methods_source
from botkit.workflows.registry import NodeType, Registry, builtin_registry
from botkit.workflows.specs import FieldSpec, NodeSpec

_CATEGORIES = {
    "flow": "Where to go",
    "ai": "Models",
    "tools": "Tools and services",
    "people": "People",
    "data": "Data",
    "own": "Others",
}
_INTRO = """\
# Nodes

This page is generated from the node types themselves; `botkit workflows nodes` prints it for your project, with the
nodes of `workspace/nodes/`. How nodes become a workflow is in [Write a workflow](guides/workflows.md).

## What every node takes

These stand beside a node's fields, not among them.

| option | |
|---|---|
| `id` | Its name in the graph; made from its type when absent. |
| `label` | For people: shown in pictures and traces. |
| `output` | The variable its output becomes; its id when absent. |
| `timeout_s` | Seconds of working time for one attempt. Waiting for people does not count. |
| `retry` | How often to try again after a failure worth it, or `{attempts, delay_s, factor, max_delay_s, codes}`. |
| `compensate` | The node where the steps begin that undo this one when the run fails later. |

Every node has the edge `error`: taken when it fails for good, with `{{ error.code }}`, `{{ error.message }}` and
`{{ error.node }}`. Without it, and without an `error_handler`, the run fails.

Any text among the fields may hold `{{ … }}`; a text that is one expression keeps the type of its value. Fields marked
*expression* are written without braces, and fields marked *as it stands* are never filled in.
"""
_MARKS = {
    "expression": "expression",
    "raw": "as it stands",
    "tool": "tool",
    "tools": "tool or pattern",
    "model": "model",
    "bot": "bot or team",
    "workflow": "workflow",
    "channel": "channel",
    "function": "function",
    "secret": "name of a secret",
    "node": "id of a node",
}
_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "mapping",
    "null": "nothing",
}


def nodes_markdown(registry: Mapping[str, NodeType], *, intro: bool = True) -> str:
    """The page, the same text for the same types; without `intro` only the types."""
    lines = [_INTRO] if intro else []
    for category, title in _CATEGORIES.items():
        specs = [kind.spec for kind in registry.values() if kind.spec.category == category]
        if specs:
            lines += [f"## {title}", ""]
            for spec in specs:
                lines += _node(spec)
    return "\n".join(lines).rstrip() + "\n"


def undocumented(registry: Registry) -> list[str]:
    """Node types, fields and edges that nobody has written a word about: `loop`, `loop.times`, `loop>done`."""
    found: list[str] = []
    for name, kind in registry.items():
        found += [name] if not kind.spec.text else []
        found += [f"{name}.{field.name}" for field in kind.spec.fields if not field.text]
        found += [f"{name}>{handle}" for handle, when in kind.spec.handles.items() if not when]
    return found


def _node(spec: NodeSpec) -> list[str]:
    lines = [f"### {spec.type}", "", spec.text, ""]
    if spec.fields:
        lines += ["| field | type | default | |", "|---|---|---|---|", *map(_field, spec.fields), ""]
    if not spec.entry or spec.handles:
        lines += ["| edge | taken when |", "|---|---|", *(f"| `{k}` | {_cell(v)} |" for k, v in spec.handles.items())]
        if spec.dynamic:
            lines.append("| … | its fields decide which others there are |")
        lines.append("")
    if spec.output:
        lines += [f"Output: {_type(spec.output)}.", ""]
        properties = cast("Mapping[str, Mapping[str, Any]]", spec.output.get("properties") or {})
        if properties:
            lines += ["| output | type | |", "|---|---|---|"]
            rows = (f"| `{k}` | {_type(v)} | {_cell(str(v.get('description', '')))} |" for k, v in properties.items())
            lines += [*rows, ""]
    if spec.writes:
        lines += ["Writes too: " + ", ".join(f"`{name}`" for name in spec.writes if name != "*") + ".", ""]
    return lines


def _field(field: FieldSpec) -> str:
    default = field.schema.get("default")
    shown = (
        "**required**"
        if field.required
        else ""
        if default in (None, "") or isinstance(default, list | dict)
        else f"`{_plain(default)}`"
    )
    return f"| `{field.name}` | {_cell(_type(field.schema))} | {shown} | {_cell(field.text)} |"


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _type(schema: Mapping[str, Any]) -> str:
    if "x-botkit" in schema:
        return _MARKS.get(str(schema["x-botkit"]), "text")
    options = cast("Sequence[Mapping[str, Any]]", schema.get("anyOf") or schema.get("oneOf") or ())
    if options:
        names = [_type(option) for option in options if option.get("type") != "null"]
        return " or ".join(dict.fromkeys(names)) or "nothing"
    if "enum" in schema:
        return " | ".join(f"`{value}`" for value in cast("Sequence[Any]", schema["enum"]))
    if "const" in schema:
        return f"`{schema['const']}`"
    kind = schema.get("type")
    items = schema.get("items")
    if kind == "array" and isinstance(items, Mapping) and items:
        return f"list of {_type(cast('Mapping[str, Any]', items))}"
    return (_TYPES.get(str(kind), "anything") if kind else "anything") + _range(schema)


def _range(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum")
    above = "above " if "exclusiveMinimum" in schema else ""
    if low is not None and high is not None:
        return f" ({above}{low} to {high})"
    if low is not None:
        return f" ({above}{low}{'' if above else ' or more'})"
    return f" (up to {high})" if high is not None else ""


def workflow_schema(registry: Registry) -> dict[str, Any]:
    """JSON Schema 2020-12 of a workflow's file, in both forms, for editors. Templates may stand anywhere."""
    settings = cast("dict[str, Any]", Workflow.model_json_schema()["properties"])
    properties = {key: value for key, value in settings.items() if key not in ("file", "steps", "nodes", "edges")}
    for value in properties.values():
        value.pop("title", None)
    data = {name: _data(kind.spec) for name, kind in registry.items()}
    ref = {"$ref": "#/$defs/steps"}
    way = {"anyOf": [ref, {"const": "end"}, {"type": "object"}, {"type": "null"}]}
    options = _options()
    handles = sorted({h for kind in registry.values() for h in kind.spec.handles} | {ERROR})
    step = {
        "type": "object",
        "properties": {
            **{handle: way for handle in handles if handle not in registry},
            **options,
            "on": {"type": "object", "additionalProperties": way, "description": "Steps of its edges, by name."},
            "branches": {"type": "object", "additionalProperties": ref, "description": "Branches of `parallel`."},
            "goto": {"type": "string", "description": "Go on at the step with this id."},
            "end": {"type": "boolean", "description": "The way ends here."},
            "compensate": {"anyOf": [{"type": "string"}, ref], "description": options["compensate"]["description"]},
            **{name: {"anyOf": [_open(schema), {"type": "null"}]} for name, schema in data.items()},
        },
    }
    node = {
        "type": "object",
        "properties": {**options, "type": {"enum": [*registry]}, "data": {"type": "object"}},
        "required": ["id", "type"],
        "allOf": [
            {"if": {"properties": {"type": {"const": name}}}, "then": {"properties": {"data": schema}}}
            for name, schema in data.items()
        ],
    }
    edge = {
        "type": "object",
        "properties": {
            "source": {"type": "string", "description": "The node it leaves."},
            "target": {"type": "string", "description": "The node it enters."},
            "handle": {"type": "string", "description": "The edge's name; the node's usual one when absent."},
        },
        "required": ["source", "target"],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Workflow",
        "description": "A workflow of botkit: steps, or nodes and edges.",
        "type": "object",
        "properties": {
            **properties,
            "steps": {**ref, "description": "The short form: one after the other."},
            "nodes": {"type": "array", "items": node, "description": "The full form."},
            "edges": {"type": "array", "items": edge, "description": "The ways between nodes."},
        },
        "additionalProperties": False,
        "$defs": {"steps": {"type": "array", "items": {"anyOf": [{"enum": ["end", *registry]}, step]}}},
    }


def _options() -> dict[str, Any]:
    rows = [line.split("|") for line in _INTRO.splitlines() if line.startswith("| `")]
    texts = {row[1].strip(" `"): row[2].strip() for row in rows}
    kinds: dict[str, Any] = {
        "timeout_s": {"type": "number", "exclusiveMinimum": 0},
        "retry": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "object"}]},
    }
    return {name: {**kinds.get(name, {"type": "string"}), "description": text} for name, text in texts.items()}


def _data(spec: NodeSpec) -> dict[str, Any]:
    """As its fields are, but a template wherever something else than text is wanted."""
    schema = cast("dict[str, Any]", _templated(spec.data_schema()))
    return {**schema, "description": spec.text.split("\n\n")[0]}


def _open(schema: dict[str, Any]) -> dict[str, Any]:
    """Of a step, whose other keys may say what is required: `parallel` has its branches there."""
    return {key: value for key, value in schema.items() if key != "required"}


def _templated(schema: Any, *, top: bool = True) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    given = dict(cast("Mapping[str, Any]", schema))
    given.pop("x-botkit", None)
    for key in ("properties",):
        if isinstance(given.get(key), Mapping):
            inner = cast("Mapping[str, Any]", given[key])
            given[key] = {name: _templated(one, top=False) for name, one in inner.items()}
    if isinstance(given.get("items"), Mapping):
        given["items"] = _templated(given["items"], top=False)
    given.pop("title", None)
    plain = given.get("type") == "string" and "enum" not in given and "pattern" not in given
    if top or plain or ("type" not in given and "enum" not in given and "anyOf" not in given):
        return given
    outside = {key: given.pop(key) for key in ("description", "default") if key in given}
    return {"anyOf": [given, {"type": "string", "pattern": r"\{[{%]"}], **outside}


def main(root: Path | None = None) -> list[str]:
    """Write what is generated from the node types; paths of what changed, relative to `root`."""
    root = root or Path(__file__).parents[2]
    registry = builtin_registry()
    files = {"docs/nodes.md": nodes_markdown(registry), "botkit/sdk/workflow_nodes.py": methods_source(registry)}
    changed = [path for path, text in files.items() if _reads(root / path) != text]
    for path in changed:
        (root / path).write_text(files[path], encoding="utf-8")
    return changed


def _reads(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


if __name__ == "__main__":
    for written in main():
        sys.stdout.write(f"{written}\n")
