"""The schema: the migrations say what the tables say, on both databases, from several processes at once."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from botkit.core.errors import StoreError
from botkit.store.migrate import migrate_postgres, migrate_sqlite, schema_head
from botkit.store.open import open_store
from botkit.store.postgres import connect_postgres
from botkit.store.schema import SCHEMA_REVISION, metadata
from botkit.store.sqlite import connect_sqlite
from botkit.testing.stores.samples import LANE, an_event

_VERSION = "SELECT version_num FROM alembic_version"


def test_the_newest_migration_is_the_one_the_fast_start_knows() -> None:
    assert schema_head() == SCHEMA_REVISION


@pytest.fixture
def migrated(home: Path) -> Path:
    """A database that went through the whole history."""
    home.mkdir()
    path = home / "botkit.db"
    with closing(connect_sqlite(path)) as connection:
        migrate_sqlite(connection, path, step_by_step=True)
    return path


def test_the_migrations_make_exactly_the_tables_on_sqlite(migrated: Path) -> None:
    engine = create_engine(f"sqlite:///{migrated}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_the_migrations_make_exactly_the_tables_on_postgres(empty_postgres_url: str) -> None:
    with connect_postgres(empty_postgres_url) as connection:
        migrate_postgres(connection, step_by_step=True)
    engine = create_engine(empty_postgres_url.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


async def test_the_partial_indexes_of_a_new_database_are_those_of_the_migrations(migrated: Path) -> None:
    """`compare_metadata` does not look at the conditions of indexes."""
    fresh = migrated.parent / "fresh"
    async with open_store(fresh):
        pass
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
    with closing(sqlite3.connect(fresh / "botkit.db")) as new, closing(sqlite3.connect(migrated)) as old:
        assert new.execute(query).fetchall() == old.execute(query).fetchall()
        assert new.execute(_VERSION).fetchall() == old.execute(_VERSION).fetchall() == [(SCHEMA_REVISION,)]


async def test_a_transcript_number_is_never_given_twice(migrated: Path) -> None:
    fresh = migrated.parent / "fresh"
    async with open_store(fresh):
        pass
    for path in (migrated, fresh / "botkit.db"):
        with closing(sqlite3.connect(path)) as connection:
            (made,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'transcript'").fetchone()
        assert "AUTOINCREMENT" in made


async def test_a_database_of_a_newer_botkit_is_refused_and_left_alone(home: Path) -> None:
    async with open_store(home):
        pass
    with closing(sqlite3.connect(home / "botkit.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = (home / "botkit.db").read_bytes()
    with pytest.raises(StoreError, match="newer than this botkit") as refused:
        async with open_store(home):
            pass
    assert refused.value.facts == {"found": "9999", "expected": SCHEMA_REVISION}
    assert (home / "botkit.db").read_bytes() == before


async def test_a_newer_postgres_database_is_refused(home: Path, postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="newer than this botkit"):
        async with open_store(home, postgres_url):
            pass


async def test_several_processes_starting_at_once_make_one_schema(home: Path, empty_postgres_url: str) -> None:
    async def start(number: int) -> bool:
        async with open_store(home / str(number), empty_postgres_url) as store:
            return (await store.journal.accept(an_event(f"u{number}"), LANE)).new

    assert await asyncio.gather(*(start(number) for number in range(4))) == [True] * 4


def test_only_an_older_database_loads_alembic(home: Path) -> None:
    source = f"""
import asyncio, sys
from botkit.store.open import open_store

async def main():
    async with open_store({str(home)!r}):
        print("alembic" in sys.modules)

asyncio.run(main())
"""

    def start() -> bytes:
        return subprocess.run([sys.executable, "-c", source], capture_output=True, check=True).stdout

    assert [start(), start()] == [b"False\n", b"False\n"]
    with closing(sqlite3.connect(home / "botkit.db")) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        for (name,) in tables.fetchall():
            connection.execute(f"DROP TABLE {name}")
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.commit()
    assert start() == b"True\n"
