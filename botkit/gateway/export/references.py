"""`$ref` in schemas of strangers: local ones are followed within bounds, remote ones never."""

from __future__ import annotations

__all__ = ["Definitions", "check_references"]

import re
from collections.abc import Callable
from typing import cast

from botkit.core.schemas import Schema, as_schema
from botkit.gateway.export.exported import Unsupported

_NAME = re.compile(r"[^A-Za-z0-9_-]")
_DEFINITIONS_LIMIT = 200
_DATA = ("default", "const", "enum", "examples")
"""Keywords whose values are data, whatever they look like."""
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
"""Keywords whose values are schemas by name."""


def check_references(schema: Schema) -> None:
    """Raises `Unsupported` when a reference leads elsewhere, nowhere, or round in a circle of references alone."""
    level: list[tuple[object, bool]] = [(schema, False)]
    while level:
        below: list[tuple[object, bool]] = []
        for node, named in level:
            if isinstance(node, list):
                below += [(item, False) for item in cast("list[object]", node)]
            if not isinstance(node, dict):
                continue
            typed = cast("Schema", node)
            if not named and isinstance(reference := typed.get("$ref"), str):
                _follow(reference, schema)
            for key, value in typed.items():
                if named or key not in _DATA:
                    below.append((value, not named and key in _NAMED))
        level = below


def _follow(reference: str, root: Schema) -> None:
    for _ in range(16):
        target = as_schema(find(reference, root))
        if not isinstance(target.get("$ref"), str):
            return
        reference = target["$ref"]
    raise Unsupported(f"it refers to {reference[:100]}, which refers back to it")


def find(reference: str, root: Schema) -> object:
    """What a reference points at. Raises `Unsupported`."""
    if reference == "#":
        return root
    if not reference.startswith("#/"):
        raise Unsupported(f"it refers to {reference[:100]}, which is not in it")
    target: object = root
    for step in reference[2:].split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        known: dict[str, object]
        if isinstance(target, list):
            known = {str(index): item for index, item in enumerate(cast("list[object]", target))}
        else:
            known = as_schema(cast("object", target))
        if name not in known:
            raise Unsupported(f"it refers to {reference[:100]}, which is not there")
        target = known[name]
    return target


class Definitions:
    """Targets of references, each under a name of its own in `$defs`, converted once however often they are used."""

    def __init__(self, root: Schema):
        self._root = root
        self._names: dict[str, str] = {}

    @property
    def used(self) -> bool:
        return bool(self._names)

    def use(self, reference: object) -> str:
        """The reference under which the target will be found. Raises `Unsupported`."""
        written = str(reference)
        find(written, self._root)
        if written not in self._names:
            if len(self._names) >= _DEFINITIONS_LIMIT:
                raise Unsupported("it refers to too many parts of itself")
            base = _NAME.sub("_", written.rpartition("/")[2])[:40] or "root"
            taken = set(self._names.values())
            self._names[written] = base if base not in taken else f"{base}_{len(taken)}"
        return f"#/$defs/{self._names[written]}"

    def convert(self, node: Callable[[object, str], Schema]) -> dict[str, Schema]:
        """All targets, also those that targets refer to."""
        made: dict[str, Schema] = {}
        while missing := [written for written, name in self._names.items() if name not in made]:
            for written in missing:
                name = self._names[written]
                made[name] = node(find(written, self._root), name)
        return made
