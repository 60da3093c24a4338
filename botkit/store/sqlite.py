"""SQLite: the embedded database, owned by one process.

Source: https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html
"""

from __future__ import annotations

__all__ = ["MIN_SQLITE", "SqliteBackend", "Synchronous", "connect_sqlite", "read_only_uri", "translate_sqlite"]

import errno
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from botkit.core.errors import Conflict, NotFound, StoreBusy, StoreCorrupt, StoreError, StoreFull
from botkit.store.query import Tx

Synchronous = Literal["full", "normal", "extra"]

MIN_SQLITE = (3, 35, 0)
"""RETURNING, and DROP COLUMN for later migrations."""

_BUSY_TIMEOUT_MS = 5_000
_STATEMENTS = 512
_CACHE_KIB = 16_384
_CHECKPOINT_PAGES = 4_000
"""16 MB of log between checkpoints: fewer flushes of the database file while it is busy."""


def connect_sqlite(path: Path, *, synchronous: Synchronous = "full") -> sqlite3.Connection:
    """Open for writing, with our settings. Transactions are begun and ended by hand.

    Raises:
        StoreBusy, StoreFull, StoreCorrupt: what opening met.
    """
    if sqlite3.sqlite_version_info < MIN_SQLITE:
        raise StoreError(
            f"this Python carries SQLite {sqlite3.sqlite_version}; botkit needs "
            f"{'.'.join(map(str, MIN_SQLITE))} or newer. Use a newer Python, or set BOTKIT_DATABASE_URL to PostgreSQL."
        )
    try:
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, cached_statements=_STATEMENTS, timeout=0
        )
    except sqlite3.Error as error:
        raise translate_sqlite(error, path) from error
    try:
        for pragma in (
            f"busy_timeout = {_BUSY_TIMEOUT_MS}",
            "journal_mode = WAL",
            f"synchronous = {synchronous}",
            "foreign_keys = ON",
            "secure_delete = ON",  # what retention and erasure delete is overwritten, not only unlinked
            "temp_store = MEMORY",
            f"cache_size = -{_CACHE_KIB}",
            f"wal_autocheckpoint = {_CHECKPOINT_PAGES}",
            "trusted_schema = OFF",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
    except sqlite3.Error as error:
        connection.close()
        raise translate_sqlite(error, path) from error
    return connection


def read_only_uri(path: Path) -> str:
    """For `sqlite3.connect(…, uri=True)`; any character may be in a path."""
    return f"file:{quote(str(path.absolute()))}?mode=ro"


def translate_sqlite(error: Exception, path: Path) -> Exception:
    """A driver's error as one of ours, saying what to do; other errors come back as they are."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full(path, error.strerror or "no space left")
    if not isinstance(error, sqlite3.Error):
        return error
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith("SQLITE_FULL"):
        return _full(path, str(error))
    if name.startswith("SQLITE_IOERR"):
        # A full file system shows up as a failed write or a failed extension of the shared-memory file.
        return _full(path, f"{error} ({name})")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreCorrupt(
            f"the database {path} is damaged ({error}). Stop botkit, keep a copy of the file, and run "
            f"`botkit restore ARCHIVE` with your newest backup.",
            path=str(path),
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreBusy(
            f"the database {path} is locked by another program. Close whatever has it open (a database browser, "
            f"a backup tool) and try again.",
            path=str(path),
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return StoreError(
            f"the database {path} cannot be written ({error}). Check the owner and mode of it and its directory.",
            path=str(path),
        )
    if name == "SQLITE_CONSTRAINT_FOREIGNKEY":
        return NotFound("this belongs to a run that does not exist; start the run first")
    if name in ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"):
        return Conflict(f"this exists already ({error})")
    return StoreError(f"the database refused a statement: {error}", path=str(path))


def _full(path: Path, reason: str) -> StoreFull:
    return StoreFull(
        f"{path} could not grow: {reason}. Free some space on that disk; nothing was lost, and waiting work "
        f"goes on by itself.",
        path=str(path),
    )


class SqliteBackend:
    """The writer's connection."""

    def __init__(self, path: Path, *, synchronous: Synchronous = "full"):
        self._path = path
        self._synchronous: Synchronous = synchronous
        self._connection: sqlite3.Connection | None = None

    @property
    def connection(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreError("the store is closed")
        return self._connection

    def open(self) -> Tx:
        self._connection = connect_sqlite(self._path, synchronous=self._synchronous)
        return Tx(self._connection.cursor().execute, "sqlite")

    def begin(self, *, together: bool) -> None:
        self.connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self.connection.execute("COMMIT")

    def rollback(self) -> None:
        # After some errors (full disk, I/O) SQLite has undone the transaction by itself.
        if self.connection.in_transaction:
            with suppress(sqlite3.Error):
                self.connection.execute("ROLLBACK")

    def savepoint(self) -> None:
        self.connection.execute("SAVEPOINT unit")

    def keep(self) -> None:
        self.connection.execute("RELEASE unit")

    def undo(self) -> None:
        self.connection.execute("ROLLBACK TO unit")
        self.connection.execute("RELEASE unit")

    def maintain(self) -> None:
        """Move the log into the database and empty it: old pages in it still show what was deleted."""
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def translate(self, error: Exception) -> Exception:
        return translate_sqlite(error, self._path)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
