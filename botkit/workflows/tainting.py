"""What the nodes of a run have read from others, as the journal has it.

Each time a node reads something new, and each time somebody vouches for what was read, a note is journaled. A run that
goes on after a pause or a crash reads the notes in their order and is where it was.
"""

from __future__ import annotations

__all__ = ["RunTaint"]

from collections.abc import Iterable

import msgspec

from botkit.core.data import Data
from botkit.core.taint import joined
from botkit.runs.context import RunContext

_NOTE = "taint"


class _Note(Data):
    n: int
    """Its place among the notes of the run, from 1."""
    read: tuple[str, ...] = ()
    """Sources; empty: what was read before does not count any more."""


class RunTaint:
    """Of one execution of one run.

    Args:
        start: what the run began with.
    """

    def __init__(self, ctx: RunContext, start: tuple[str, ...]):
        self._ctx = ctx
        self.now = start
        """The sources that count now."""
        notes = sorted((msgspec.json.decode(raw, type=_Note) for _, raw in ctx.results(_NOTE)), key=lambda note: note.n)
        self._last = notes[-1].n if notes else 0
        for note in notes:
            self._take(note)

    def read(self, path: str, sources: Iterable[str]) -> None:
        """The node at a path has read this."""
        found = tuple(sources)
        if joined(self.now, found) != self.now:
            self._note(path, found)

    def clear(self, path: str) -> None:
        """The node at a path vouches for everything read so far."""
        if self.now:
            self._note(path, ())

    def _note(self, path: str, read: tuple[str, ...]) -> None:
        self._last += 1
        note = _Note(n=self._last, read=read)
        self._ctx.record(f"{path}/taint/{note.n}", _NOTE, note)
        self._take(note)

    def _take(self, note: _Note) -> None:
        self.now = joined(self.now, note.read) if note.read else ()
