"""The file of one source: its tables, and opening it.

    files       one row for each file, those that cannot be read too
    passages    what is found, each with where it stands
    words       FTS5 over the passages
    tops        FTS5 over their headings and file names alone: a word that stands everywhere stands in few headings
    vectors     meanings of texts by the hash of the text: costly, so they outlive a new way of reading documents
    codes       the same as one bit for each dimension, for large sources
    facts       which model made the vectors, and the like

Source: https://www.sqlite.org/fts5.html
"""

from __future__ import annotations

__all__ = ["fact", "open_tables", "set_fact"]

import sqlite3
from pathlib import Path

from botkit.core.errors import StoreError

_MAPPED_BYTES = 256 * 1024**2
"""Most of a file that is read in place instead of copied; what is mapped counts as memory of the process."""
_VERSION = 2
"""Of tables and of how documents are read and cut; another one begins anew."""
_SCHEMA = """
CREATE TABLE files (
    id INTEGER PRIMARY KEY, file TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, changed_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL, title TEXT NOT NULL, passages INTEGER NOT NULL, indexed_at INTEGER NOT NULL,
    problem TEXT NOT NULL
);
CREATE INDEX ix_files_sha256 ON files (sha256);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, file_id INTEGER NOT NULL, heading TEXT NOT NULL, line INTEGER NOT NULL,
    line_end INTEGER NOT NULL, page INTEGER NOT NULL, text TEXT NOT NULL, digest BLOB NOT NULL
);
CREATE INDEX ix_passages_file_id ON passages (file_id);
CREATE INDEX ix_passages_digest ON passages (digest);
CREATE VIEW texts AS SELECT passages.id, text, heading, file FROM passages JOIN files ON files.id = file_id;
CREATE VIRTUAL TABLE words USING fts5 (
    text, heading, file, content='texts', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2'
);
CREATE VIRTUAL TABLE tops USING fts5 (
    heading, file, content='texts', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2', detail='none'
);
CREATE TRIGGER passages_added AFTER INSERT ON passages BEGIN
    INSERT INTO tops (rowid, heading, file)
    SELECT new.id, new.heading, file FROM files WHERE files.id = new.file_id;
    INSERT INTO words (rowid, text, heading, file)
    SELECT new.id, new.text, new.heading, file FROM files WHERE files.id = new.file_id;
END;
CREATE TRIGGER passages_dropped AFTER DELETE ON passages BEGIN
    INSERT INTO tops (tops, rowid, heading, file)
    SELECT 'delete', old.id, old.heading, file FROM files WHERE files.id = old.file_id;
    INSERT INTO words (words, rowid, text, heading, file)
    SELECT 'delete', old.id, old.text, old.heading, file FROM files WHERE files.id = old.file_id;
END;
"""
_VECTORS = """
CREATE TABLE IF NOT EXISTS vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB NOT NULL UNIQUE, vector BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS codes (id INTEGER PRIMARY KEY, code BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""
_DROPPED = (
    "DROP VIEW IF EXISTS texts",
    *(f"DROP TABLE IF EXISTS {name}" for name in ("words", "tops", "passages", "files")),
)


def open_tables(path: Path) -> sqlite3.Connection:
    """A connection; the file is made, and begun anew after a change of how documents are read.

    Raises:
        StoreError: it is no database, or cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=30.0, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA mmap_size = {_MAPPED_BYTES}").fetchall()
        connection.execute("PRAGMA cache_size = -8000")
        if connection.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            _begin_anew(connection)
        return connection
    except (sqlite3.DatabaseError, OSError) as error:
        raise StoreError(f"{path} cannot be used ({error}); delete it, it is made again") from error


def fact(connection: sqlite3.Connection, name: str) -> bytes | None:
    """What was noted under a name."""
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return None if row is None else bytes(row[0])


def set_fact(connection: sqlite3.Connection, name: str, value: bytes) -> None:
    connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))


def _begin_anew(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if connection.execute("PRAGMA user_version").fetchone()[0] != _VERSION:  # another was faster
        for statement in (*_DROPPED, *_statements(_SCHEMA), *_statements(_VECTORS)):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
    connection.commit()


def _statements(script: str) -> list[str]:
    """A script in pieces that run in one transaction; `executescript` would commit."""
    pieces: list[str] = []
    held = ""
    for line in script.strip().splitlines():
        held += line + "\n"
        if sqlite3.complete_statement(held):
            pieces.append(held)
            held = ""
    return pieces
