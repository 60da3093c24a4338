"""The tree of a file: every key and value knows its place. And ways to walk it."""

from __future__ import annotations

__all__ = [
    "PASTED",
    "Branch",
    "Leaf",
    "Node",
    "Path",
    "Place",
    "Series",
    "dotted",
    "find",
    "follow",
    "is_empty",
    "raw_values",
    "unwrapped",
    "value_place",
]

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from botkit.core.config.scalars import resolve_plain

PASTED = "mcpServers"
"""Under `servers`: a block as other programs have it."""

Path = tuple[str | int, ...]
"""Keys and positions from the top of the document: `("bots", "helper", "model")`."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands. Line and column are 1-based."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar as written, without its quotes."""

    text: str
    plain: bool
    """Unquoted: may be read as a number, a flag or nothing."""
    place: Place


@dataclass(slots=True)
class Branch:
    """A mapping, in the order of the file."""

    place: Place
    entries: dict[str, Node] = field(default_factory=dict[str, "Node"])
    keys: dict[str, Place] = field(default_factory=dict[str, Place])
    """Where each key stands."""


@dataclass(slots=True)
class Series:
    """A list."""

    place: Place
    items: list[Node] = field(default_factory=list["Node"])


Node = Leaf | Branch | Series


def dotted(path: Sequence[str | int]) -> str:
    """`bots.helper.model`; keys that hold dots or spaces stand in quotes."""
    parts = [str(part) for part in path]
    return ".".join(f'"{part}"' if not part or any(c in part for c in '. "') else part for part in parts)


def find(root: Node, path: Sequence[str | int]) -> tuple[Path, Node, Place]:
    """Follow a path as far as it exists.

    Elements that are in the way, such as the labels pydantic puts into error locations, are skipped.
    Returns the part of the path that exists, what stands there, and where its key (or itself) stands.
    """
    node, place = root, root.place
    found: list[str | int] = []
    for part in path:
        if isinstance(node, Branch) and str(part) in node.entries:
            place = node.keys[str(part)]
            node = node.entries[str(part)]
        elif isinstance(node, Series) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            place = node.place
        else:
            continue
        found.append(part)
    return tuple(found), node, place


def follow(root: Node, path: Sequence[str | int]) -> tuple[Path, Node, Place]:
    """As `find`, but stops at the first part that is not there."""
    for length in range(len(path), 0, -1):
        found, node, place = find(root, path[:length])
        if len(found) == length:
            return found, node, place
    return (), root, root.place


def value_place(node: Node, key_place: Place) -> Place:
    """Where to point for a wrong value: at itself when it stands on its own, else at its key."""
    return node.place if isinstance(node, Leaf) and (node.text or not node.plain) else key_place


def unwrapped(root: Branch) -> Branch:
    """The tree with `servers: {mcpServers: {…}}`, pasted from another program, as plain `servers`."""
    servers = root.entries.get("servers")
    pasted = servers.entries.get(PASTED) if isinstance(servers, Branch) else None
    if not isinstance(servers, Branch) or not isinstance(pasted, Branch):
        return root
    if pasted.entries.keys() & servers.entries.keys():
        return root  # the model says which name stands twice
    flat = Branch(servers.place, {**servers.entries, **pasted.entries}, {**servers.keys, **pasted.keys})
    del flat.entries[PASTED], flat.keys[PASTED]
    return Branch(root.place, {**root.entries, "servers": flat}, root.keys)


def is_empty(node: Node) -> bool:
    """Nothing behind the colon, or `null`."""
    return isinstance(node, Leaf) and node.plain and resolve_plain(node.text) is None


def raw_values(node: Node) -> Any:
    """Dicts, lists and scalars as written, placeholders and all."""
    if isinstance(node, Branch):
        return {key: raw_values(child) for key, child in node.entries.items()}
    if isinstance(node, Series):
        return [raw_values(item) for item in node.items]
    return resolve_plain(node.text) if node.plain else node.text
