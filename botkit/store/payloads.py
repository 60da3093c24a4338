"""Sealed records of what calls carried. `botkit.store.writes.logs` adds them with their call."""

from __future__ import annotations

__all__ = ["SqlPayloads"]

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select, update

from botkit.core.errors import Conflict
from botkit.core.payloads import Envelope, PayloadRow
from botkit.store.query import Query, Tx, arg
from botkit.store.reader import Reader
from botkit.store.rows import Row
from botkit.store.schema import call_payloads as table
from botkit.store.writer import Writer

_OWN = ["call_id", "at", "workspace", "principal_kind", "principal", "run_id"]
_SEALED = ["key_id", "wrapped_key", "nonce", "ciphertext"]
_COLUMNS = tuple(table.c[name] for name in (*_OWN, *_SEALED))
_NOT_UNDER = Query(
    "key_id after limit",
    lambda _: (
        select(*_COLUMNS)
        .where(table.c.call_id > arg("after"), table.c.key_id != arg("key_id"))
        .order_by(table.c.call_id)
        .limit(arg("limit"))
    ),
)
_REWRAP = Query(
    "key_id wrapped_key call_id former",
    lambda _: (
        update(table)
        .values(key_id=arg("key_id"), wrapped_key=arg("wrapped_key"))
        .where(table.c.call_id == arg("call_id"), table.c.key_id == arg("former"))
    ),
)


class SqlPayloads:
    """Implements `botkit.core.payloads.Payloads`."""

    def __init__(self, writer: Writer, reader: Reader):
        self._writer = writer
        self._reader = reader

    async def get(self, id_or_prefix: str) -> PayloadRow | None:
        if not id_or_prefix:
            return None
        exact = await self._reader.first(select(*_COLUMNS).where(table.c.call_id == id_or_prefix))
        if exact is not None:
            return _read(exact)
        found = await self._reader.all(
            select(*_COLUMNS).where(table.c.call_id.startswith(id_or_prefix, autoescape=True)).limit(2)
        )
        if len(found) > 1:
            raise Conflict(f"more than one recorded call begins with {id_or_prefix}; give more of it")
        return _read(found[0]) if found else None

    async def not_under(self, key_id: str, *, after: str = "", limit: int = 200) -> Sequence[PayloadRow]:
        # By the writer: rows that wait for their commit are among them then.
        return await self._writer.run(
            lambda tx: [_read(row) for row in tx(_NOT_UNDER, key_id, after, limit).fetchall()]
        )

    async def rewrap(self, rows: Sequence[PayloadRow], former: Sequence[str]) -> int:
        def unit(tx: Tx) -> int:
            return sum(
                tx(_REWRAP, row.envelope.key_id, row.envelope.wrapped_key, row.call_id, before).rowcount
                for row, before in zip(rows, former, strict=True)
            )

        return await self._writer.run(unit)

    async def counts(self) -> Mapping[str, int]:
        statement = select(table.c.workspace, func.count()).group_by(table.c.workspace).order_by(table.c.workspace)
        return {row[0]: row[1] for row in await self._reader.all(statement)}


def _read(row: Row) -> PayloadRow:
    own, sealed = row[: len(_OWN)], row[len(_OWN) :]
    envelope = Envelope(**dict(zip(_SEALED, sealed, strict=True)))
    return PayloadRow(**dict(zip(_OWN, own, strict=True)), envelope=envelope)
