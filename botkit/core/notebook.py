"""Notes as everything above the store uses them: checked, without secrets, within the limits."""

from __future__ import annotations

__all__ = ["MemoryNotes", "Notebook"]

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, cast

import msgspec

from botkit.core.clock import Clock, to_micros
from botkit.core.errors import LimitReached
from botkit.core.notes import (
    NOTES_LIMIT,
    DropNotes,
    FoundNote,
    Note,
    NoteKey,
    NoteStore,
    PutNote,
    best_notes,
    check_note,
)
from botkit.core.redact import Redactor
from botkit.core.screening import redacted, screen


class Notebook:
    """One way to all notes, for nodes, tools, commands and operators.

    Args:
        kinds: what is taken out of values before they are kept, as `screen` names it; asked each time.
    """

    def __init__(
        self, store: NoteStore, clock: Clock, redactor: Redactor, kinds: Callable[[], Collection[str]] = lambda: ()
    ):
        self._store = store
        self._clock = clock
        self._redactor = redactor
        self._kinds = kinds

    async def written(
        self,
        key: NoteKey,
        name: str,
        value: Any,
        *,
        by: str,
        run_id: str = "",
        until: datetime | None = None,
        taint: tuple[str, ...] = (),
    ) -> PutNote:
        """The write that keeps a note, for whoever commits it.

        Raises:
            InvalidArguments: the name or the value cannot be kept.
            LimitReached: the owner has too many notes.
        """
        name = self._clean(name.strip())
        check_note(name, value)
        value = self._clean(value)
        check_note(name, value)
        kept = await self._store.list(key)
        if len(kept) >= NOTES_LIMIT and all(note.name != name for note in kept):
            raise LimitReached(
                f"there are {NOTES_LIMIT} notes already; forget one first",
                limit=f"notes.{key.scope}",
                value=NOTES_LIMIT,
            )
        note = Note(
            scope=key.scope,
            owner=key.owner,
            name=name,
            value=value,
            by=by,
            run_id=run_id,
            updated_at=self._clock.micros(),
            expires_at=to_micros(until) if until is not None else 0,
            taint=taint,
        )
        return PutNote(note=note)

    async def put(self, write: PutNote) -> None:
        await self._store.put(write.note)

    async def get(self, key: NoteKey, name: str) -> Note | None:
        return await self._store.get(key, name.strip())

    async def list(self, key: NoteKey) -> Sequence[Note]:
        return await self._store.list(key)

    async def search(self, key: NoteKey, words: str, *, limit: int = 10) -> Sequence[FoundNote]:
        return await self._store.search(key, words, limit=limit)

    async def drop(self, key: NoteKey, name: str = "") -> int:
        return await self._store.drop(key, name.strip())

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            text, kinds = self._redactor.text(value), self._kinds()
            return redacted(text, screen(text, kinds)) if kinds else text
        if isinstance(value, dict):
            return {self._clean(each): self._clean(item) for each, item in cast("dict[Any, Any]", value).items()}
        if isinstance(value, list | tuple):
            return [self._clean(item) for item in cast("Sequence[Any]", value)]
        return value


class MemoryNotes:
    """`NoteStore` in memory, for rehearsals and tests."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._notes: dict[tuple[str, str, str], Note] = {}

    def apply(self, write: PutNote | DropNotes) -> None:
        """What a commit with this write does."""
        if isinstance(write, PutNote):
            note = write.note
            before = self._notes.get((note.scope, note.owner, note.name))
            now = note.updated_at or self._clock.micros()
            created = before.created_at if before is not None else now
            fresh = msgspec.structs.replace(note, created_at=created, updated_at=now)
            self._notes[note.scope, note.owner, note.name] = fresh
        else:
            self._drop(write.key, write.name)

    async def get(self, key: NoteKey, name: str) -> Note | None:
        return next((note for note in await self.list(key) if note.name == name), None)

    async def list(self, key: NoteKey) -> Sequence[Note]:
        now = self._clock.micros()
        mine = (note for note in self._notes.values() if (note.scope, note.owner) == (key.scope, key.owner))
        return sorted((note for note in mine if not 0 < note.expires_at <= now), key=lambda note: note.name)

    async def search(self, key: NoteKey, words: str, *, limit: int = 10) -> Sequence[FoundNote]:
        return best_notes(await self.list(key), words, limit)

    async def put(self, note: Note) -> None:
        self.apply(PutNote(note=note))

    async def drop(self, key: NoteKey, name: str = "") -> int:
        return self._drop(key, name)

    def _drop(self, key: NoteKey, name: str) -> int:
        gone = [
            place for place in self._notes if place[:2] == (key.scope, key.owner) and (not name or place[2] == name)
        ]
        for place in gone:
            del self._notes[place]
        return len(gone)
