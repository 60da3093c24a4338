"""Reads of SQLite by aiosqlite: statements of SQLAlchemy, without the ORM that comes with its asynchronous engine."""

from __future__ import annotations

__all__ = ["SqliteReads"]

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiosqlite
    from sqlalchemy.engine import Dialect
    from sqlalchemy.sql import ClauseElement

_AT_ONCE = 2
_BATCH = 500
_BUSY_S = 5.0


class SqliteReads:
    """Read-only connections, at most two, each with a thread of its own. What the reader asks of an engine.

    Args:
        uri: from `read_only_uri`.
    """

    def __init__(self, uri: str):
        from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

        self._uri = uri
        self._dialect = SQLiteDialect_pysqlite(paramstyle="qmark")
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._idle: list[aiosqlite.Connection] = []
        self._disposed = False

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[_Connection]:
        """A connection until the block ends. Raises `sqlite3.Error`."""
        async with self._free:
            raw = self._idle.pop() if self._idle else await self._open()
            connection = _Connection(raw, self._dialect)
            try:
                yield connection
            finally:
                await connection.end()
                if self._disposed:
                    await raw.close()
                else:
                    self._idle.append(raw)

    async def _open(self) -> aiosqlite.Connection:
        import aiosqlite

        connection = await aiosqlite.connect(
            self._uri, uri=True, isolation_level=None, timeout=_BUSY_S, iter_chunk_size=_BATCH
        )
        await connection.execute("PRAGMA query_only = ON")
        return connection

    async def dispose(self) -> None:
        """Close what nobody uses now, and the others when they are given back."""
        self._disposed = True
        while self._idle:
            await self._idle.pop().close()


class _Connection:
    def __init__(self, raw: aiosqlite.Connection, dialect: Dialect):
        self._raw = raw
        self._dialect = dialect
        self._cursors: list[aiosqlite.Cursor] = []

    async def execute(self, statement: ClauseElement) -> _Rows:
        return _Rows(list(await self._raw.execute_fetchall(*self._compiled(statement))))

    async def stream(self, statement: ClauseElement) -> AsyncIterator[Sequence[Any]]:
        """Rows as they are read; they end with the connection's block at the latest."""
        cursor = await self._raw.execute(*self._compiled(statement))
        self._cursors.append(cursor)
        return aiter(cursor)

    async def end(self) -> None:
        """A cursor that is not read to its end would keep the database from forgetting what it shows."""
        for cursor in self._cursors:
            await cursor.close()

    def _compiled(self, statement: ClauseElement) -> tuple[str, tuple[Any, ...]]:
        compiled: Any = statement.compile(dialect=self._dialect, compile_kwargs={"render_postcompile": True})
        values = compiled.params
        return compiled.string, tuple(values[name] for name in compiled.positiontup or ())


class _Rows:
    def __init__(self, rows: Sequence[Sequence[Any]]):
        self._rows = rows

    def all(self) -> Sequence[Sequence[Any]]:
        return self._rows
