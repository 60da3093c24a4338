"""How much one evaluation may cost. Counted in operations, not in seconds: the same on every machine and replay."""

from __future__ import annotations

__all__ = ["ITEMS_LIMIT", "NUMBER_LIMIT", "TEXT_LIMIT", "Budget"]

from collections.abc import Sized
from typing import TypeVar

from botkit.workflows.expressions.errors import Refused

TEXT_LIMIT = 1_000_000
"""Characters of any text an expression makes."""
ITEMS_LIMIT = 20_000
"""Items of any list or object an expression makes."""
NUMBER_LIMIT = 2**63
"""Whole numbers stay below this, as in every JSON reader."""

_OPERATIONS = 200_000
_CHARACTERS_PER_OPERATION = 64

S = TypeVar("S", bound=Sized)


class Budget:
    """What is left. One operation for each part of an expression that is worked out and each item that is looked at,
    and one for each 64 characters that are read or written."""

    __slots__ = ("left",)

    def __init__(self, operations: int = _OPERATIONS):
        self.left = operations

    def spend(self, operations: int = 1) -> None:
        self.left -= operations
        if self.left < 0:
            raise Refused("this takes too many operations", "work on fewer items, or use a `code_block`")

    def read(self, text: str) -> str:
        """Pay for going through a text."""
        self.spend(1 + len(text) // _CHARACTERS_PER_OPERATION)
        return text

    def text(self, length: int) -> None:
        """Ask before a text of that many characters is made."""
        if length > TEXT_LIMIT:
            raise Refused(f"this makes a text of more than {TEXT_LIMIT:,} characters")
        self.spend(1 + length // _CHARACTERS_PER_OPERATION)

    def items(self, count: int) -> None:
        """Ask before a list or object of that many items is made or gone through."""
        if count > ITEMS_LIMIT:
            raise Refused(f"this has more than {ITEMS_LIMIT:,} items")
        self.spend(1 + count)
