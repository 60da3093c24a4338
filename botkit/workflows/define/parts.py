"""What both forms share: a node's type, id, fields and options, read from a mapping."""

from __future__ import annotations

__all__ = ["OPTIONS", "NodeParts", "fold_data", "read_data", "read_options"]

import math
import re
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic.alias_generators import to_snake

from botkit.core.config.tree import Branch, Leaf, Node, Place, is_empty
from botkit.workflows.define.written import Report, WrittenNode, plain
from botkit.workflows.graph import Retry
from botkit.workflows.registry import NodeType, Registry

OPTIONS = ("id", "label", "output", "timeout_s", "retry", "compensate")
"""Stand beside a node's fields, in every form."""
_RETRY = {"attempts": int, "delay_s": float, "factor": float, "max_delay_s": float, "codes": tuple}
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_ALIASES = {"output_variable": "output", "output": "output", "label": "label"}
"""Options that other programs keep among the fields."""


@dataclass(slots=True)
class NodeParts:
    """A node on its way: what was read, where it stands."""

    type: str
    place: Place
    fields: Branch
    options: Branch
    path: tuple[str | int, ...] = ()
    found: dict[str, Node] = field(default_factory=dict[str, Node])


def known_type(name: str, registry: Registry) -> str:
    """The type as registered, where only its spelling is another program's: `llmCall` is `llm_call`."""
    snake = to_snake(name)
    return snake if name not in registry and snake in registry else name


def fold_data(type_name: str, fields: Branch, kind: NodeType | None) -> tuple[str, Branch, Branch]:
    """Fields under their own names, apart from options that stand among them; and the type they stand for.

    Returns type, fields, options. An `action` whose `actionType` is `human_handoff` is that node.
    """
    renamed = Branch(fields.place)
    options = Branch(fields.place)
    for key, value in fields.entries.items():
        place = fields.keys[key]
        known = kind.spec.field(key) if kind is not None else None
        name = known.name if known is not None else to_snake(key)
        if known is None and name in _ALIASES:
            options.entries[_ALIASES[name]], options.keys[_ALIASES[name]] = value, place
        else:
            written = name if known is not None else key
            renamed.entries[written], renamed.keys[written] = value, place
    return type_name, renamed, options


def handoff(type_name: str, fields: Branch, registry: Registry) -> tuple[str, Branch]:
    """`action` with `actionType: human_handoff` is the node `human_handoff`."""
    for key in ("actionType", "action_type"):
        leaf = fields.entries.get(key)
        if type_name == "action" and isinstance(leaf, Leaf) and leaf.text == "human_handoff":
            if "human_handoff" not in registry:
                continue
            kept = [name for name in fields.entries if name != key]
            rest = Branch(fields.place, {k: fields.entries[k] for k in kept}, {k: fields.keys[k] for k in kept})
            return "human_handoff", rest
    return type_name, fields


def read_data(node: Node | None, place: Place, report: Report, *path: str | int) -> Branch:
    """The mapping of a node's fields; an empty one when nothing stands there."""
    if node is None or is_empty(node):
        return Branch(place)
    if not isinstance(node, Branch):
        report.add(node.place, "a node's fields are a mapping of `field: value` lines", *path)
        return Branch(place)
    return node


def finish(parts: NodeParts, node_id: str, kind: NodeType | None, report: Report) -> WrittenNode:
    """The node, its options read."""
    _, fields, folded = fold_data(parts.type, parts.fields, kind)
    merged = Branch(parts.place, {**folded.entries, **parts.options.entries}, {**folded.keys, **parts.options.keys})
    node = WrittenNode(node_id, parts.type, parts.place, fields, cast("dict[str, Any]", plain(fields)))
    read_options(node, merged, report)
    return node


def read_options(node: WrittenNode, options: Branch, report: Report) -> None:
    """Fill in label, output, timeout_s, retry and compensate."""
    for key, value in options.entries.items():
        place = node.options[key] = options.keys[key]
        if key == "retry":
            node.retry = _retry(node, value, place, report)
        elif key == "timeout_s":
            node.timeout_s = _seconds(node, key, value, report)
        elif key in ("label", "output", "compensate"):
            text = _text(node, key, value, report)
            if key == "output" and text and not _NAME.fullmatch(text):
                report.add(value.place, "a variable has letters, digits and underscores", node.id, key)
                text = ""
            setattr(node, key, text)


def check_id(text: str, place: Place, report: Report, *path: str | int) -> bool:
    """Whether an id has the form of one; complains when not."""
    if _ID.fullmatch(text):
        return True
    report.add(place, "an id has at most 64 letters, digits, underscores and hyphens", *path)
    return False


def _text(node: WrittenNode, key: str, value: Node, report: Report) -> str:
    if isinstance(value, Leaf):
        return value.text
    report.add(value.place, "must be text", node.id, key)
    return ""


def _seconds(node: WrittenNode, key: str, value: Node, report: Report) -> float:
    number = plain(value)
    if isinstance(number, int | float) and not isinstance(number, bool) and 0 < number < 1e9:
        return float(number)
    report.add(value.place, "must be a number of seconds above 0", node.id, key)
    return 0.0


def _retry(node: WrittenNode, value: Node, place: Place, report: Report) -> Retry:
    number = plain(value)
    if isinstance(value, Leaf) and isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= 100:
        return Retry(attempts=number)
    if not isinstance(value, Branch):
        report.add(value.place, "must be how often, such as 3, or a mapping with `attempts`", node.id, "retry")
        return Retry()
    found: dict[str, Any] = {"attempts": 1}
    for key, child in value.entries.items():
        name = to_snake(key)
        if name not in _RETRY:
            hint = f"known here: {', '.join(_RETRY)}"
            report.add(value.keys[key], "unknown key", node.id, "retry", key, hint=hint)
        elif (one := _retry_value(name, plain(child))) is None:
            report.add(child.place, f"must be {_EXPECTED[name]}", node.id, "retry", key)
        else:
            found[name] = one
    return Retry(**found)


_EXPECTED = {
    "attempts": "a whole number from 0 to 100",
    "delay_s": "a number of seconds, 0 or more",
    "factor": "a number of 1 or more",
    "max_delay_s": "a number of seconds, 0 or more",
    "codes": "a list of error codes",
}


def _retry_value(name: str, value: Any) -> Any:
    if name == "codes":
        codes = [value] if isinstance(value, str) else value
        if not isinstance(codes, list) or not all(isinstance(one, str) for one in cast("list[Any]", codes)):
            return None
        return tuple(cast("list[str]", codes))
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    if name == "attempts":
        return value if isinstance(value, int) and 0 <= value <= 100 else None
    return float(value) if (1 if name == "factor" else 0) <= value <= 1e9 else None
