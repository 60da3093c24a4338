"""`${VAR}`, `${VAR:-default}` and the escape `$${`, and from the tree to plain values."""

from __future__ import annotations

__all__ = ["interpolate", "plain_values"]

import re
from collections.abc import Mapping
from typing import Any

from botkit.core.config.scalars import FromEnvironment, resolve_plain
from botkit.core.config.tree import Branch, Leaf, Node, Path, dotted
from botkit.core.errors import Problem

# `${{` is left alone: workflow texts write amounts as `${{amount}}`.
_PLACEHOLDER = re.compile(r"\$\$\{|\$\{(?!\{)(?:env:)?(?P<body>[^{}]*)(?P<end>\}?)")
_NAME = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL)


def interpolate(text: str, env: Mapping[str, str]) -> tuple[str, list[str]]:
    """Replace every placeholder. Returns the text and, for those that could not be replaced, the reasons."""
    reasons: list[str] = []

    def replace(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        body = _NAME.fullmatch(match["body"])
        if not match["end"]:
            reasons.append("`${` is never closed; write $${ for the characters themselves")
        elif body is None:
            reasons.append("`${…}` takes the name of a variable; write $${ for the characters themselves")
        else:
            name, default = body["name"], body["default"]
            value = env.get(name)
            if value or (value is not None and default is None):
                return value
            if default is not None:
                return str(default)
            reasons.append(f"the variable {name} is not set; set it, or write ${{{name}:-default}}")
        return match[0]

    return _PLACEHOLDER.sub(replace, text), reasons


def plain_values(root: Node, env: Mapping[str, str]) -> tuple[Any, list[Problem]]:
    """The tree as dicts, lists and scalars, ready for the models."""
    problems: list[Problem] = []

    def convert(node: Node, path: Path) -> Any:
        if isinstance(node, Branch):
            return {key: convert(child, (*path, key)) for key, child in node.entries.items()}
        if isinstance(node, Leaf):
            return scalar(node, path)
        return [convert(item, (*path, index)) for index, item in enumerate(node.items)]

    def scalar(leaf: Leaf, path: Path) -> Any:
        if "${" in leaf.text:
            text, reasons = interpolate(leaf.text, env)
            place = leaf.place
            problems.extend(Problem(r, place.file, place.line, place.column, dotted(path)) for r in reasons)
            return FromEnvironment(text, leaf.text)
        return resolve_plain(leaf.text) if leaf.plain else leaf.text

    return convert(root, ()), problems
