"""Reads for people, beside the writer: by aiosqlite, or by SQLAlchemy's async engine over psycopg.

These reads see everything that was committed, never wait for the writer, and cannot write: their
connections are read-only.
"""

from __future__ import annotations

__all__ = ["Reader", "postgres_reader", "sqlite_reader"]

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy.exc import DBAPIError, ResourceClosedError

from botkit.core.errors import StoreBusy, StoreError
from botkit.store.rows import Row
from botkit.store.sqlite import read_only_uri
from botkit.store.sqlite_reads import SqliteReads
from botkit.store.writer import Retry

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlalchemy.sql import Select

    Statement: TypeAlias = Select[*tuple[Any, ...]]

_FAILURES = (DBAPIError, ResourceClosedError, sqlite3.Error)
_POOL = 2
_BATCH = 500


class Reader:
    """Runs SELECTs.

    Args:
        connect: makes the engine at the first read, so that a process that never reads pays nothing.
        translate: the driver's errors as ours.
    """

    def __init__(self, connect: Callable[[], AsyncEngine | SqliteReads], translate: Callable[[Exception], Exception]):
        self._connect = connect
        self._translate = translate
        self._engine: AsyncEngine | SqliteReads | None = None
        self._closed = False
        self._reading: set[asyncio.Task[Sequence[Row]]] = set()

    async def all(self, statement: Statement) -> Sequence[Row]:
        """A read goes on when its asker is cancelled: one that is cut off while it connects would leave a connection
        that nobody closes, and its thread would keep the process from ending."""
        reading = asyncio.ensure_future(self._all(statement))
        self._reading.add(reading)
        reading.add_done_callback(self._read)
        return await asyncio.shield(reading)

    def _read(self, reading: asyncio.Task[Sequence[Row]]) -> None:
        self._reading.discard(reading)
        if not reading.cancelled():
            reading.exception()  # whoever asked may be gone

    async def _all(self, statement: Statement) -> Sequence[Row]:
        try:
            async with self._open().connect() as connection:
                return (await connection.execute(statement)).all()
        except _FAILURES as error:
            raise self._error(error) from error

    async def first(self, statement: Statement) -> Row | None:
        rows = await self.all(statement.limit(1))
        return rows[0] if rows else None

    async def value(self, statement: Statement) -> Any:
        """The first column of the first row, or None."""
        row = await self.first(statement)
        return None if row is None else row[0]

    async def stream(self, statement: Statement) -> AsyncGenerator[Row]:
        """Rows as they are read, for results larger than memory should hold."""
        try:
            async with self._open().connect() as connection:
                result = await connection.stream(statement.execution_options(yield_per=_BATCH))
                async for row in result:
                    yield row
        except _FAILURES as error:
            raise self._error(error) from error

    async def close(self) -> None:
        self._closed = True
        if self._reading:
            await asyncio.wait(tuple(self._reading))
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.dispose()

    def _open(self) -> AsyncEngine | SqliteReads:
        if self._closed:
            raise StoreError("the store is closed")
        if self._engine is None:
            self._engine = self._connect()
        return self._engine

    def _error(self, error: Exception) -> Exception:
        original = getattr(error, "orig", None)
        translated = self._translate(original if isinstance(original, Exception) else error)
        if isinstance(translated, Retry):
            return StoreBusy(f"the database did not answer: {translated.cause}. Try again.")
        return StoreError(str(error)) if translated is original or translated is error else translated


def sqlite_reader(path: Path, translate: Callable[[Exception], Exception]) -> Reader:
    """Read-only connections by aiosqlite; one thread for each, at most two."""
    uri = read_only_uri(path)
    return Reader(lambda: SqliteReads(uri), translate)


def postgres_reader(url: str, translate: Callable[[Exception], Exception]) -> Reader:
    """Connections by psycopg, at most two, made again when the server went away."""

    def connect() -> AsyncEngine:
        from sqlalchemy.ext.asyncio import create_async_engine

        return create_async_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=_POOL,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={"application_name": "botkit-reader", "options": "-c default_transaction_read_only=on"},
        )

    return Reader(connect, translate)
