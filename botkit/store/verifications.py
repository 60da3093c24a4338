"""Verified identities of people."""

from __future__ import annotations

__all__ = ["SqlVerifications"]

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select

from botkit.core.identity import Verification
from botkit.store.codec import clean, dump, load_json
from botkit.store.query import Insert, Query, Tx, arg
from botkit.store.reader import Reader
from botkit.store.rows import Row
from botkit.store.schema import verifications
from botkit.store.writer import Writer

_COLUMNS = tuple(verifications.c)
_NAMES = tuple(column.name for column in _COLUMNS)


def _put(insert: Insert) -> object:
    statement = insert(verifications).values({name: arg(name) for name in _NAMES})
    kept = ("person_id", "kind", "address")
    changed = {name: getattr(statement.excluded, name) for name in _NAMES if name not in kept}
    return statement.on_conflict_do_update(index_elements=list(kept), set_=changed)


_PUT = Query(" ".join(_NAMES), _put)  # pyright: ignore[reportArgumentType] - the dialects' own insert has no common type
_FORGET = Query("person_id", lambda _: delete(verifications).where(verifications.c.person_id == arg("person_id")))


class SqlVerifications:
    """Implements `botkit.core.identity.Verifications`."""

    def __init__(self, writer: Writer, reader: Reader):
        self._writer = writer
        self._reader = reader

    async def put(self, verification: Verification) -> None:
        one = verification
        values = (
            one.person_id,
            one.kind,
            clean(one.address),
            one.method,
            one.verified_at,
            one.expires_at,
            one.run_id,
            dump(one.details),
        )

        def unit(tx: Tx) -> None:
            tx(_PUT, *values)

        await self._writer.run(unit)

    async def of(self, person_id: str, *, now: int) -> Sequence[Verification]:
        statement = (
            select(*_COLUMNS)
            .where(verifications.c.person_id == person_id, verifications.c.expires_at > now)
            .order_by(verifications.c.verified_at.desc(), verifications.c.kind, verifications.c.address)
        )
        return [_read(row) for row in await self._reader.all(statement)]

    async def forget(self, person_id: str) -> int:
        return await self._writer.execute(_FORGET, person_id)


def _read(row: Row) -> Verification:
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    values["details"] = load_json(values["details"])
    return Verification(**values)
