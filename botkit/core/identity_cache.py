"""A small memory of what was computed from objects that stay the same."""

from __future__ import annotations

__all__ = ["IdentityCache"]

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class IdentityCache(Generic[K, V]):
    """Computes a value once per object, also of an unhashable one such as a schema.

    The object is kept alive with its value, so its identity cannot be given to another. It must not be
    changed afterwards.
    """

    def __init__(self, compute: Callable[[K], V], *, size: int = 1024):
        self._compute = compute
        self._size = size
        self._entries: OrderedDict[int, tuple[K, V]] = OrderedDict()

    def __call__(self, key: K) -> V:
        entry = self._entries.get(id(key))
        if entry is None:
            entry = self._entries[id(key)] = (key, self._compute(key))
            if len(self._entries) > self._size:
                self._entries.popitem(last=False)
        else:
            self._entries.move_to_end(id(key))
        return entry[1]
