"""Bring a database to the newest schema, in this process, at start.

The common start, a database that is there already, costs one SELECT. An empty one gets the tables of `schema` as they
are now, and the mark of the newest revision. Alembic, which is some 10 MB, is imported only to change older tables:
migrations are the files in `migrations/versions`, and `render_as_batch` makes them run on SQLite, which cannot alter
most things in place. Tests hold both ways to the same result.
"""

from __future__ import annotations

__all__ = ["migrate_postgres", "migrate_sqlite", "schema_head"]

import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, String, Table

from botkit.core.errors import StoreError
from botkit.store.schema import SCHEMA_REVISION, create_tables
from botkit.store.sqlite import translate_sqlite

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy.engine import Connection

_VERSIONS = Path(__file__).parent / "migrations"
_POSTGRES_LOCK = 0x626F746B6974
"""Advisory lock key, `botkit` in ASCII: one process migrates, the others wait and find it done."""


def migrate_sqlite(connection: sqlite3.Connection, path: Path, *, step_by_step: bool = False) -> None:
    """Upgrade inside one immediate transaction, all or nothing. The caller holds the home's lock.

    Args:
        step_by_step: make an empty database by its whole history, too.

    Raises:
        StoreError: the database was written by a newer botkit.
        StoreBusy, StoreFull, StoreCorrupt: nothing was changed.
    """
    try:
        if _sqlite_revision(connection) == SCHEMA_REVISION:
            return
        from sqlalchemy import create_engine, event
        from sqlalchemy.pool import StaticPool

        engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
        event.listen(engine, "begin", _begin_immediate)
        # Batch mode rebuilds tables; enforcing references meanwhile would delete the rows that point at them.
        connection.execute("PRAGMA foreign_keys = OFF")
        try:
            with engine.begin() as wrapped:
                _bring_up(wrapped, step_by_step)
        finally:
            connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error as error:
        raise translate_sqlite(error, path) from error
    except Exception as error:
        raise translate_sqlite(_cause(error), path) from error


def migrate_postgres(connection: psycopg.Connection[Any], *, step_by_step: bool = False) -> None:
    """Upgrade under an advisory lock, in one transaction. Raises `StoreError` for a newer database."""
    row = connection.execute("SELECT to_regclass('alembic_version')").fetchone()
    if row is not None and row[0] is not None:
        version = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        if version is not None and version[0] == SCHEMA_REVISION:
            return
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import StaticPool

    connection.autocommit = False  # SQLAlchemy begins and ends the transaction
    # Others may be waiting here for the first of us for longer than an ordinary lock may take.
    connection.execute("SET lock_timeout = 0")
    engine = create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=StaticPool)
    with engine.begin() as wrapped:
        wrapped.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
        _bring_up(wrapped, step_by_step)


def schema_head() -> str:
    """The newest revision among the migration files."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config(Config())).get_current_head() or ""


def _sqlite_revision(connection: sqlite3.Connection) -> str:
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    if found is None:
        return ""
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row is not None else ""


_importing = threading.Lock()
"""Alembic pulls in parts of SQLAlchemy that refer to each other; two threads doing that at once break it."""


def _bring_up(connection: Connection, step_by_step: bool) -> None:
    from sqlalchemy import inspect

    if step_by_step or inspect(connection).get_table_names():
        _upgrade(connection)
        return
    create_tables(connection)
    version = Table(
        "alembic_version",  # as Alembic makes it
        MetaData(),
        Column("version_num", String(32), nullable=False),
        PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
    )
    version.create(connection)
    connection.execute(version.insert().values(version_num=SCHEMA_REVISION))


def _upgrade(connection: Connection) -> None:
    with _importing:
        _upgrade_alone(connection)


def _upgrade_alone(connection: Connection) -> None:
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = _config(Config())
    scripts = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if current is not None and current not in known:
        raise StoreError(
            f"this database has schema {current}, which is newer than this botkit (schema {SCHEMA_REVISION}). Install "
            f"the newer botkit again, or restore a backup made with this version.",
            found=current,
            expected=SCHEMA_REVISION,
        )

    def steps(revision: Any, _context: MigrationContext) -> Any:
        return scripts._upgrade_revs("head", revision)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - as `alembic upgrade` does

    with EnvironmentContext(config, scripts, fn=steps, destination_rev="head") as environment:
        environment.configure(connection=connection, render_as_batch=True)
        environment.run_migrations()


def _config(config: Any) -> Any:
    config.set_main_option("script_location", str(_VERSIONS))
    config.set_main_option("path_separator", "os")
    return config


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _cause(error: Exception) -> Exception:
    """The driver's error inside one of SQLAlchemy's."""
    original = getattr(error, "orig", None)
    return original if isinstance(original, Exception) else error
