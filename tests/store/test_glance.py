"""A look into a home that another process may own: reads, and nothing else."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from botkit.core.errors import StoreError
from botkit.core.stores import CatalogRow
from botkit.store.glance import glance_at
from botkit.store.open import open_store


async def test_where_nothing_ran_there_is_nothing_to_see(tmp_path: Path) -> None:
    async with glance_at(tmp_path / "home") as glance:
        assert glance is None
    assert not (tmp_path / "home").exists()


async def test_what_is_stored_is_read_while_its_owner_writes(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store, glance_at(tmp_path) as glance:
        assert glance is not None
        assert await glance.catalog.load() == []
        await store.catalog.save(CatalogRow(server="shop", refreshed_at=1))
        assert [row.server for row in await glance.catalog.load()] == ["shop"]
        assert await glance.records.runs() == []
        assert await glance.revisions.active() is None


async def test_nothing_can_be_written(tmp_path: Path) -> None:
    async with open_store(tmp_path):
        pass
    async with glance_at(tmp_path) as glance:
        assert glance is not None
        with pytest.raises(StoreError, match="for reading only"):
            await glance.catalog.save(CatalogRow(server="shop"))


async def test_a_database_of_another_version_is_not_guessed_at(tmp_path: Path) -> None:
    async with open_store(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "botkit.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '0001'")
    database.close()
    with pytest.raises(StoreError, match="another version of botkit"):
        async with glance_at(tmp_path):
            pass


async def test_postgresql_is_read_the_same_way(tmp_path: Path, postgres_url: str) -> None:
    async with open_store(tmp_path, postgres_url) as store:
        await store.catalog.save(CatalogRow(server="shop", refreshed_at=1))
    async with glance_at(tmp_path, postgres_url) as glance:
        assert glance is not None
        assert [row.server for row in await glance.catalog.load()] == ["shop"]
        assert await glance.records.runs() == []
