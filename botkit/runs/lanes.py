"""Lanes: strict order inside a conversation, everything else side by side.

One task works on a lane while it has something to do, and none exists for a lane that rests or whose runs
wait. Nothing polls: a task starts when an accepted event brought a claim with it, or when recovery found a
lane that nobody alive owns.
"""

from __future__ import annotations

__all__ = ["LaneHandler", "LaneRuntime", "LaneScope"]

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from botkit.core.budgets import Spending
from botkit.core.clock import Clock
from botkit.core.errors import Conflict, Fenced, StoreError
from botkit.core.events import Event
from botkit.core.journal import (
    Accepted,
    Claim,
    Claimed,
    Committed,
    Consume,
    InboxRow,
    Journal,
    LaneContext,
    OpenRun,
    SetRun,
    Write,
)
from botkit.core.live import Live
from botkit.runs.context import AskFunction, RunContext

_log = structlog.get_logger("botkit.runs")

_STORE_RETRY_S = 1.0
_CLAIMS_AT_ONCE = 100
_CONFLICTS_LIMIT = 5
"""Conflicts of one batch in a row after which it counts as failed."""


class LaneHandler(Protocol):
    """What to do with the events of a lane. The engine implements it."""

    def control(self, event: Event) -> bool:
        """Whether this event must reach a running turn at once instead of waiting for its place in the lane."""
        ...

    def batch(self, lane: str, events: Sequence[InboxRow]) -> int:
        """How many of the first events make one turn; at least 1."""
        ...

    async def handle(self, scope: LaneScope, rows: Sequence[InboxRow]) -> None:
        """Do one batch to its end or to its pause; every row must be consumed by a commit."""
        ...

    async def recover(self, scope: LaneScope, run: OpenRun) -> None:
        """Continue a run whose process died."""
        ...

    async def failed(self, scope: LaneScope, rows: Sequence[InboxRow], run: OpenRun | None, error: Exception) -> None:
        """A batch or a recovery ended in an error nobody foresaw: answer with a trace id and consume it, so
        that one poisoned event never stops its lane."""
        ...

    async def interrupted(self, scope: LaneScope, row: InboxRow) -> None:
        """A control event arrived while a turn of this lane was running (`scope.context` is that turn)."""
        ...


class LaneScope:
    """One lane, owned by this process for as long as it has work."""

    def __init__(self, runtime: LaneRuntime, claimed: Claimed):
        self.claim: Claim = claimed.claim
        self.lane = claimed.claim.lane
        self.pending: deque[InboxRow] = deque(claimed.events)
        self.current: RunContext | None = None
        """The turn being run, so that a stop reaches it."""
        self.released = False
        self.batch_size = 0
        """Rows (or the recovered run) being handled now."""
        self._runtime = runtime
        self._context: LaneContext | None = claimed.context
        self.recovering: deque[OpenRun] = deque(claimed.runs)

    @property
    def journal(self) -> Journal:
        return self._runtime.journal

    async def context(self) -> LaneContext:
        """Session, history and open waits as they are now."""
        context, self._context = self._context, None
        if context is None:
            context = await self.journal.context(self.lane, history_limit=self._runtime.history_limit)
        return context

    def between(self) -> None:
        """A batch or a recovery has ended: what was read before it, such as waits it closed, is not true any more."""
        self.current = None
        self._context = None

    def open(self, run: OpenRun, *, first_writes: Sequence[object] = (), ask: AskFunction | None = None) -> RunContext:
        """A step context for a run of this lane; `scope.current` until `close`."""
        self.current = RunContext(
            journal=self.journal,
            claim=self.claim,
            open_run=run,
            clock=self._runtime.clock,
            live=self._runtime.live,
            first_writes=first_writes,  # pyright: ignore[reportArgumentType] - the writes of the journal
            ask=ask,
        )
        self.current.spending = self._runtime.spending
        return self.current

    @property
    def last_batch(self) -> bool:
        """No work is known beyond the batch at hand: the commit that ends it may release the lane too."""
        return len(self.pending) + len(self.recovering) <= self.batch_size

    async def released_by(self, committed: Committed) -> None:
        """Take note of a commit that asked to release the lane."""
        await self._runtime.released(self, more=committed.more)


class LaneRuntime:
    """Starts, finds and drains the tasks that work on lanes.

    Args:
        spawn: starts a task that somebody owns (a task group's `create_task`).
        max_parallel: turns running at once in this process; the others wait their turn, first come first.
        started: False: events are stored and nothing is worked on until `start`, so that a message does not
            meet an instance whose tools are still starting. Recovery finds what came in meanwhile.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        clock: Clock,
        live: Live,
        spawn: Callable[..., asyncio.Task[None]],
        max_parallel: int = 200,
        history_limit: int = 20,
        started: bool = True,
    ):
        self.journal = journal
        self.clock = clock
        self.live = live
        self.history_limit = history_limit
        self.spending: Spending | None = None
        """What the calls of runs are reserved on."""
        self._spawn = spawn
        self._slots = asyncio.Semaphore(max_parallel)
        self._scopes: dict[str, LaneScope] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._handler: LaneHandler | None = None
        self._started = started
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()

    def start(self) -> None:
        """Begin to work; recover next."""
        self._started = True

    @property
    def started(self) -> bool:
        """Whether events are worked on as they come in."""
        return self._started

    def attach(self, handler: LaneHandler) -> None:
        self._handler = handler

    @property
    def handler(self) -> LaneHandler:
        assert self._handler is not None, "attach a handler first"
        return self._handler

    @property
    def active(self) -> int:
        """Lanes being worked on right now."""
        return len(self._scopes)

    def scope(self, lane: str) -> LaneScope | None:
        """The scope of a lane this process is working on."""
        return self._scopes.get(lane)

    def running(self, run_id: str) -> RunContext | None:
        """A run this process is executing right now."""
        contexts = (scope.current for scope in self._scopes.values())
        return next((ctx for ctx in contexts if ctx is not None and ctx.run.id == run_id), None)

    async def accept(self, event: Event, lane: str) -> Accepted:
        """Store an event and see to it that somebody works on its lane. Durable when this returns."""
        accepted = await self.journal.accept(
            event, lane, claim=self._started and not self._draining, history_limit=self.history_limit
        )
        if accepted.claimed is not None:
            self._start(accepted.claimed)
        elif accepted.new:
            await self._signal(event, lane)
        return accepted

    async def _signal(self, event: Event, lane: str) -> None:
        """Tell a running turn. The event is stored, so an error here must not look as if it were not: it is
        handled once more when its place in the lane comes."""
        scope = self._scopes.get(lane)
        try:
            if scope is not None and self.handler.control(event):
                row = InboxRow(id="", seq=0, lane=lane, event=event, received_at=self.clock.micros())
                await self.handler.interrupted(scope, row)
        except Exception as error:
            _log.error("control_failed", lane=lane, exc_info=error)

    async def told(self, lane: str, event_id: str) -> None:
        """Another process stored an event: tell our turn of that lane, or work on it when nobody does."""
        scope = self._scopes.get(lane)
        if scope is None:
            await self.wake(lane)
            return
        for row in await self.journal.pending(scope.claim):
            if row.id == event_id:
                await self._signal(row.event, lane)

    async def wake(self, lane: str) -> None:
        """Work on a lane that was given an event by a commit of ours (a decision, a timer)."""
        if self._draining or not self._started or lane in self._scopes:
            return
        claimed = await self.journal.claim(lane, history_limit=self.history_limit)
        if claimed is not None:
            self._start(claimed)

    def _start(self, claimed: Claimed) -> None:
        scope = LaneScope(self, claimed)
        self._scopes[scope.lane] = scope
        self._idle.clear()
        task = self._spawn(self._work(scope))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, scope: LaneScope) -> None:
        try:
            async with self._slots:
                await self._drain_lane(scope)
        except Fenced:
            _log.warning("lane_taken_over", lane=scope.lane)
        except Exception:
            _log.exception("lane_failed", lane=scope.lane)
        finally:
            if self._scopes.get(scope.lane) is scope:
                del self._scopes[scope.lane]
            if not self._scopes:
                self._idle.set()

    async def _drain_lane(self, scope: LaneScope) -> None:
        conflicts = 0
        while not scope.released:
            if self._draining and (scope.pending or scope.recovering):
                return  # still ours in the journal until this process ends; the next one finds it
            try:
                await self._one(scope, patient=conflicts < _CONFLICTS_LIMIT)
                conflicts = 0
                if scope.pending:
                    scope.pending = deque(await self.journal.pending(scope.claim))
            except Conflict as error:
                # Somebody decided the same thing first (a timer and a person, two windows). The journal is
                # right and our picture is old: look again.
                conflicts += 1
                _log.info("lane_conflict", lane=scope.lane, detail=str(error))
                await self._look_again(scope)
            except StoreError as error:
                if not error.retryable:
                    raise
                _log.error("store_unavailable", lane=scope.lane, code=error.code, detail=str(error))
                await self.clock.sleep(error.retry_after_s or _STORE_RETRY_S)
                await self._look_again(scope)
            finally:
                scope.between()

    async def _look_again(self, scope: LaneScope) -> None:
        """Read anew what is undone, and go on with a run that had begun: its first commit took its events."""
        begun = scope.current
        while True:
            try:
                scope.pending = deque(await self.journal.pending(scope.claim))
                opened = await self.journal.load_run(begun.run.id) if begun is not None else None
            except StoreError as error:
                if not error.retryable:
                    raise
                await self.clock.sleep(error.retry_after_s or _STORE_RETRY_S)
            else:
                break
        if begun is None:
            return
        others = [run for run in scope.recovering if run.run.id != begun.run.id]
        still = [opened] if opened is not None and opened.run.state == "running" else []
        scope.recovering = deque([*still, *others])

    async def _one(self, scope: LaneScope, *, patient: bool) -> None:
        """One recovery, one batch, or the release of the lane."""
        rows: list[InboxRow] = []
        run: OpenRun | None = None
        try:
            if scope.recovering:
                run = scope.recovering[0]
                scope.batch_size = 1
                await self.handler.recover(scope, run)
            elif scope.pending:
                rows = [scope.pending[i] for i in range(self.handler.batch(scope.lane, scope.pending))]
                scope.batch_size = len(rows)
                await self.handler.handle(scope, rows)
            else:
                await self._release(scope)
        except Exception as error:
            if _passes(error, patient=patient):
                raise
            await self._failed(scope, rows, run, error)
        if run is not None and scope.recovering and scope.recovering[0] is run:
            scope.recovering.popleft()
        for row in rows:
            if scope.pending and scope.pending[0].id == row.id:
                scope.pending.popleft()

    async def _failed(self, scope: LaneScope, rows: Sequence[InboxRow], run: OpenRun | None, error: Exception) -> None:
        """Answer for a batch that ended in an error nobody foresaw; what cannot even be answered is set aside."""
        _log.error("turn_failed", lane=scope.lane, exc_info=error)
        try:
            await self.handler.failed(scope, rows, run, error)
        except Exception as worse:
            if _passes(worse, patient=True):
                raise
            _log.error("failure_not_reported", lane=scope.lane, exc_info=worse)
            await self._set_aside(scope, rows, run, type(worse).__name__)

    async def _set_aside(self, scope: LaneScope, rows: Sequence[InboxRow], run: OpenRun | None, why: str) -> None:
        begun = run.run.id if run is not None else scope.current.run.id if scope.current is not None else ""
        writes: list[Write] = [Consume(event_ids=tuple(row.id for row in rows), outcome=f"failed: {why}")]
        opened = await self.journal.load_run(begun) if begun else None
        if opened is not None and opened.run.state in ("running", "waiting"):
            error = {"code": "internal", "message": why}
            writes.append(SetRun(run_id=begun, state="failed", at=self.clock.micros(), error=error))
        await self.journal.commit(scope.claim, writes)

    async def _release(self, scope: LaneScope) -> None:
        committed = await self.journal.commit(scope.claim, (), release=True)
        await self.released(scope, more=committed.more)

    async def released(self, scope: LaneScope, *, more: bool) -> None:
        """Take note of a commit that asked to release the lane."""
        if more:
            scope.pending = deque(await self.journal.pending(scope.claim))
        else:
            scope.released = True
            if self._scopes.get(scope.lane) is scope:
                del self._scopes[scope.lane]

    async def recover(self, lanes: Sequence[str]) -> None:
        """Claim lanes that recovery found, side by side so that claims share commits."""
        for start in range(0, len(lanes), _CLAIMS_AT_ONCE):
            await asyncio.gather(*(self.wake(lane) for lane in lanes[start : start + _CLAIMS_AT_ONCE]))

    async def drain(self, timeout_s: float) -> bool:
        """Take no new work, let running turns end for that long, then cut them off; they resume at the next
        start. True when all ended by themselves."""
        self._draining = True
        if self._scopes:
            waiter = asyncio.ensure_future(self._idle.wait())
            deadline = asyncio.ensure_future(self.clock.sleep(timeout_s))
            await asyncio.wait((waiter, deadline), return_when=asyncio.FIRST_COMPLETED)
            waiter.cancel()
            deadline.cancel()
        clean = not self._scopes
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))
        return clean


def _passes(error: Exception, *, patient: bool) -> bool:
    """Whether an error is about the store or the lane, not about what was being done."""
    if isinstance(error, Conflict):
        return patient
    return isinstance(error, Fenced) or (isinstance(error, StoreError) and error.retryable)
