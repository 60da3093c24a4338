"""`botkit backup` and `botkit restore`."""

from __future__ import annotations

__all__ = ["BackupInfo", "RestoreInfo", "backup", "restore"]

import asyncio
import errno
import shutil
import tempfile
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from botkit import __version__
from botkit.core.clock import Clock, SystemClock
from botkit.core.data import Data
from botkit.core.errors import Conflict, StoreFull
from botkit.store.archive import DATABASE_MEMBER, FORMAT, Manifest, read_archive, write_archive
from botkit.store.files import make_private
from botkit.store.locks import HomeLock
from botkit.store.migrate import migrate_postgres, migrate_sqlite
from botkit.store.open import DATABASE_NAME, FILES_NAME
from botkit.store.sqlite import connect_sqlite
from botkit.store.transfer import (
    check_file,
    copy_sqlite,
    describe,
    dump_postgres,
    is_empty_postgres,
    load_postgres,
    settle,
)

_BESIDE = ("", "-wal", "-shm")


class BackupInfo(Data):
    path: str
    size_bytes: int
    files: int
    key_ids: tuple[str, ...] = ()
    """Master keys that must be kept too: without them the secrets in the archive stay closed."""


class RestoreInfo(Data):
    files: int
    created_at: int
    """When the backup was made; microseconds, UTC."""
    key_ids: tuple[str, ...] = ()
    kept: str = ""
    """Where the database that was there before is kept."""


async def backup(
    home: Path, target: Path, database_url: str | None = None, *, clock: Clock | None = None
) -> BackupInfo:
    """Write everything stored into one archive, while botkit runs or not.

    Secrets stay sealed and the master key is not in it. The archive appears whole or not at all.

    Raises:
        StoreFull: no space for it; nothing is left behind.
        StoreError: the database cannot be read.
    """
    now = (clock or SystemClock()).micros()
    return await asyncio.to_thread(_backup, home, target, database_url, now)


def _backup(home: Path, target: Path, database_url: str | None, now: int) -> BackupInfo:
    with _space(target), _scratch(target.parent) as scratch:
        database = scratch / DATABASE_MEMBER
        if database_url:
            from botkit.store.postgres import normal_url

            dump_postgres(normal_url(database_url), database)
        else:
            copy_sqlite(home / DATABASE_NAME, database)
        schema, keys = describe(database)
        manifest = Manifest(
            format=FORMAT,
            schema=schema,
            database="postgresql" if database_url else "sqlite",
            created_at=now,
            botkit=__version__,
            key_ids=keys,
        )
        complete = write_archive(target, database, home / FILES_NAME, manifest)
        return BackupInfo(
            path=str(target),
            size_bytes=target.stat().st_size,
            files=len(complete.members) - 1,
            key_ids=manifest.key_ids,
        )


async def restore(
    archive: Path,
    home: Path,
    database_url: str | None = None,
    *,
    force: bool = False,
    resume: bool = False,
    clock: Clock | None = None,
) -> RestoreInfo:
    """Put an archive in place of the database, which nobody may be using.

    The archive is checked byte for byte first. An archive of either database restores into either.

    Args:
        force: replace a database that is not empty. A SQLite file is kept beside the new one, not deleted.
        resume: go on with what was under way when the backup was made; right only when nothing happened
            since, as when moving to another machine.

    Raises:
        StoreBusy: botkit is running on this home.
        Conflict: there is data already and `force` is not set.
        StoreCorrupt: the archive is damaged; nothing was changed.
    """
    now = (clock or SystemClock()).micros()
    return await asyncio.to_thread(_restore, archive, home, database_url, force, resume, now)


def _restore(archive: Path, home: Path, database_url: str | None, force: bool, resume: bool, now: int) -> RestoreInfo:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(home), _space(home), _scratch(home) as scratch:
        manifest = read_archive(archive, scratch)
        database = scratch / DATABASE_MEMBER
        check_file(database)
        with closing(connect_sqlite(database)) as connection:
            migrate_sqlite(connection, database)
        settle(database, now, resume=resume)
        kept = _place_postgres(database, database_url, force) if database_url else _place(database, home, force, now)
        _place_files(scratch / FILES_NAME, home / FILES_NAME)
        return RestoreInfo(
            files=len(manifest.members) - 1, created_at=manifest.created_at, key_ids=manifest.key_ids, kept=kept
        )


def _place(database: Path, home: Path, force: bool, now: int) -> str:
    """Move the file into place, and what was there aside."""
    target = home / DATABASE_NAME
    kept = ""
    if target.exists():
        if not force:
            raise Conflict(f"{target} exists already; restore into another BOTKIT_HOME, or pass --force to replace it")
        kept = str(home / f"{DATABASE_NAME}.before-restore-{now}")
        for suffix in _BESIDE:
            old = Path(f"{target}{suffix}")
            if old.exists():
                old.replace(f"{kept}{suffix}")
    for suffix in ("-wal", "-shm"):
        Path(f"{target}{suffix}").unlink(missing_ok=True)
    with closing(connect_sqlite(database)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    database.chmod(0o600)
    database.replace(target)
    return kept


def _place_postgres(database: Path, database_url: str, force: bool) -> str:
    from botkit.store.postgres import connect_postgres, normal_url

    url = normal_url(database_url)
    if not force and not is_empty_postgres(url):
        raise Conflict("the database holds data already; restore into an empty one, or pass --force to replace it")
    with connect_postgres(url) as connection:
        migrate_postgres(connection)
    load_postgres(database, url)
    return ""


def _place_files(source: Path, target: Path) -> None:
    """Files are named by content, so what is there already may stay."""
    for path in sorted(source.glob("*/*/*")):
        place = target / path.relative_to(source)
        make_private(target, place.parent)
        path.replace(place)


@contextmanager
def _locked(home: Path) -> Generator[None]:
    lock = HomeLock(home)
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _scratch(where: Path) -> Generator[Path]:
    """A private directory on the same file system, gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix=".botkit-", dir=where))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _space(place: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(f"no space left for {place}: free some and try again; nothing was changed") from error
        raise
