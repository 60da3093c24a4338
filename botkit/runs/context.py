"""The step context: how code of a run touches the world.

A run is ordinary code that is started again from the top after a crash or a pause. What makes that safe is
that every effect goes through `RunContext.step`, whose result is journaled under a path key: on the second
way through, a finished step returns what it returned the first time and does nothing.

    reply = await ctx.step("turn/0/model", ask_model, name="model")
    await ctx.step("turn/0/tool/0", refund, name="orders__refund", once=True)

`once=True` is for effects that must not happen twice: an intent is committed before, and when its result is
lost the run pauses for `botkit runs resolve` instead of guessing.
"""

from __future__ import annotations

__all__ = ["Answer", "EffectUnknown", "Paused", "RunContext", "StepScope", "Stopped", "WaitSpec"]

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from typing import Any, TypeVar, cast

import msgspec

from botkit.core.agent import AgentTask
from botkit.core.budgets import Spending
from botkit.core.clock import Clock
from botkit.core.data import Data
from botkit.core.errors import Fenced, StoreError
from botkit.core.ids import short_token
from botkit.core.journal import (
    Claim,
    CloseWait,
    Committed,
    DropTimer,
    Intent,
    Journal,
    OpenRun,
    OpenWait,
    Run,
    Step,
    StepDone,
    Wait,
    WaitKind,
    WaitState,
    Write,
)
from botkit.core.live import Live
from botkit.core.teams import Delegated
from botkit.runs.patience import patiently
from botkit.runs.stopping import Stopped, StopSignal

T = TypeVar("T")


class Paused(BaseException):
    """The run waits. It unwinds the code of the run; everything it needs is in the journal."""


class EffectUnknown(Exception):
    """Raised by a step function: the effect was sent and no answer came."""


class WaitSpec(Data):
    """What to wait for. The fields mean what they mean in `Wait`."""

    kind: WaitKind
    payload: dict[str, Any] = {}
    person_id: str = ""
    approvers: tuple[str, ...] = ()
    expires_s: float = 0.0
    """Seconds from now; 0: never."""
    token: str = ""


class Answer(Data):
    """How a wait ended."""

    state: WaitState
    data: dict[str, Any] = {}
    by: str = ""
    via: str = ""
    approved: bool = False


class StepScope:
    """One execution of one step."""

    def __init__(self, key: str, idempotency_key: str):
        self.key = key
        self.idempotency_key = idempotency_key
        """The same at every attempt of this step, also after a crash."""
        self.writes: list[Write] = []

    def write(self, *writes: Write) -> None:
        """Commit these in the same transaction as the step's result."""
        self.writes.extend(writes)


StepFunction = Callable[[StepScope], Awaitable[T]]
AskFunction = Callable[[Wait], tuple[Wait, Sequence[Write]]]
"""Completes a new wait (who decides, until when) and tells what to write to ask its question."""
InviteFunction = Callable[[str, str], tuple[str, Sequence[Write]] | None]
"""Takes the name of a server and a private address where the person connects an account there. Returns what the model
is told in place of the address, and what to write so that the person gets it; None where only the person reads along.
"""


DelegateFunction = Callable[["RunContext", AgentTask, str, str, float], Awaitable[Delegated]]
"""Takes the context below a call, the caller's task, a colleague, the question to put and the seconds left; returns
what the colleague answered. Raises `Paused`."""


class RunContext:
    """One execution of one run, from its first or its next step to its end or its next pause."""

    def __init__(
        self,
        *,
        journal: Journal,
        claim: Claim,
        open_run: OpenRun,
        clock: Clock,
        live: Live,
        first_writes: Sequence[Write] = (),
        ask: AskFunction | None = None,
    ):
        self.run: Run = open_run.run
        self.clock = clock
        self.live = live
        self.stop = StopSignal()
        """Set when the person asked to stop; `step` raises `Stopped` at the next safe point. A step that may be
        repeated is cut off: it sees `CancelledError`, and what it writes to the context then (usage of a cut
        model call) is committed with the end of the run."""
        self.invite: InviteFunction | None = None
        self.spending: Spending | None = None
        """What the calls of this run are reserved on; None: they cost nothing."""
        self.delegate: DelegateFunction | None = None
        """Puts a question to another member of the team."""
        self._journal = journal
        self._claim = claim
        self._steps: dict[str, Step] = dict(open_run.steps)
        self._waits: dict[str, Wait] = {wait.key: wait for wait in open_run.waits}
        self._buffer: list[Write] = list(first_writes)
        self._begun = not first_writes
        self._first = asyncio.Lock()
        self._ask = ask
        self._new_waits: list[Wait] = []
        self._under_way: set[str] = set()

    # ── steps ────────────────────────────────────────────────────────────────────────────────────────────

    def done(self, key: str) -> bool:
        """Whether this step has a journaled result."""
        step = self._steps.get(key)
        return step is not None and step.state == "done"

    async def step(
        self,
        key: str,
        run: StepFunction[T],
        *,
        kind: type[T] | Any = Any,
        name: str = "",
        once: bool = False,
        resolve: Callable[[dict[str, Any]], T] | None = None,
        stop: StopSignal | None = None,
    ) -> T:
        """Run an effect, or return its journaled result.

        Args:
            key: path of the step, unique within the run and the same on every replay.
            run: does the work and returns a record or plain JSON; `scope.write` adds rows to its commit.
            kind: the type to read a journaled result back as.
            once: the effect must not happen twice; commit an intent first.
            resolve: turns an operator's resolution of an unknown effect, `{"action": "result", "result": …}`
                or `{"action": "fail", "message": …}`, into the step's result.
            stop: of the part of the run this step belongs to, in place of the run's own.

        Raises:
            Paused: the effect's outcome is unknown and an operator must resolve it.
            Stopped: the person asked to stop before this step began.
        """
        step = self._steps.get(key)
        if step is not None and step.state == "done":
            return msgspec.json.decode(step.result, type=kind)
        scope = StepScope(key, f"{self.run.id}/{key}")
        if step is not None and once:
            resolution = await self._resolution(key, name)
            if resolution.get("action") != "retry":
                value = resolve(resolution) if resolve else cast("T", resolution)
                return await self._record(scope, name, value, self.clock.micros())
        stop = stop or self.stop
        if stop.is_set():
            raise Stopped
        started_at = self.clock.micros()
        try:
            if once:
                self._under_way.add(key)
                if step is None:
                    await self._intend(scope, name, started_at)
                value = await run(scope)
            else:
                with stop.interruptible():
                    value = await run(scope)
        except EffectUnknown as unknown:
            self._buffer.extend(scope.writes)
            self._pause_for_reconcile(key, name, str(unknown))
            raise Paused from unknown
        finally:
            self._under_way.discard(key)
        return await self._record(scope, name, value, started_at)

    async def _intend(self, scope: StepScope, name: str, started_at: int) -> None:
        key, run_id = scope.key, self.run.id
        await self.commit(
            Intent(run_id=run_id, key=key, name=name, idempotency_key=scope.idempotency_key, at=started_at)
        )
        self._steps[key] = Step(run_id=run_id, key=key, name=name, state="intent", started_at=started_at)

    async def _record(self, scope: StepScope, name: str, value: T, started_at: int) -> T:
        result = msgspec.Raw(msgspec.json.encode(value))
        done = StepDone(
            run_id=self.run.id,
            key=scope.key,
            name=name,
            result=result,
            started_at=started_at,
            ended_at=self.clock.micros(),
        )
        self._under_way.add(scope.key)
        try:
            await self.commit(*scope.writes, done)
        finally:
            self._under_way.discard(scope.key)
        self._steps[scope.key] = Step(run_id=self.run.id, key=scope.key, name=name, result=result)
        return value

    def under_way(self, prefix: str) -> bool:
        """Whether a part of the run is at something that must not be cut off: an effect that may not happen twice,
        or a commit."""
        return any(key.startswith(prefix) for key in self._under_way)

    def record(self, key: str, name: str, value: object) -> None:
        """Note a result that cost nothing and follows from what is journaled: it is committed with the next commit.

        Until then a crash only makes it be worked out again. A key that has a result keeps it.
        """
        if self.done(key):
            return
        result, now = msgspec.Raw(msgspec.json.encode(value)), self.clock.micros()
        done = StepDone(run_id=self.run.id, key=key, name=name, result=result, started_at=now, ended_at=now)
        self.write(done)
        self._steps[key] = Step(run_id=self.run.id, key=key, name=name, result=result, started_at=now, ended_at=now)

    def results(self, name_prefix: str) -> Iterator[tuple[str, msgspec.Raw]]:
        """Key and result of every finished step whose name begins like this, in no order."""
        for key, step in self._steps.items():
            if step.state == "done" and step.name.startswith(name_prefix):
                yield key, step.result

    def under(self, prefix: str, stop: StopSignal | None = None) -> RunContext:
        """The same run for a part of it: keys of its steps and waits begin with `prefix`."""
        return _Under(self, prefix, stop or self.stop)

    async def gather(self, *branches: Coroutine[Any, Any, T]) -> list[T]:
        """Run branches side by side until each has ended or paused, then pause if any did.

        Unlike `asyncio.gather`, a pause or a stop in one branch does not cut off effects under way in another.
        """
        results = await asyncio.gather(*(self._settle(branch) for branch in branches))
        for fault in (Fenced, Stopped, Exception, Paused):
            for result in results:
                if isinstance(result, _Fault) and isinstance(result.error, fault):
                    raise result.error
        return cast("list[T]", results)

    async def _settle(self, branch: Coroutine[Any, Any, T]) -> T | _Fault:
        try:
            return await branch
        except (Paused, Stopped, Exception) as error:
            return _Fault(error)

    # ── waits ────────────────────────────────────────────────────────────────────────────────────────────

    async def wait(self, key: str, spec: WaitSpec) -> Answer:
        """The answer to a question, when it has one; else the question is asked and the run pauses.

        Raises:
            Paused: the wait is open.
        """
        wait = self._waits.get(key)
        if wait is None:
            self._open(key, spec)
            raise Paused
        if wait.state == "open":
            raise Paused
        data = wait.answer or {}
        return Answer(
            state=wait.state,
            data=data,
            by=wait.decided_by,
            via=wait.decided_via,
            approved=wait.state == "answered" and bool(data.get("approved")),
        )

    def latest_wait(self, key: str) -> tuple[int, Wait] | None:
        """The last of the waits `{key}/0`, `{key}/1` …, with its number."""
        number = 0
        while f"{key}/{number}" in self._waits:
            number += 1
        return (number - 1, self._waits[f"{key}/{number - 1}"]) if number else None

    def call_off(self, prefix: str) -> None:
        """Cancel the open waits of a part of the run that nobody needs any more, with the next commit."""
        now = self.clock.micros()
        for key, wait in self._waits.items():
            if wait.state == "open" and key.startswith(prefix):
                self.write(CloseWait(wait_id=wait.id, state="cancelled", at=now, wake=False), DropTimer(id=wait.id))
                self._waits[key] = msgspec.structs.replace(wait, state="cancelled")

    def _open(self, key: str, spec: WaitSpec) -> None:
        now = self.clock.micros()
        wait = Wait(
            id=f"{self.run.id}/{key}",
            run_id=self.run.id,
            lane=self.run.lane,
            key=key,
            kind=spec.kind,
            conversation=self.run.conversation,
            person_id=spec.person_id or self.run.person_id,
            approvers=spec.approvers,
            payload=spec.payload,
            token=spec.token or short_token(),
            created_at=now,
            expires_at=now + int(spec.expires_s * 1_000_000) if spec.expires_s else 0,
        )
        writes: Sequence[Write] = ()
        if self._ask is not None:
            wait, writes = self._ask(wait)
        self._waits[key] = wait
        self._new_waits.append(wait)
        self._buffer.append(OpenWait(wait=wait))
        self._buffer.extend(writes)

    def _pause_for_reconcile(self, key: str, name: str, reason: str) -> None:
        """Ask an operator what became of an effect; each loss of the same step is a question of its own."""
        number = sum(wait_key.startswith(f"{key}/reconcile/") for wait_key in self._waits)
        spec = WaitSpec(kind="reconcile", payload={"step": key, "name": name, "reason": reason})
        self._open(f"{key}/reconcile/{number}", spec)

    async def _resolution(self, key: str, name: str) -> dict[str, Any]:
        """The operator's decision about an intent without a result; pauses for one when there is none.

        A `retry` is used up when it begins: if that attempt is lost too, somebody must look again.
        """
        number = 0
        while (wait := self._waits.get(f"{key}/reconcile/{number}")) is not None:
            if wait.state == "open":
                raise Paused
            answer = wait.answer or {"action": "fail", "message": f"the wait was {wait.state}"}
            if answer.get("action") != "retry":
                return answer
            used = f"{key}/retry/{number}"
            if not self.done(used):
                await self._record(StepScope(used, ""), name, None, self.clock.micros())
                return answer
            number += 1
        self._pause_for_reconcile(key, name, "the process ended while the call was under way")
        raise Paused

    @property
    def wait_keys(self) -> Iterable[str]:
        """Keys of all waits of this run, open or ended."""
        return self._waits.keys()

    @property
    def open_waits(self) -> Sequence[Wait]:
        """Waits nobody has answered yet, as far as this execution knows."""
        return [wait for wait in self._waits.values() if wait.state == "open"]

    @property
    def decided(self) -> int:
        """How many waits of this run have ended."""
        return sum(wait.state != "open" for wait in self._waits.values())

    @property
    def answered(self) -> Sequence[Wait]:
        """Questions that people have answered, in the order of their ids."""
        return sorted((wait for wait in self._waits.values() if wait.state == "answered"), key=lambda wait: wait.id)

    def read_as(self, wait: Wait, answer: dict[str, Any]) -> None:
        """Have whoever asked read an answer like this: with what was said in it, with files that were fetched.

        The stored answer stays what arrived; this follows from journaled steps and is done anew by each execution.
        """
        self._waits[wait.key] = msgspec.structs.replace(wait, answer=answer)

    @property
    def waited(self) -> bool:
        """Whether this run was paused at any time."""
        return bool(self._waits)

    @property
    def new_waits(self) -> Sequence[Wait]:
        """Waits opened by this execution."""
        return self._new_waits

    # ── writes ───────────────────────────────────────────────────────────────────────────────────────────

    def write(self, *writes: Write) -> None:
        """Commit these with the next step, or with the end or pause of the run."""
        self._buffer.extend(writes)

    async def commit(self, *writes: Write, release: bool = False, send: str = "") -> Committed:
        """Commit everything buffered and `writes`, conditional on the claim; waits while the disk is full.

        `release` and `send` mean what they mean in `Journal.commit`.

        Raises:
            Fenced: another process owns the lane now.
            Conflict: see `Journal.commit`.
        """
        if self._begun:
            if self._buffer:
                return await self._commit(writes, release, send)
            try:  # most commits: a step and nothing that waited for it
                return await self._journal.commit(self._claim, writes, release=release, send=send)
            except StoreError as error:
                return await self._commit_patiently(error, writes, release, send)
        async with self._first:  # side by side, steps must not overtake the commit that starts the run
            committed = await self._commit(writes, release, send)
            self._begun = True
            return committed

    async def _commit(self, writes: Sequence[Write], release: bool, send: str) -> Committed:
        buffered, self._buffer = self._buffer, []
        batch = [*buffered, *writes]
        try:
            try:
                return await self._journal.commit(self._claim, batch, release=release, send=send)
            except StoreError as error:
                return await self._commit_patiently(error, batch, release, send)
        except BaseException:
            self._buffer = [*buffered, *self._buffer]
            raise

    async def _commit_patiently(
        self, error: StoreError, writes: Sequence[Write], release: bool, send: str
    ) -> Committed:
        if not error.retryable:
            raise error
        return await patiently(
            self.clock,
            lambda: self._journal.commit(self._claim, writes, release=release, send=send),
            after=error,
        )


class _Under(RunContext):
    """A run context whose keys begin with a prefix; everything else is the parent's."""

    def __init__(self, parent: RunContext, prefix: str, stop: StopSignal):
        self.run = parent.run
        self.clock = parent.clock
        self.live = parent.live
        self.stop = stop
        self.invite = parent.invite
        self.delegate = parent.delegate
        self.spending = parent.spending
        self._parent = parent
        self._prefix = prefix

    def done(self, key: str) -> bool:
        return self._parent.done(self._prefix + key)

    async def step(
        self,
        key: str,
        run: StepFunction[T],
        *,
        kind: type[T] | Any = Any,
        name: str = "",
        once: bool = False,
        resolve: Callable[[dict[str, Any]], T] | None = None,
        stop: StopSignal | None = None,
    ) -> T:
        return await self._parent.step(
            self._prefix + key, run, kind=kind, name=name, once=once, resolve=resolve, stop=stop or self.stop
        )

    def record(self, key: str, name: str, value: object) -> None:
        self._parent.record(self._prefix + key, name, value)

    def results(self, name_prefix: str) -> Iterator[tuple[str, msgspec.Raw]]:
        return (
            (key.removeprefix(self._prefix), result)
            for key, result in self._parent.results(name_prefix)
            if key.startswith(self._prefix)
        )

    async def wait(self, key: str, spec: WaitSpec) -> Answer:
        return await self._parent.wait(self._prefix + key, spec)

    def latest_wait(self, key: str) -> tuple[int, Wait] | None:
        return self._parent.latest_wait(self._prefix + key)

    def call_off(self, prefix: str) -> None:
        self._parent.call_off(self._prefix + prefix)

    @property
    def open_waits(self) -> Sequence[Wait]:
        return self._parent.open_waits

    @property
    def decided(self) -> int:
        return self._parent.decided

    @property
    def waited(self) -> bool:
        return self._parent.waited

    @property
    def new_waits(self) -> Sequence[Wait]:
        return self._parent.new_waits

    @property
    def wait_keys(self) -> Iterable[str]:
        return (key.removeprefix(self._prefix) for key in self._parent.wait_keys if key.startswith(self._prefix))

    def under_way(self, prefix: str) -> bool:
        return self._parent.under_way(self._prefix + prefix)

    def write(self, *writes: Write) -> None:
        self._parent.write(*writes)

    async def commit(self, *writes: Write, release: bool = False, send: str = "") -> Committed:
        return await self._parent.commit(*writes, release=release, send=send)


class _Fault:
    """An exception as a value, so that one branch cannot cancel the others."""

    def __init__(self, error: BaseException):
        self.error = error
