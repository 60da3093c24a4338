"""Whole databases as SQLite files: how a backup reads one and a restore fills one."""

from __future__ import annotations

__all__ = ["check_file", "copy_sqlite", "describe", "dump_postgres", "is_empty_postgres", "load_postgres", "settle"]

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Float, Integer, LargeBinary, Table

from botkit.core.errors import StoreCorrupt, StoreError
from botkit.store.codec import clean
from botkit.store.migrate import migrate_sqlite
from botkit.store.schema import call_payloads, metadata, owners, secrets
from botkit.store.sqlite import connect_sqlite, read_only_uri, translate_sqlite

_RESTORED = "it was on its way when the backup was made, and may have been delivered since"


def copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy of a database in use, by SQLite's online backup; writers are not held up.

    Source: https://www.sqlite.org/backup.html
    """
    if not source.exists():
        raise StoreError(f"there is no database {source} yet; start botkit once, or set BOTKIT_HOME")
    try:
        with (
            closing(sqlite3.connect(read_only_uri(source), uri=True)) as reading,
            closing(sqlite3.connect(target)) as writing,
        ):
            reading.backup(writing)  # in one step: in pieces it would begin again with each commit of the writer
            writing.execute("PRAGMA journal_mode = DELETE").fetchall()  # one file, no log beside it
    except sqlite3.Error as error:
        raise translate_sqlite(error, source) from error


def dump_postgres(url: str, target: Path) -> None:
    """Copy every table of one snapshot into a new SQLite file."""
    import psycopg
    from psycopg import sql

    from botkit.store.postgres import connect_postgres, translate_postgres

    with closing(connect_sqlite(target)) as writing:
        migrate_sqlite(writing, target)
        try:
            with connect_postgres(url, freeze_s=0) as reading:
                reading.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                for table in metadata.sorted_tables:
                    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.c)
                    query = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(names, sql.Identifier(table.name))
                    with reading.cursor() as cursor, cursor.copy(query) as copy:
                        copy.set_types([_postgres_type(column.type) for column in table.c])
                        _insert(writing, table, copy.rows())
                reading.execute("COMMIT")
        except psycopg.Error as error:
            raise translate_postgres(error, url) from error
        writing.execute("PRAGMA journal_mode = DELETE").fetchall()


def load_postgres(source: Path, url: str) -> None:
    """Fill a migrated PostgreSQL database with the rows of a migrated SQLite file, replacing what is there."""
    import psycopg
    from psycopg import sql

    from botkit.store.postgres import connect_postgres, translate_postgres

    tables = [table for table in metadata.sorted_tables if table is not owners]
    try:
        with (
            closing(connect_sqlite(source)) as reading,
            connect_postgres(url, freeze_s=0) as writing,
            writing.transaction(),
        ):
            everything = sql.SQL(", ").join(sql.Identifier(table.name) for table in metadata.sorted_tables)
            writing.execute(sql.SQL("TRUNCATE {}").format(everything))
            for table in tables:
                names = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.c)
                query = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), names)
                with writing.cursor() as cursor, cursor.copy(query) as copy:
                    copy.set_types([_postgres_type(column.type) for column in table.c])
                    for row in reading.execute(_select(table)):
                        copy.write_row([clean(value) if isinstance(value, str) else value for value in row])
                if "seq" in table.c:
                    writing.execute(
                        sql.SQL(
                            "SELECT setval(pg_get_serial_sequence({}, 'seq'), "
                            "(SELECT coalesce(max(seq), 0) + 1 FROM {}), false)"
                        ).format(sql.Literal(table.name), sql.Identifier(table.name))
                    )
    except psycopg.Error as error:
        raise translate_postgres(error, url) from error


def is_empty_postgres(url: str) -> bool:
    """Whether no table of ours holds a row (living processes do not count)."""
    from psycopg import sql

    from botkit.store.postgres import connect_postgres

    with connect_postgres(url) as connection:
        for table in metadata.sorted_tables:
            row = connection.execute("SELECT to_regclass(%s)", (str(table.name),)).fetchone()
            if row is None or row[0] is None or table is owners:
                continue
            query = sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(table.name))
            if connection.execute(query).fetchone() is not None:
                return False
    return True


def check_file(path: Path) -> None:
    """Read every page. Raises `StoreCorrupt`."""
    try:
        with closing(sqlite3.connect(read_only_uri(path), uri=True)) as connection:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()
            orphan = connection.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.Error as error:
        raise translate_sqlite(error, path) from error
    if found is None or found[0] != "ok" or orphan is not None:
        reason = found[0] if found is not None and found[0] != "ok" else "rows refer to rows that are not there"
        raise StoreCorrupt(
            f"the database in the archive is damaged: {reason}. Use another backup; nothing was changed."
        )


def settle(path: Path, now: int, *, resume: bool) -> None:
    """Make a restored file start well: nobody alive owns anything in it.

    Unless `resume`, what was under way when the backup was made is not done again, because most of it was
    finished since: parts become `unknown` for the operator to decide, running runs fail with `restored`.
    """
    with closing(connect_sqlite(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM owners")
        connection.execute("UPDATE lanes SET owner = '', epoch = epoch + 1 WHERE owner <> ''")
        if not resume:
            connection.execute(
                "UPDATE parts SET state = 'unknown', error = ?, updated_at = ? WHERE state IN ('pending', 'sending')",
                (_RESTORED, now),
            )
            connection.execute(
                "UPDATE runs SET state = 'failed', error = ?, updated_at = ?, ended_at = ? WHERE state = 'running'",
                (f'{{"code":"restored","message":"{_RESTORED}"}}', now, now),
            )
        connection.execute("COMMIT")


def describe(path: Path) -> tuple[str, tuple[str, ...]]:
    """The schema of a file, and the master keys that its secrets and records of calls are sealed with."""
    with closing(sqlite3.connect(read_only_uri(path), uri=True)) as connection:
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        keys: set[str] = set()
        for table in there & {secrets.name, call_payloads.name}:  # an older database may lack one
            keys |= {row[0] for row in connection.execute(f'SELECT DISTINCT key_id FROM "{table}"')}  # noqa: S608 - ours
        return str(revision), tuple(sorted(keys))


def _insert(connection: sqlite3.Connection, table: Table, rows: Any) -> None:
    marks = ", ".join("?" for _ in table.c)
    names = ", ".join(f'"{column.name}"' for column in table.c)
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', rows)  # noqa: S608 - our names
    connection.execute("COMMIT")


def _select(table: Table) -> str:
    names = ", ".join(f'"{column.name}"' for column in table.c)
    return f'SELECT {names} FROM "{table.name}"'  # noqa: S608 - the names of our own schema


def _postgres_type(kind: Any) -> str:
    match kind:
        case Integer():  # BigInteger too
            return "int8" if kind.__class__.__name__ == "BigInteger" else "int4"
        case Float():
            return "float8"
        case LargeBinary():
            return "bytea"
        case _:
            return "text"
