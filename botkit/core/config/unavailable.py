"""Keys that have their place in the file already, and whose feature comes with a later version.

The day a feature lands, its row goes. Nothing else changes: the models are complete and tested.
"""

from __future__ import annotations

__all__ = ["UNAVAILABLE", "Unavailable", "unavailable_problems"]

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from botkit.core.config.tree import Branch, Leaf, Node, Path, Place, Series, dotted, is_empty
from botkit.core.errors import Problem


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A path, with `*` for any key; with `value`, only when that stands there."""

    path: tuple[str, ...]
    value: str | None = None
    instead: str = ""
    """What to do until then."""


UNAVAILABLE: tuple[Unavailable, ...] = (
    Unavailable(("skills",)),
    Unavailable(("functions", "*", "bindings"), instead="reach what the function needs with a secret of its own"),
    Unavailable(("functions", "*", "language"), value="javascript", instead="write it in Python"),
    Unavailable(("endpoints",)),
    Unavailable(("workspaces", "*", "skills")),
)


def unavailable_problems(root: Branch, rows: Iterable[Unavailable] = UNAVAILABLE) -> list[Problem]:
    """A problem for every row that the file uses."""
    problems: list[Problem] = []
    for row in rows:
        for path, node, place in _matches(root, row.path, (), root.place):
            if _says_nothing(node) or (row.value is not None and not _is_value(node, row.value)):
                continue
            what = f"{row.value} is " if row.value is not None else ""
            problems.append(
                Problem(
                    f"{what}not available in this version yet",
                    place.file,
                    place.line,
                    place.column,
                    dotted(path),
                    row.instead,
                )
            )
    return problems


def _matches(node: Node, pattern: tuple[str, ...], path: Path, place: Place) -> Iterator[tuple[Path, Node, Place]]:
    if not pattern:
        yield path, node, place
        return
    if not isinstance(node, Branch):
        return
    head, *rest = pattern
    keys = list(node.entries) if head == "*" else [head] if head in node.entries else []
    for key in keys:
        yield from _matches(node.entries[key], tuple(rest), (*path, key), node.keys[key])


def _says_nothing(node: Node) -> bool:
    if isinstance(node, Leaf):
        return is_empty(node)
    return not (node.items if isinstance(node, Series) else node.entries)


def _is_value(node: Node, value: str) -> bool:
    return isinstance(node, Leaf) and node.text == value
