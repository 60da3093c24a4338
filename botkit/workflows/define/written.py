"""A workflow as it was written: nodes and edges that know their place, and what is wrong with the writing."""

from __future__ import annotations

__all__ = ["Report", "Written", "WrittenEdge", "WrittenNode", "located_values", "plain"]

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from botkit.core.config.locate import nearest
from botkit.core.config.tree import Branch, Leaf, Node, Path, Place, Series, dotted, raw_values
from botkit.core.errors import Problem
from botkit.workflows.graph import Retry


@dataclass(slots=True)
class Report:
    """Collects problems of one workflow; paths begin with `workflows.NAME`."""

    slug: str
    problems: list[Problem] = field(default_factory=list[Problem])
    warnings: list[Problem] = field(default_factory=list[Problem])

    def add(self, place: Place, message: str, *path: str | int, hint: str = "") -> None:
        problem = self._problem(place, message, path, hint)
        if problem not in self.problems:
            self.problems.append(problem)

    def warn(self, place: Place, message: str, *path: str | int, hint: str = "") -> None:
        self.warnings.append(self._problem(place, message, path, hint))

    def _problem(self, place: Place, message: str, path: Path, hint: str) -> Problem:
        name = dotted(("workflows", self.slug, *path))
        return Problem(message, place.file, place.line, place.column, name, hint)


def names_hint(name: str, known: Iterable[str]) -> str:
    """The nearest name, or what there is."""
    names = sorted(set(known))
    return nearest(name, names) or (f"there is: {', '.join(names[:20])}" if names else "")


@dataclass(slots=True)
class WrittenNode:
    """One node, its fields under their own names (`max_tokens`, not `maxTokens`)."""

    id: str
    type: str
    place: Place
    fields: Branch
    """`data` as a tree: every field with its place."""
    data: dict[str, Any]
    label: str = ""
    output: str = ""
    timeout_s: float = 0.0
    retry: Retry = field(default_factory=Retry)
    compensate: str = ""
    options: dict[str, Place] = field(default_factory=dict[str, Place])
    """Where the options that were written stand."""

    def at(self, option: str) -> Place:
        return self.options.get(option, self.place)


@dataclass(frozen=True, slots=True)
class WrittenEdge:
    source: str
    target: str
    handle: str
    place: Place


@dataclass(slots=True)
class Written:
    """A whole workflow as written."""

    slug: str
    place: Place
    settings: Mapping[str, Any]
    """Its other top keys: name, description, workspace, inputs, variables, reply, max_nodes, timeout_s."""
    report: Report
    tree: Branch
    nodes: list[WrittenNode] = field(default_factory=list[WrittenNode])
    edges: list[WrittenEdge] = field(default_factory=list[WrittenEdge])


def plain(node: Node) -> Any:
    """The values of a tree."""
    return raw_values(node)


def located_values(value: Any, hint: Node | None, place: Place) -> Node:
    """Plain values as a tree again, each at the place its counterpart in `hint` has, else at `place`.

    `hint` is the file as written; the values may differ from it, where `${VAR}` was filled in.
    """
    here = hint.place if hint is not None else place
    if isinstance(value, Mapping):
        branch = Branch(here)
        for key, child in cast("Mapping[Any, Any]", value).items():
            known = hint.entries.get(str(key)) if isinstance(hint, Branch) else None
            branch.entries[str(key)] = located_values(child, known, here)
            branch.keys[str(key)] = hint.keys.get(str(key), here) if isinstance(hint, Branch) else here
        return branch
    if isinstance(value, list | tuple):
        items = hint.items if isinstance(hint, Series) else []
        series = Series(here)
        for index, child in enumerate(cast("list[Any]", value)):
            series.items.append(located_values(child, items[index] if index < len(items) else None, here))
        return series
    if isinstance(value, str):
        return Leaf(str(value), False, here)
    return Leaf("" if value is None else _spelled(value), True, here)


def _spelled(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    return json.dumps(value) if isinstance(value, bool | int | float) else str(value)
