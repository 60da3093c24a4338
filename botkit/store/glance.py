"""A look into a home without owning it: reads only, also while another process works there."""

from __future__ import annotations

__all__ = ["Glance", "glance_at"]

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Column, MetaData, String, Table, select

from botkit.core.clock import SystemClock
from botkit.core.errors import StoreError
from botkit.store.administration import SqlCatalog, SqlRevisions, SqlSecrets
from botkit.store.open import DATABASE_NAME
from botkit.store.reader import Reader, postgres_reader, sqlite_reader
from botkit.store.records import SqlRecords
from botkit.store.schema import SCHEMA_REVISION
from botkit.store.sqlite import translate_sqlite
from botkit.store.writer import Writer

_VERSION = Table("alembic_version", MetaData(), Column("version_num", String))


class _NoWriter:
    """Whoever tries to write finds that nobody does."""

    def __getattr__(self, name: str) -> Any:
        raise StoreError("this database was opened for reading only")


class Glance:
    """What can be read. Every attempt to write raises `StoreError`."""

    def __init__(self, reader: Reader):
        writer = cast("Writer", _NoWriter())
        self.records = SqlRecords(reader)
        self.secrets = SqlSecrets(writer, reader)
        self.catalog = SqlCatalog(writer, reader)
        self.revisions = SqlRevisions(writer, reader, SystemClock(), owner="")


@asynccontextmanager
async def glance_at(home: Path, database_url: str | None = None) -> AsyncGenerator[Glance | None]:
    """The stores of an instance for reading; None where there is no database yet.

    Raises:
        StoreError: it cannot be read, or was written by another version.
    """
    path = home / DATABASE_NAME
    if database_url:
        from botkit.store.postgres import normal_url, translate_postgres

        url = normal_url(database_url)
        reader = postgres_reader(url, partial(translate_postgres, url=url))
    elif not await asyncio.to_thread(path.is_file):
        yield None
        return
    else:
        reader = sqlite_reader(path, partial(translate_sqlite, path=path))
    try:
        await _check_version(reader)
        yield Glance(reader)
    finally:
        await reader.close()


async def _check_version(reader: Reader) -> None:
    try:
        version = await reader.value(select(_VERSION.c.version_num))
    except sqlite3.Error as error:
        raise StoreError(f"the database cannot be read: {error}") from error
    if version != SCHEMA_REVISION:
        raise StoreError("the database was written by another version of botkit; start botkit once, then try again")
