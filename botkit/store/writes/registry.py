"""How a write finds its function."""

from __future__ import annotations

__all__ = ["Act", "apply_write", "insert_row", "known_writes", "writes"]

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Table

from botkit.core.data import Data
from botkit.core.journal import Write
from botkit.store.query import Insert, Tx, arg


class Act(Data):
    """Who writes, and when."""

    owner: str
    now: int


W = TypeVar("W", bound=Data)
_Function = Callable[[Tx, Any, Act], None]
_FUNCTIONS: dict[type[Any], _Function] = {}


def writes(kind: type[W]) -> Callable[[Callable[[Tx, W, Act], None]], Callable[[Tx, W, Act], None]]:
    """Register the function that applies one kind of write."""

    def register(function: Callable[[Tx, W, Act], None]) -> Callable[[Tx, W, Act], None]:
        _FUNCTIONS[kind] = function
        return function

    return register


def apply_write(tx: Tx, write: Write, act: Act) -> None:
    """Raises `Conflict` or `NotFound` when the write contradicts what is stored."""
    _FUNCTIONS[type(write)](tx, write, act)


def known_writes() -> frozenset[type[Any]]:
    """Kinds of writes that have a function."""
    return frozenset(_FUNCTIONS)


def insert_row(insert: Insert, table: Table, names: str) -> Any:
    """`INSERT INTO table (names) VALUES (…)` with an argument for each name."""
    return insert(table).values({name: arg(name) for name in names.split()})
