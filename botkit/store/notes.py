"""Notes, read and written. What is looked for is looked for among one owner's notes alone."""

from __future__ import annotations

__all__ = ["SqlNotes"]

from collections.abc import Sequence

from sqlalchemy import or_, select

from botkit.core.clock import Clock
from botkit.core.notes import FoundNote, Note, NoteKey, PutNote, best_notes
from botkit.store.codec import clean, load_json
from botkit.store.query import Query, Tx, arg
from botkit.store.rows import Row
from botkit.store.schema import notes
from botkit.store.writer import Writer
from botkit.store.writes import Act, apply_write
from botkit.store.writes.notes import DROP_NOTE, DROP_NOTES

_COLUMNS = tuple(notes.c)
_OWN = "scope owner now"
_LIST = Query(
    _OWN,
    lambda _: (
        select(*_COLUMNS)
        .where(
            notes.c.scope == arg("scope"),
            notes.c.owner == arg("owner"),
            or_(notes.c.expires_at == 0, notes.c.expires_at > arg("now")),
        )
        .order_by(notes.c.name)
    ),
)
_GET = Query(
    f"{_OWN} name",
    lambda _: select(*_COLUMNS).where(
        notes.c.scope == arg("scope"),
        notes.c.owner == arg("owner"),
        notes.c.name == arg("name"),
        or_(notes.c.expires_at == 0, notes.c.expires_at > arg("now")),
    ),
)


class SqlNotes:
    """Implements `botkit.core.notes.NoteStore`.

    An owner has a few hundred notes at most, so a search ranks those in memory: it costs the same however many other
    owners there are, and is the same on both databases. Reads go through the writer and see what was just committed.
    """

    def __init__(self, writer: Writer, clock: Clock, *, owner: str):
        self._writer = writer
        self._clock = clock
        self._owner = owner

    async def get(self, key: NoteKey, name: str) -> Note | None:
        now = self._clock.micros()
        row = await self._writer.run(lambda tx: tx(_GET, key.scope, clean(key.owner), now, clean(name)).fetchone())
        return None if row is None else _read(row)

    async def list(self, key: NoteKey) -> Sequence[Note]:
        now = self._clock.micros()
        rows = await self._writer.run(lambda tx: tx(_LIST, key.scope, clean(key.owner), now).fetchall())
        return [_read(row) for row in rows]

    async def search(self, key: NoteKey, words: str, *, limit: int = 10) -> Sequence[FoundNote]:
        return best_notes(await self.list(key), words, limit)

    async def put(self, note: Note) -> None:
        act = Act(owner=self._owner, now=self._clock.micros())
        await self._writer.run(lambda tx: apply_write(tx, PutNote(note=note), act))

    async def drop(self, key: NoteKey, name: str = "") -> int:
        def unit(tx: Tx) -> int:
            if name:
                return tx(DROP_NOTE, key.scope, clean(key.owner), clean(name)).rowcount
            return tx(DROP_NOTES, key.scope, clean(key.owner)).rowcount

        return await self._writer.run(unit)


def _read(row: Row | tuple[object, ...]) -> Note:
    values = dict(zip((column.name for column in _COLUMNS), row, strict=True))
    read = {"value": load_json(str(values["value"])), "taint": tuple(load_json(str(values["taint"])))}
    return Note(**{**values, **read})  # pyright: ignore[reportArgumentType] - the columns are its fields
