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
from botkit.store.migrate import schema_head
from botkit.store.open import open_store
from botkit.store.schema import SCHEMA_REVISION, metadata
from botkit.testing.stores.samples import LANE, an_event


def test_the_newest_migration_is_the_one_the_fast_start_knows() -> None:
    assert schema_head() == SCHEMA_REVISION


async def test_the_migrations_make_exactly_the_tables_on_sqlite(home: Path) -> None:
    async with open_store(home):
        pass
    engine = create_engine(f"sqlite:///{home / 'botkit.db'}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_the_migrations_make_exactly_the_tables_on_postgres(postgres_url: str) -> None:
    engine = create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


async def test_the_partial_indexes_of_the_tables_are_those_of_the_migrations(home: Path) -> None:
    """`compare_metadata` does not look at the conditions of indexes."""
    async with open_store(home):
        pass
    fresh = create_engine("sqlite://")
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
    with fresh.connect() as connection, closing(sqlite3.connect(home / "botkit.db")) as migrated:
        metadata.create_all(connection)
        expected = [tuple(row) for row in connection.exec_driver_sql(query)]
        assert migrated.execute(query).fetchall() == expected
    fresh.dispose()


async def test_a_transcript_number_is_never_given_twice(home: Path) -> None:
    async with open_store(home):
        pass
    with closing(sqlite3.connect(home / "botkit.db")) as connection:
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


def test_a_start_with_nothing_to_migrate_does_not_load_alembic(home: Path) -> None:
    source = f"""
import asyncio, sys
from botkit.store.open import open_store

async def main():
    async with open_store({str(home)!r}):
        print("alembic" in sys.modules)

asyncio.run(main())
"""
    said = [subprocess.run([sys.executable, "-c", source], capture_output=True, check=True).stdout for _ in range(2)]
    assert said == [b"True\n", b"False\n"]
