"""PostgreSQL: the database for several processes.

Source: https://www.postgresql.org/docs/current/errcodes-appendix.html,
https://www.psycopg.org/psycopg3/docs/basic/transactions.html, https://www.psycopg.org/psycopg3/docs/advanced/pipeline.html
"""

from __future__ import annotations

__all__ = ["PostgresBackend", "connect_postgres", "normal_url", "translate_postgres"]

import time
from contextlib import ExitStack, suppress
from typing import Any, LiteralString, cast
from urllib.parse import urlsplit

import psycopg
from psycopg import errors

from botkit.core.errors import ConfigError, Conflict, NotFound, StoreBusy, StoreCorrupt, StoreError, StoreFull
from botkit.store.query import Rows, Tx
from botkit.store.writer import Retry

_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_SHAPE = "postgresql://USER:PASSWORD@HOST/DATABASE"
_UNREADABLE = f"BOTKIT_DATABASE_URL cannot be read; use {_SHAPE}, with special characters percent-encoded"
_CONNECT_TIMEOUT_S = 10
_LOCK_TIMEOUT_MS = 10_000
_TRANSACTION_TIMEOUT_SINCE = 170_000
"""Server version that can end a transaction by its age. In a pipeline that is the only way: between its statements a
server does not count as idle, and a process frozen there would keep its locks for good."""
_RECONNECT_PAUSES_S = (0.0, 0.05, 0.2, 0.5)
_STATUS_PAUSES_S = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


def normal_url(url: str) -> str:
    """The URL as libpq wants it. Raises `ConfigError` for other databases; the message never shows the password."""
    scheme, colon, rest = url.partition("://")
    if not colon or scheme not in _SCHEMES:
        raise ConfigError(
            f"BOTKIT_DATABASE_URL {f'begins with `{scheme}://`' if colon else 'is not a URL'}; use {_SHAPE}, or unset "
            f"it for SQLite in BOTKIT_HOME"
        )
    try:
        _ = urlsplit(f"postgresql://{rest}").port
    except ValueError:
        raise ConfigError(_UNREADABLE) from None
    return f"postgresql://{rest}"


def connect_postgres(url: str, *, freeze_s: float = 15.0) -> psycopg.Connection[Any]:
    """Open a connection whose transactions are begun and ended by hand.

    Args:
        url: from `normal_url`.
        freeze_s: the server ends a transaction whose client has said nothing for so long, so that a frozen
            process does not keep its rows locked for those who take over.

    Raises:
        StoreBusy: the server cannot be reached or is full.
        StoreError: it refuses us.
    """
    try:
        connection: psycopg.Connection[Any] = psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=_CONNECT_TIMEOUT_S,
            application_name="botkit",
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
        )
        connection.execute(
            "SELECT set_config('idle_in_transaction_session_timeout', %s, false), "
            "set_config('lock_timeout', %s, false)",
            (str(int(freeze_s * 1000)), str(_LOCK_TIMEOUT_MS)),
        )
    except psycopg.ProgrammingError:
        # libpq repeats the whole URL here, password and all.
        raise ConfigError(_UNREADABLE) from None
    except psycopg.Error as error:
        translated = translate_postgres(error, url)
        raise (_refused(error, url) if isinstance(translated, Retry) else translated) from error
    return connection


def translate_postgres(error: Exception, url: str) -> Exception:
    """A driver's error as one of ours or `Retry`; other errors come back as they are."""
    if not isinstance(error, psycopg.Error):
        return error
    where = _place(url)
    match error:
        case errors.SerializationFailure() | errors.DeadlockDetected():
            return Retry(error)
        case errors.ForeignKeyViolation():
            return NotFound("this belongs to a run that does not exist; start the run first")
        case errors.UniqueViolation():
            return Conflict(f"this exists already ({error.diag.constraint_name})")
        case errors.DiskFull():
            return StoreFull(
                f"the disk of {where} is full: {error}. Free some space there; nothing was lost, and waiting work goes "
                f"on by itself."
            )
        case errors.DataCorrupted() | errors.IndexCorrupted():
            return StoreCorrupt(
                f"{where} reports damaged data: {error}. Stop botkit and run `botkit restore ARCHIVE` into a new "
                f"database with your newest backup."
            )
        case errors.PipelineAborted():
            return StoreError(f"{where} refused a statement before this one")
        case errors.LockNotAvailable() | errors.QueryCanceled() | errors.TooManyConnections():
            return StoreBusy(f"{where} is busy: {error}. Try again.")
        case errors.InvalidPassword() | errors.InvalidAuthorizationSpecification() | errors.InsufficientPrivilege():
            return StoreError(f"{where} refused us: {error}. Check user, password and rights in BOTKIT_DATABASE_URL.")
        case psycopg.OperationalError() | psycopg.InterfaceError():
            return Retry(error)
        case _:
            return StoreError(f"{where} refused a statement: {error}")


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"the database {parts.path.lstrip('/') or 'default'} on {parts.hostname or 'the local socket'}"


def _refused(error: Exception, url: str) -> StoreError:
    """Why no connection came about. The server's reason comes as text here, without a code."""
    reason = str(error)
    if "does not exist" in reason:
        return StoreError(f"{_place(url)} does not exist there, or its user does not. Create it first (`createdb`).")
    if "authentication failed" in reason or "pg_hba.conf" in reason or "no password" in reason:
        return StoreError(f"{_place(url)} refused us. Check user, password and rights in BOTKIT_DATABASE_URL.")
    return _unreachable(error, url)


def _unreachable(error: Exception, url: str) -> StoreBusy:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return StoreBusy(f"{_place(url)} cannot be reached: {reason}. Start it, or correct BOTKIT_DATABASE_URL.")


class _Answer:
    """What a statement in a pipeline will return; asking for it waits for everything before it."""

    __slots__ = ("_cursor", "_pipeline")

    def __init__(self, cursor: psycopg.Cursor[Any], pipeline: psycopg.Pipeline):
        self._cursor = cursor
        self._pipeline = pipeline

    @property
    def rowcount(self) -> int:
        if self._cursor.pgresult is None:
            self._pipeline.sync()
        return self._cursor.rowcount

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._cursor.fetchone()

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._cursor.fetchall()


class PostgresBackend:
    """The writer's connection; it is made again when the server went away."""

    def __init__(self, url: str, *, freeze_s: float = 15.0):
        self._url = url
        self._freeze_s = freeze_s
        self._connection: psycopg.Connection[Any] | None = None
        self._cursor: psycopg.Cursor[Any] | None = None
        self._tx = Tx(self._execute, "postgresql")
        self._together = ExitStack()
        self._pipeline: psycopg.Pipeline | None = None
        """While statements are sent without waiting for answers."""

    def open(self) -> Tx:
        self._connect()
        return self._tx

    def begin(self, *, together: bool) -> None:
        if self._lost():
            self._reconnect()
        if together and self._connection is not None and self._has_transaction_timeout:
            self._pipeline = self._together.enter_context(self._connection.pipeline())
            self._tx.together = True
        self._run("BEGIN ISOLATION LEVEL READ COMMITTED")

    def commit(self) -> None:
        """Commit, and when the answer was lost, find out whether it happened."""
        assigned = self._run("SELECT pg_current_xact_id_if_assigned()::text")
        self._leave_pipeline()
        row = assigned.fetchone()
        transaction = None if row is None else row[0]
        try:
            status = self._run("COMMIT").statusmessage
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            if transaction is None or not self._lost():
                raise
            self._settle(transaction, error)
            return
        if status != "COMMIT":
            raise StoreError(f"the transaction ended with {status}: a unit went on after a failed statement")

    def rollback(self) -> None:
        with suppress(psycopg.Error):  # what went wrong in it is known already
            self._leave_pipeline()
        if not self._lost():
            with suppress(psycopg.Error):
                self._run("ROLLBACK")

    def savepoint(self) -> None:
        self._run("SAVEPOINT unit")

    def keep(self) -> None:
        self._run("RELEASE SAVEPOINT unit")

    def undo(self) -> None:
        self._run("ROLLBACK TO SAVEPOINT unit")
        self._run("RELEASE SAVEPOINT unit")

    def maintain(self) -> None:
        """Nothing: autovacuum removes deleted rows, and a VACUUM here would hold up every write."""

    def translate(self, error: Exception) -> Exception:
        return translate_postgres(error, self._url)

    def close(self) -> None:
        connection, self._connection, self._cursor = self._connection, None, None
        if connection is not None:
            connection.close()

    def _execute(self, sql: str, args: tuple[Any, ...]) -> Rows:
        assert self._connection is not None
        assert self._cursor is not None
        if self._pipeline is None:
            return self._cursor.execute(cast("LiteralString", sql), args)
        return _Answer(self._connection.cursor().execute(cast("LiteralString", sql), args), self._pipeline)

    def _run(self, sql: LiteralString) -> psycopg.Cursor[Any]:
        if self._connection is None or self._cursor is None:
            raise StoreError("the store is closed")
        cursor = self._cursor if self._pipeline is None else self._connection.cursor()
        return cursor.execute(sql)

    def _leave_pipeline(self) -> None:
        """Wait for all answers. Raises the first error among them."""
        self._pipeline = None
        self._tx.together = False
        self._together.close()

    def _connect(self) -> None:
        self._connection = connect_postgres(self._url, freeze_s=self._freeze_s)
        self._cursor = self._connection.cursor()
        if self._has_transaction_timeout:
            limit = str(int(self._freeze_s * 1000))
            self._cursor.execute("SELECT set_config('transaction_timeout', %s, false)", (limit,))

    @property
    def _has_transaction_timeout(self) -> bool:
        """Whether the server ends what a frozen process began, also in a pipeline; only then is one used."""
        connection = self._connection
        if connection is None or not psycopg.Pipeline.is_supported():
            return False
        return connection.info.server_version >= _TRANSACTION_TIMEOUT_SINCE

    def _lost(self) -> bool:
        connection = self._connection
        return connection is None or connection.broken or connection.closed

    def _reconnect(self) -> None:
        """Raises `StoreBusy` when the server stays away."""
        for pause_s in _RECONNECT_PAUSES_S[:-1]:
            time.sleep(pause_s)
            self.close()
            with suppress(StoreBusy):
                self._connect()
                return
        time.sleep(_RECONNECT_PAUSES_S[-1])
        self._connect()

    def _settle(self, transaction: str, cause: Exception) -> None:
        """The connection broke during COMMIT: ask the server how that transaction ended.

        Raises:
            Retry: it was undone.
            StoreBusy: the server cannot be asked. The work may have been committed; repeating it is safe,
                because events, steps, parts and decisions are all stored once.
        """
        for pause_s in _STATUS_PAUSES_S:
            time.sleep(pause_s)
            with suppress(psycopg.Error, StoreError):
                if self._lost():
                    self.close()
                    self._connect()
                row = self._execute("SELECT pg_xact_status(%s::xid8)", (transaction,)).fetchone()
                status = None if row is None else row[0]
                if status == "committed":
                    return
                if status == "aborted":
                    raise Retry(cause)
        raise _unreachable(cause, self._url)
