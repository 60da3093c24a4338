"""Variables of a run: what each node may read, and what becomes of what it writes.

Branches that run side by side write to their own scope, which is merged when they join, so that no order of
events between them can change a result. Within one scope the later finish wins, in the order that is journaled,
so a replay that takes nodes in another order ends with the same values.
"""

from __future__ import annotations

__all__ = ["Scope"]

from collections import ChainMap
from collections.abc import Mapping
from typing import Any


class Scope:
    def __init__(self, parent: Scope | None = None, start: Mapping[str, Any] | None = None):
        self._parent = parent
        self._values: dict[str, Any] = dict(start or {})
        self._finished: dict[str, int] = {}
        self._fixed: dict[str, Any] = {}

    def fix(self, **values: Any) -> None:
        """Names that only nodes of this scope see, such as the item of a loop; they are not merged."""
        self._fixed.update(values)

    def put(self, name: str, value: Any, n: int) -> None:
        """Write a variable; `n` is the place of its writer in the order of finishing."""
        if n >= self._finished.get(name, 0):
            self._values[name] = value
            self._finished[name] = n

    @property
    def written(self) -> dict[str, Any]:
        """What was written here since the start."""
        return {name: self._values[name] for name in self._finished}

    def view(self) -> ChainMap[str, Any]:
        """Everything that can be read here, the nearest first."""
        above = self._parent.view().maps if self._parent is not None else []
        return ChainMap(self._fixed, self._values, *above)  # pyright: ignore[reportArgumentType] - maps of this kind
