"""The one thread through which everything is written.

A *unit of work* is a function of a transaction. Callers await their unit; the thread takes whatever has
gathered, runs it in one transaction, commits once (one flush to disk for all) and wakes all callers with a
single message to the event loop. A unit that fails rolls back alone.

The common case takes no savepoints: the units run one after the other and commit. Only when one of them
raises is the transaction undone and the group run again with a savepoint around each, so a unit must be
repeatable: it may read and write through its transaction and return a value, nothing else.
"""

from __future__ import annotations

__all__ = ["Backend", "Retry", "Unit", "Writer"]

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Protocol, TypeAlias, TypeVar

from botkit.core.errors import StoreBusy, StoreCorrupt, StoreError, StoreFull
from botkit.store.query import Query, Tx

T = TypeVar("T")
Unit: TypeAlias = Callable[[Tx], T]


class Retry(Exception):
    """Nothing of this transaction was kept, and running it again is likely to succeed."""

    def __init__(self, cause: Exception):
        super().__init__(str(cause))
        self.cause = cause


class Backend(Protocol):
    """One connection, used by the writer thread only."""

    def open(self) -> Tx:
        """Connect. The returned `Tx` serves all transactions."""
        ...

    def begin(self, *, together: bool) -> None:
        """Begin a transaction. With `together`, statements may be sent without waiting for answers: nobody sets a
        savepoint or asks what became of one unit before the group is done."""
        ...

    def commit(self) -> None:
        """Durable when this returns. Raises `Retry` when the database undid the transaction."""
        ...

    def rollback(self) -> None:
        """Undo; quiet when there is nothing to undo."""
        ...

    def savepoint(self) -> None: ...

    def keep(self) -> None:
        """Release the savepoint."""
        ...

    def undo(self) -> None:
        """Roll back to the savepoint and release it."""
        ...

    def maintain(self) -> None:
        """Called outside of a transaction after much was deleted."""
        ...

    def translate(self, error: Exception) -> Exception:
        """A driver's error as one of ours, or `Retry`; anything else comes back as it is."""
        ...

    def close(self) -> None: ...


def _MAINTAIN(_: Tx) -> None:  # noqa: N802 - a mark, recognised by identity
    """Stands in a group for the backend's own upkeep, which cannot run inside a transaction."""


class _Job:
    __slots__ = ("error", "future", "key", "unit", "value")

    def __init__(self, unit: Unit[Any], future: asyncio.Future[Any], key: str):
        self.unit = unit
        self.future = future
        self.key = key
        self.value: Any = None
        self.error: Exception | None = None


class Writer:
    """Runs units of one event loop. Open and close it there."""

    def __init__(self, backend: Backend, *, attempts: int = 8, group_limit: int = 512, ordered: bool = False):
        """
        Args:
            backend: the connection.
            attempts: how often a group is run again after a deadlock or a lost connection.
            group_limit: units in one transaction; bounds how long the first of them waits.
            ordered: run the units of a group in the order of their keys, so that two processes lock the same
                rows in the same order.
        """
        self._backend = backend
        self._attempts = attempts
        self._group_limit = group_limit
        self._ordered = ordered
        self._inbox: SimpleQueue[list[_Job] | None] = SimpleQueue()
        self._gathered: list[_Job] = []
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed: asyncio.Future[None] | None = None
        self._abandoned = False

    @property
    def closed(self) -> bool:
        """Whether `run` would refuse."""
        return self._closed is None or self._closed.done()

    async def open(self) -> None:
        """Start the thread and connect. Raises what connecting raised."""
        self._loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = self._loop.create_future()
        self._closed = self._loop.create_future()
        self._thread = threading.Thread(target=self._work, args=(ready,), name="botkit-writer", daemon=True)
        self._thread.start()
        try:
            await ready
        except BaseException:
            self._end()
            raise

    def run(self, unit: Unit[T], *, key: str = "") -> asyncio.Future[T]:
        """Run a unit; what it wrote is durable when the future is done. `key` names the lane it locks first.

        A cancelled caller does not undo its unit: it may be committed or not.

        Raises:
            StoreFull, StoreBusy, StoreCorrupt: nothing was written; a later call may succeed.
        """
        loop, closed = self._loop, self._closed
        if loop is None or closed is None or closed.done():
            raise StoreError("the store is closed")
        future: asyncio.Future[T] = loop.create_future()
        gathered = self._gathered
        if not gathered:
            # Everything submitted in this turn of the loop travels together: fewer, larger groups.
            loop.call_soon(self._submit)
        gathered.append(_Job(unit, future, key))
        return future

    async def execute(self, query: Query, *args: Any) -> int:
        """Run one statement as a unit; how many rows it changed."""
        return await self.run(lambda tx: tx(query, *args).rowcount)

    async def maintain(self) -> None:
        """Between two transactions, remove what deleted rows left outside of the database file itself."""
        await self.run(_MAINTAIN)

    async def close(self) -> None:
        """Finish what was submitted, disconnect, end the thread. Safe to repeat."""
        if self._closed is None:
            return
        self._submit()
        self._inbox.put(None)
        await self._closed

    def abandon(self) -> None:
        """Stop as a kill would: nothing more is committed, nobody is answered."""
        self._abandoned = True
        self._gathered = []
        self._inbox.put(None)
        if self._thread is not None:
            self._thread.join()
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)

    def _end(self) -> None:
        """The thread has ended: whoever still waits is told, and nobody may come any more."""
        _settle(self._closed)
        self._submit()
        while not self._inbox.empty():
            for job in self._inbox.get() or ():
                job.error = StoreError("the store is closed; nothing was written")
                _deliver([job])

    def _submit(self) -> None:
        if self._gathered:
            jobs, self._gathered = self._gathered, []
            self._inbox.put(jobs)

    # ── in the thread ────────────────────────────────────────────────────────────────────────────────────

    def _work(self, ready: asyncio.Future[None]) -> None:
        try:
            tx = self._backend.open()
        except Exception as error:
            self._call(_fail, ready, self._backend.translate(error))
            self._call(self._end)
            return
        self._call(_settle, ready)
        try:
            while self._serve(tx):
                pass
        finally:
            self._backend.close()
            self._call(_settle if self._abandoned else self._end, *((self._closed,) if self._abandoned else ()))

    def _serve(self, tx: Tx) -> bool:
        """Take one group and deal with it. False when it was the last."""
        more = True
        jobs: list[_Job] = []
        batch = self._inbox.get()
        while batch is not None:
            jobs += batch
            if len(jobs) >= self._group_limit or self._inbox.empty():
                break
            batch = self._inbox.get()
        if batch is None:
            more = False
        if self._abandoned:
            return False
        if jobs:
            self._settle_group(tx, jobs)
            if not self._abandoned:
                self._call(_deliver, jobs)
        return more

    def _settle_group(self, tx: Tx, group: list[_Job]) -> None:
        jobs = [job for job in group if job.unit is not _MAINTAIN]
        if jobs:
            self._settle_units(tx, jobs)
        for job in group:
            if job.unit is _MAINTAIN:
                try:
                    self._backend.maintain()
                except Exception as error:
                    job.error = self._backend.translate(error)

    def _settle_units(self, tx: Tx, jobs: list[_Job]) -> None:
        if self._ordered:
            jobs.sort(key=lambda job: job.key)
        error = self._attempt(self._plain, tx, jobs)
        if error is None:
            return
        if len(jobs) == 1:
            jobs[0].error = error
        elif isinstance(error, StoreFull | StoreBusy | StoreCorrupt):
            # A smaller transaction may still fit on the disk, or touch only sound pages.
            for job in jobs:
                job.error = self._attempt(self._plain, tx, [job])
        else:
            error = self._attempt(self._guarded, tx, jobs, together=False)
            if error is not None:
                for job in jobs:
                    job.error = error

    def _attempt(
        self, run: Callable[[Tx, list[_Job]], None], tx: Tx, jobs: list[_Job], *, together: bool = True
    ) -> Exception | None:
        """Run a group until it commits or fails for good; the error, or None."""
        cause: Exception | None = None
        for _ in range(self._attempts):
            try:
                self._backend.begin(together=together)
                run(tx, jobs)
                if self._abandoned:
                    raise StoreError("the store was abandoned")
                self._backend.commit()
            except Exception as raised:
                error = self._backend.translate(raised)
                tx.forget()
                self._backend.rollback()
                if not isinstance(error, Retry):
                    return error
                cause = error.cause
            else:
                return None
        return StoreBusy(f"the database undid this work {self._attempts} times: {cause}. Try again.")

    def _plain(self, tx: Tx, jobs: list[_Job]) -> None:
        for job in jobs:
            job.value = job.unit(tx)
        tx.settle()

    def _guarded(self, tx: Tx, jobs: list[_Job]) -> None:
        for job in jobs:
            job.error = None
            self._backend.savepoint()
            try:
                job.value = job.unit(tx)
                tx.settle()
            except Exception as raised:
                tx.forget()
                error = self._backend.translate(raised)
                if isinstance(error, Retry | StoreFull | StoreBusy):
                    raise
                self._backend.undo()
                job.error = error
            else:
                self._backend.keep()

    def _call(self, function: Callable[..., None], *args: Any) -> None:
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the loop was closed under us: nobody is left to be told
                loop.call_soon_threadsafe(function, *args)


def _settle(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)


def _fail(future: asyncio.Future[None], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _deliver(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.future.done():
            continue
        if job.error is None:
            job.future.set_result(job.value)
        else:
            job.future.set_exception(job.error)
