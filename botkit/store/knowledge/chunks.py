"""Blocks as passages of a size that a model reads well: small neighbours joined, large blocks cut at sentence ends."""

from __future__ import annotations

__all__ = ["chunked"]

import re
from collections.abc import Iterable, Iterator

import msgspec

from botkit.store.knowledge.blocks import Block

_WANTED = 1_200
"""Characters; some 300 tokens."""
_LONGEST = 1_600
_END = re.compile(r"(?<=[.!?;:])\s+|\n+")


def chunked(blocks: Iterable[Block]) -> Iterator[Block]:
    """Passages in order. One passage has one heading path and one page."""
    held: Block | None = None
    for block in blocks:
        for piece in _pieces(block):
            if held is not None and _belong(held, piece):
                text = f"{held.text}\n{piece.text}"
                held = msgspec.structs.replace(held, text=text, line_end=piece.line_end)
                continue
            if held is not None:
                yield held
            held = piece
    if held is not None:
        yield held


def _belong(held: Block, piece: Block) -> bool:
    same = (held.headings, held.page) == (piece.headings, piece.page)
    return same and len(held.text) + len(piece.text) < _WANTED


def _pieces(block: Block) -> Iterator[Block]:
    if len(block.text) <= _LONGEST:
        yield block
        return
    text, here, line = block.text, 0, block.line
    while here < len(text):
        end = min(len(text), here + _WANTED)
        if end < len(text):
            ends = [match.end() for match in _END.finditer(text, here + _WANTED // 2, end)]
            end = ends[-1] if ends else end
        piece = text[here:end]
        lines = piece.count("\n") if block.line_end > block.line else 0
        last = line + lines - (1 if piece.endswith("\n") and lines else 0)
        yield msgspec.structs.replace(
            block, text=piece.strip(), line=line, line_end=min(max(line, last), block.line_end) if block.line else 0
        )
        line, here = min(line + lines, block.line_end) if block.line else 0, end
