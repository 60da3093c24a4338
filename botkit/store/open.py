"""Open the database: choose it by URL, bring it to the newest schema, join the stores to one writer."""

from __future__ import annotations

__all__ = ["Store", "open_store"]

import asyncio
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from botkit.core.clock import Clock, SystemClock
from botkit.core.errors import StoreError
from botkit.core.ids import new_id
from botkit.core.journal import Signal
from botkit.store.administration import SqlCallLog, SqlCatalog, SqlRevisions, SqlSecrets
from botkit.store.analytics import SqlAnalytics
from botkit.store.answers import SqlAnswers
from botkit.store.budgets import SqlBudgets
from botkit.store.call_approvals import SqlCallApprovals
from botkit.store.conversations import SqlConversations
from botkit.store.files import DiskFiles
from botkit.store.journal import Lease, SqlJournal
from botkit.store.lanes import Owner, register, sweep_others, unregister
from botkit.store.lifecycle import SqlLifecycle
from botkit.store.limits import SqlCounters, SqlLimiter
from botkit.store.locks import HomeLock
from botkit.store.members import SqlMembers
from botkit.store.migrate import migrate_postgres, migrate_sqlite
from botkit.store.notes import SqlNotes
from botkit.store.oauth import SqlOAuthKeys
from botkit.store.outreach import SqlOutreach
from botkit.store.pairing import SqlPairing
from botkit.store.payloads import SqlPayloads
from botkit.store.people import SqlPeople
from botkit.store.query import Tx
from botkit.store.reader import Reader, postgres_reader, sqlite_reader
from botkit.store.records import SqlRecords
from botkit.store.signals import PostgresSignals, announce
from botkit.store.sqlite import SqliteBackend, Synchronous, connect_sqlite, translate_sqlite
from botkit.store.verifications import SqlVerifications
from botkit.store.writer import Writer

DATABASE_NAME = "botkit.db"
FILES_NAME = "files"

_POSTGRES_GROUP = 64
"""Units in one transaction there: each statement is a round trip, and others may wait for its locks."""


class Store:
    """Everything that is stored, behind the ports of `core`. Made by `open_store`."""

    def __init__(
        self,
        *,
        home: Path,
        writer: Writer,
        reader: Reader,
        clock: Clock,
        owner: Owner,
        lease: Lease,
        lock: HomeLock | None = None,
        signals: PostgresSignals | None = None,
    ):
        self.home = home
        self.clock = clock
        self.owner = owner.id
        """Id of this process, this boot."""
        self.writer = writer
        self.reader = reader
        self.journal = SqlJournal(writer, clock, owner=owner.id, lease=lease, signals=signals)
        self.people = SqlPeople(writer, reader, clock, owner=owner.id)
        self.pairing = SqlPairing(writer, reader, clock, owner=owner.id)
        self.verifications = SqlVerifications(writer, reader)
        self.members = SqlMembers(writer, reader, clock, owner=owner.id)
        self.oauth_keys = SqlOAuthKeys(writer)
        self.call_approvals = SqlCallApprovals(writer, reader, clock, owner=owner.id)
        self.counters = SqlCounters(writer, reader, clock)
        self.budgets = SqlBudgets(writer, reader, clock, owner=owner.id)
        self.limiter = SqlLimiter(writer, clock)
        """For processes that share this database; a process alone counts faster by itself."""
        self.shared = lock is None
        """Whether other processes may use this database at the same time."""
        self.secrets = SqlSecrets(writer, reader)
        self.catalog = SqlCatalog(writer, reader)
        self.revisions = SqlRevisions(writer, reader, clock, owner=owner.id)
        self.records = SqlRecords(reader)
        self.conversations = SqlConversations(reader)
        self.calls = SqlCallLog(writer, clock, owner=owner.id)
        self.payloads = SqlPayloads(writer, reader)
        self.notes = SqlNotes(writer, clock, owner=owner.id)
        self.outreach = SqlOutreach(writer, reader)
        self.analytics = SqlAnalytics(reader)
        self.answers = SqlAnswers(writer, reader)
        self.files = DiskFiles(home / FILES_NAME, clock)
        self.lifecycle = SqlLifecycle(writer, reader, self.files, clock, owner=owner.id)
        self._lock = lock

    async def close(self) -> None:
        """Finish what was submitted, leave the list of the living, let go of the database. Safe to repeat."""
        try:
            if not self.writer.closed:
                await self.writer.run(self._leave)
        except StoreError:
            pass  # the lease runs out by itself
        await self._disconnect()

    def _leave(self, tx: Tx) -> None:
        unregister(tx, self.owner)
        announce(tx, Signal(kind="recover"), sender=self.owner)

    async def abandon(self) -> None:
        """Drop everything as a kill would: nothing more is written, this process stays on the list."""
        self.writer.abandon()
        await self._disconnect()

    async def _disconnect(self) -> None:
        await self.reader.close()
        await self.writer.close()
        if self._lock is not None:
            self._lock.release()


@asynccontextmanager
async def open_store(
    home: Path | str,
    database_url: str | None = None,
    *,
    clock: Clock | None = None,
    synchronous: Synchronous = "full",
    lease_s: float = 15.0,
) -> AsyncGenerator[Store, None]:
    """Open `home/botkit.db`, or the PostgreSQL database of `database_url`.

    Call `journal.recover()` next: until then, what a dead process left is not worked on.

    Args:
        home: BOTKIT_HOME; created with mode 0700. Files live here also when the database is elsewhere.
        database_url: `postgresql://…`; None or empty for SQLite.
        synchronous: SQLite's durability. `normal` survives a killed process, not a power cut.
        lease_s: seconds without a heartbeat after which other processes may take over (PostgreSQL only).

    Raises:
        StoreBusy: another process owns this home.
        StoreError: the database cannot be used; the message says why.
    """
    home = Path(home)
    clock = clock or SystemClock()
    if database_url:
        store = await _open_postgres(home, database_url, clock, lease_s)
    else:
        store = await _open_sqlite(home, clock, synchronous)
    try:
        yield store
    finally:
        await store.close()


async def _open_sqlite(home: Path, clock: Clock, synchronous: Synchronous) -> Store:
    path = home / DATABASE_NAME
    lock = HomeLock(home)
    try:
        await asyncio.to_thread(_prepare_sqlite, home, lock, synchronous)
        writer = Writer(SqliteBackend(path, synchronous=synchronous))
        owner, lease = _this_process(), Lease(clock, 0)
        await _enter(writer, owner, lease, clock, alone=True)
    except BaseException:
        lock.release()
        raise
    reader = sqlite_reader(path, partial(translate_sqlite, path=path))
    return Store(home=home, writer=writer, reader=reader, clock=clock, owner=owner, lease=lease, lock=lock)


async def _open_postgres(home: Path, database_url: str, clock: Clock, lease_s: float) -> Store:
    from botkit.store.postgres import PostgresBackend, normal_url, translate_postgres

    url = normal_url(database_url)
    await asyncio.to_thread(_prepare_postgres, home, url)
    writer = Writer(PostgresBackend(url, freeze_s=lease_s), group_limit=_POSTGRES_GROUP, ordered=True)
    owner, lease = _this_process(), Lease(clock, lease_s)
    await _enter(writer, owner, lease, clock, alone=False)
    reader = postgres_reader(url, partial(translate_postgres, url=url))
    signals = PostgresSignals(url, clock, owner=owner.id)
    return Store(home=home, writer=writer, reader=reader, clock=clock, owner=owner, lease=lease, signals=signals)


async def _enter(writer: Writer, owner: Owner, lease: Lease, clock: Clock, *, alone: bool) -> None:
    """Start the writer and put this process on the list of the living."""
    await writer.open()
    now, until = clock.micros(), lease.next()

    def unit(tx: Tx) -> None:
        if alone:
            sweep_others(tx, owner.id)
        register(tx, owner, now=now, lease_until=until)

    try:
        await writer.run(unit)
    except BaseException:
        await writer.close()
        raise
    lease.renewed(until)


def _prepare_sqlite(home: Path, lock: HomeLock, synchronous: Synchronous) -> None:
    path = home / DATABASE_NAME
    _make_home(home)
    lock.acquire()
    if not path.exists():
        path.touch(mode=0o600)
    connection = connect_sqlite(path, synchronous=synchronous)
    try:
        migrate_sqlite(connection, path)
    finally:
        connection.close()


def _prepare_postgres(home: Path, url: str) -> None:
    from botkit.store.postgres import connect_postgres

    _make_home(home)
    with connect_postgres(url) as connection:
        migrate_postgres(connection)


def _make_home(home: Path) -> None:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{home} cannot be made ({error.strerror}). Check the owner and mode of what is above it, or set "
            f"BOTKIT_HOME to another place.",
            home=str(home),
        ) from error


def _this_process() -> Owner:
    return Owner(id=new_id("own"), host=socket.gethostname(), pid=os.getpid())
