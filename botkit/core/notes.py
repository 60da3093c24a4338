"""Notes: what bots keep in mind about people, conversations and teams, key by key, until somebody says forget it.

A note belongs to exactly one owner. Who that is follows from on whose behalf something runs, never from what a model
or a message says; a name is only ever looked for among one owner's notes.
"""

from __future__ import annotations

__all__ = [
    "NAME_LIMIT",
    "NOTES_LIMIT",
    "VALUE_LIMIT_BYTES",
    "DropNotes",
    "FoundNote",
    "Note",
    "NoteKey",
    "NoteScope",
    "NoteStore",
    "PutNote",
    "best_notes",
    "check_note",
    "note_text",
]

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import msgspec

from botkit.core.data import Data
from botkit.core.errors import InvalidArguments
from botkit.core.ranking import ranked

NoteScope = Literal["person", "chat", "team"]
"""`person`: of one person, wherever they write, and shown to nobody else. `chat`: of one conversation. `team`: of a bot
and everybody it works for."""

NOTES_LIMIT = 500
"""Notes of one owner."""
VALUE_LIMIT_BYTES = 8 * 1024
"""Of one value, as JSON."""
NAME_LIMIT = 200
"""Characters of a name."""


class NoteKey(Data):
    """Whose notes."""

    scope: NoteScope = "person"
    owner: str
    """Person id, conversation key, or the bot's name in bots.yaml."""


class Note(Data):
    """One thing that is kept in mind."""

    scope: NoteScope = "person"
    owner: str
    name: str
    value: Any = None
    """Any JSON value."""
    by: str = ""
    """Who wrote it: `person:…`, `bot:…`, `workflow:NAME/NODE`, `operator:…`."""
    run_id: str = ""
    """The run that wrote it."""
    created_at: int = 0
    """Microseconds, UTC, as all times here."""
    updated_at: int = 0
    expires_at: int = 0
    """0: never."""
    taint: tuple[str, ...] = ()
    """Where it came from, when its writer had read what others wrote (`botkit.core.taint`)."""


class FoundNote(Data):
    note: Note
    score: float
    """BM25 over the notes of its owner; higher is better."""


class PutNote(Data, tag=True):
    """Keep a note, in place of one of the same name. Raises `LimitReached` when its owner has too many."""

    note: Note


class DropNotes(Data, tag=True):
    """Forget one note of an owner, or all. Safe to repeat."""

    key: NoteKey
    name: str = ""
    """Empty: all of them."""


class NoteStore(Protocol):
    async def get(self, key: NoteKey, name: str) -> Note | None:
        """None when there is no such note, or its time is over."""
        ...

    async def list(self, key: NoteKey) -> Sequence[Note]:
        """All notes of an owner, by name."""
        ...

    async def search(self, key: NoteKey, words: str, *, limit: int = 10) -> Sequence[FoundNote]:
        """The notes of an owner that have to do with these words, the best first."""
        ...

    async def put(self, note: Note) -> None:
        """Raises `LimitReached`."""
        ...

    async def drop(self, key: NoteKey, name: str = "") -> int:
        """Forget one note, or all; how many that were."""
        ...


def best_notes(notes: Sequence[Note], words: str, limit: int) -> list[FoundNote]:
    """Those of these notes that hold one of the words, the best first; names count twice."""
    texts = [f"{note.name} {note.name} {note_text(note.value)}" for note in notes]
    return [FoundNote(note=notes[index], score=score) for index, score in ranked(texts, words)[:limit]]


def note_text(value: Any) -> str:
    """A value as people read it."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def check_note(name: str, value: Any) -> None:
    """Raises `InvalidArguments` for a name or value that cannot be kept."""
    if not name.strip() or len(name) > NAME_LIMIT or not name.isprintable():
        raise InvalidArguments(f"a note's name has 1 to {NAME_LIMIT} printable characters")
    try:
        size = len(msgspec.json.encode(value))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArguments("a note's value is text, a number, or other JSON") from error
    if size > VALUE_LIMIT_BYTES:
        raise InvalidArguments(f"a note has at most {VALUE_LIMIT_BYTES} bytes, this one has {size}")
