"""Blocks: pieces of a document that know where they stand, and the refusal of one that cannot be read."""

from __future__ import annotations

__all__ = ["Block", "Unreadable", "paragraphs", "row_text"]

from collections.abc import Iterator, Sequence

from botkit.core.data import Data
from botkit.core.errors import BotkitError


class Block(Data):
    """A paragraph, a row, a page."""

    text: str
    headings: tuple[str, ...] = ()
    """Above it, outermost first."""
    line: int = 0
    """1 for the first line or row; 0 where a file has none."""
    line_end: int = 0
    page: int = 0
    """Page or slide, from 1; 0 where a file has none."""


class Unreadable(BotkitError):
    """A file that cannot be read as text; the message says why, and what to do."""

    code = "unreadable"


def paragraphs(lines: list[str], headings: tuple[str, ...], first: int = 1) -> Iterator[Block]:
    """What empty lines stand between."""
    held: list[str] = []
    for number, line in enumerate([*lines, ""], first):
        if line.strip():
            held.append(line.rstrip())
        elif held:
            yield Block(text="\n".join(held), headings=headings, line=number - len(held), line_end=number - 1)
            held = []


def row_text(names: Sequence[str], cells: Sequence[str]) -> str:
    """A row of a table with the names of its columns: `name: Tea; price: 3`. Empty cells are left out."""
    wide = [*names, *[""] * (len(cells) - len(names))]
    pairs = ((name.strip(), cell.strip()) for name, cell in zip(wide, cells, strict=False))
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in pairs if cell)
