"""Walking a graph: which node comes next, what becomes of a failure, and when a run has ended.

A *visit* is one node at one path: `ask`, `each/2/ask` in the third round of a loop, `both/left/ask` in a branch.
A finished visit is journaled and never made again. Everything else follows from the visits, so a run that was
killed or paused walks the same way again and arrives where it was.

    ask          the visit
    ask/call     a step of it
    ask@1/call   the same step when the node was tried again
    ask/wait/0   what it waits for
    ask!         it failed for good, and why
"""

from __future__ import annotations

__all__ = ["Machine", "NodeError", "RunEnded", "RunLimit", "Undoing", "Walk"]

import asyncio
from collections.abc import Coroutine, Iterable
from functools import cache
from typing import Any, TypeVar

import msgspec
import structlog
from pydantic import ValidationError

from botkit.core.allowance import Allowance, least
from botkit.core.data import Data
from botkit.core.errors import BotkitError, BudgetUsedUp, Conflict, LimitReached, StoreError
from botkit.core.events import Attachment
from botkit.core.journal import Wait as WaitRow
from botkit.core.live import LiveEvent
from botkit.core.models import Usage
from botkit.core.workflows import VISIT, Visit, WorkflowTask
from botkit.runs.context import Answer, Paused, RunContext, Stopped, WaitSpec
from botkit.runs.stopping import StopSignal
from botkit.sdk.nodes import EXPRESSION, RAW, Node, NodeFailed, Outcome, Signal, Wait
from botkit.workflows import expressions
from botkit.workflows.graph import ERROR, Graph, GraphNode, Plan, Retry
from botkit.workflows.scope import Scope
from botkit.workflows.services import WorkflowServices
from botkit.workflows.tainting import RunTaint

_log = structlog.get_logger("botkit.workflows")
T = TypeVar("T")
_SHORT_S = 2.0
"""A retry that is due sooner is waited for in place; a later one pauses the run."""
_HANDLER = "error_handler"
_UNDO, _UNDOING = "~", "undoing"
_FAILURE = "failure"
"""Name of the records of nodes that failed for good without an edge to take: they do not fail a second time."""


class NodeError(Exception):
    """A node failed for good and nothing caught it."""

    def __init__(self, node_id: str, error: dict[str, Any], *, retryable: bool, n: int = 0):
        super().__init__(error["message"])
        self.node_id = node_id
        self.error = error
        """`{"code", "message", "node"}`."""
        self.retryable = retryable
        self.n = n
        """Its place in the order of finishing, once it is recorded."""


class RunLimit(LimitReached):
    """A limit of the whole run: no edge of a node leads on from it."""


class RunEnded(Exception):
    """A node ended the whole run."""

    def __init__(self, output: Any):
        super().__init__()
        self.output = output


class Machine:
    """What all walks of one execution share."""

    def __init__(self, ctx: RunContext, task: WorkflowTask, graph: Graph, services: WorkflowServices):
        from botkit.workflows.context import NodeRun  # which needs the walks of this module

        self._node_run = NodeRun
        self.ctx = ctx
        self.task = task
        self.services = services
        self.max_nodes = graph.max_nodes
        self.timeout_s = least(graph.timeout_s, task.allowance.time_s)
        self.visits: dict[str, Visit] = {path: msgspec.json.decode(raw, type=Visit) for path, raw in ctx.results(VISIT)}
        self._failures = {path[:-1]: msgspec.json.decode(raw, type=Failure) for path, raw in ctx.results(_FAILURE)}
        finished = [*self.visits.values(), *self._failures.values()]
        self._finished = max((one.n for one in finished), default=0)
        self._waiting = _places(ctx.wait_keys)
        self._begun = {*self.visits, *self._failures, *self._waiting[0]}
        self._started = ctx.clock.monotonic()
        self._before_s = _leaves_s(self.visits) if self.timeout_s else 0.0
        self.taint = RunTaint(ctx, task.principal.taint)
        self.only_journaled = False
        """Nothing new is done: a walk only gathers what was."""
        self._undoing = False

    # ── totals ───────────────────────────────────────────────────────────────────────────────────────────

    @property
    def usage(self) -> Usage:
        return sum((visit.usage for visit in self.visits.values()), Usage())

    @property
    def left(self) -> Allowance:
        """What its agents may use."""
        return self.task.allowance.after(self.usage)

    @property
    def said(self) -> tuple[str, ...]:
        ordered = sorted(self.visits.values(), key=lambda visit: visit.n)
        return tuple(text for visit in ordered for text in visit.said)

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(sorted(self.visits, key=lambda path: self.visits[path].n))

    def _begin(self, path: str) -> None:
        """Count a node that was not begun before. Raises `RunLimit`."""
        if self._undoing:
            return
        if path not in self._begun:
            if len(self._begun) >= self.max_nodes and path not in self._waiting[1]:
                message = f"the run has used its {self.max_nodes} nodes"
                raise RunLimit(message, limit="max_nodes", value=self.max_nodes)
            self._begun.add(path)
        if self.timeout_s and self.worked_s >= self.timeout_s:
            raise self._overtime()
        if self.task.allowance.spent_by(self.usage):
            raise RunLimit("the run has spent what it was left", limit="allowance", value=0)

    def _overtime(self) -> RunLimit:
        message = f"the run has worked for {self.timeout_s:g} seconds"
        return RunLimit(message, limit="timeout_s", value=self.timeout_s)

    @property
    def worked_s(self) -> float:
        """Seconds of work, waiting left out: of nodes that finished before, and of this execution."""
        return self._before_s + self.ctx.clock.monotonic() - self._started

    # ── one node ─────────────────────────────────────────────────────────────────────────────────────────

    async def visit(self, walk: Walk, node: GraphNode) -> Visit:
        """The visit of a node: made now, or as journaled.

        Raises:
            NodeError: it failed for good, and has no error edge.
            Paused, Stopped, LimitReached, RunEnded.
        """
        path = walk.prefix + node.id
        visit = self.visits.get(path)
        if visit is None:
            if (failure := self._failures.get(path)) is not None:
                raise NodeError(failure.node, failure.error, retryable=failure.retryable, n=failure.n)
            if self.only_journaled:
                raise Paused
            self._begin(path)
            try:
                visit = await self._attempts(walk, node, path)
            except NodeError as failed:
                await self._failed(node, path, failed)
                raise
            self._finished += 1
            visit = msgspec.structs.replace(visit, n=self._finished, workflow=walk.workflow)
            self.ctx.record(path, VISIT + node.type, visit)
            if visit.error is not None:
                await self.ctx.commit()
            self.visits[path] = visit
            self._publish(node, path, visit)
            self._apply(walk, node, visit)
            if self.services.watch is not None:
                self.services.watch(path, visit, walk.scope.view())
        else:
            self._apply(walk, node, visit)
        if visit.end:
            raise RunEnded(visit.output)
        return visit

    async def _failed(self, node: GraphNode, path: str, failed: NodeError) -> None:
        """Journal a failure without an edge, so that neither its effects nor its end come a second time.

        Failures are committed at once: the step that failed left nothing in the journal itself.
        """
        self._finished += 1
        failed.n = self._finished
        failure = Failure(n=failed.n, node=failed.node_id, error=failed.error, retryable=failed.retryable)
        self.ctx.record(f"{path}!", _FAILURE, failure)
        self._failures[path] = failure
        await self.ctx.commit()
        self._publish(node, path, Visit(n=0, node=node.id, handle="", error=failed.error))

    def _publish(self, node: GraphNode, path: str, visit: Visit) -> None:
        """Tell those who watch the conversation."""
        run, live = self.ctx.run, self.ctx.live
        if live.watched(run.conversation):
            data = {"path": path, "node": node.id, "type": node.type, "handle": visit.handle, "ms": visit.ms}
            data |= {"error": visit.error} if visit.error is not None else {}
            live.publish(LiveEvent(kind="node", conversation=run.conversation, run_id=run.id, data=data))

    def _apply(self, walk: Walk, node: GraphNode, visit: Visit) -> None:
        if visit.attempts and visit.error is None and (handler := walk.mending(node)) is not None:
            walk.mended.append(handler.id)
        if visit.error is not None:
            walk.scope.put("error", visit.error, visit.n)
        elif visit.output is not None or node.output:
            walk.scope.put(node.variable, visit.output, visit.n)
        for name, value in visit.set.items():
            walk.scope.put(name, value, visit.n)

    async def _attempts(self, walk: Walk, node: GraphNode, path: str) -> Visit:
        handler = walk.mending(node)
        policy = handler.retry if handler is not None else node.retry
        attempt = 0
        while self.ctx.done(f"{path}@{attempt + 1}!"):
            attempt += 1
        while True:
            if attempt:
                await self._delay(f"{path}@{attempt}/delay", policy.delay_before(attempt), walk.stop)
            base = f"{path}@{attempt}" if attempt else path
            try:
                visit = await self._once(walk, node, base, attempt)
            except Exception as error:
                if isinstance(error, RunEnded | StoreError | RunLimit | Conflict):
                    raise
                if walk.stop.is_set():
                    raise Stopped from error
                failed = _described(error, node)
                self.ctx.call_off(f"{base}/")
                if attempt < policy.attempts and _applies(policy, failed):
                    attempt += 1
                    self.ctx.record(f"{path}@{attempt}!", "failed", failed.error)
                    await self.ctx.commit()
                    continue
                if not walk.plan.has_edge(node.id, ERROR):
                    raise failed from error
                return Visit(n=0, node=node.id, handle=ERROR, error=failed.error, attempts=attempt)
            return msgspec.structs.replace(visit, attempts=attempt)

    async def _delay(self, key: str, seconds: float, stop: StopSignal) -> None:
        if seconds > _SHORT_S or self.ctx.latest_wait(key) is not None:
            answer = await self.ctx.wait(f"{key}/0", WaitSpec(kind="retry", expires_s=seconds))
            assert answer.state != "open"
            return
        with stop.interruptible():
            await self.ctx.clock.sleep(seconds)

    async def _once(self, walk: Walk, node: GraphNode, base: str, attempt: int) -> Visit:
        started = self.ctx.clock.monotonic()
        cls = self.services.node_type(node.type)
        with_stop = walk.stop.child()
        run = self._node_run(self, walk, node, base, attempt, with_stop)
        config = self._configured(cls, node, walk)
        result = await self._within(node, self._life(config, run, base), with_stop, run)
        if result.handle not in cls.handles_of(node.data):
            raise NodeFailed(f"`{node.type}` took an edge it does not have: {result.handle}", code="internal")
        if config.vouches(result.handle):
            self.taint.clear(base)
        return Visit(
            n=0,
            node=node.id,
            handle=result.handle,
            output=_as_kept(result.output),
            set=_as_kept(dict(result.set)),
            end=result.end,
            ms=round((self.ctx.clock.monotonic() - started) * 1000, 3),
            usage=run.usage,
            said=tuple(run.said),
        )

    def _configured(self, cls: type[Node], node: GraphNode, walk: Walk) -> Node:
        data = expressions.render_data(node.data, walk.scope.view(), kept_as_written(cls))
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(step) for step in first["loc"])
            raise NodeFailed(f"{where}: {first['msg']}", code="invalid_config", field=where) from None

    async def _life(self, config: Node, run: Any, base: str) -> Outcome:
        """From `run` to the outcome, over any number of waits."""
        key = f"{base}/wait"
        latest = self.ctx.latest_wait(key)
        if latest is None:
            number, result = 0, await config.run(run)
        else:
            number = latest[0] + 1
            result = await self._resumed(config, run, key, latest)
        while isinstance(result, Wait):
            await self.ctx.wait(f"{key}/{number}", _spec(result, run.node_id, self.task.workflow))
            found = self.ctx.latest_wait(key)
            assert found is not None, "the wait was just answered"
            number = found[0] + 1
            result = await self._resumed(config, run, key, found)
        return result

    async def _resumed(self, config: Node, run: Any, key: str, latest: tuple[int, WaitRow]) -> Outcome | Wait:
        number, row = latest
        answer = await self.ctx.wait(f"{key}/{number}", WaitSpec(kind=row.kind))
        return await config.resume(run, _signal(answer, row, number))

    async def _within(self, node: GraphNode, work: Coroutine[Any, Any, T], stop: StopSignal, run: Any) -> T:
        """The work, cut off at the node's time limit or the run's where it may be; an effect under way is awaited."""
        limit_s, left_s = node.timeout_s, self.timeout_s - self.worked_s
        of_run = bool(self.timeout_s) and not self._undoing and (not limit_s or left_s < limit_s)
        limit_s = left_s if of_run else limit_s
        if not limit_s:
            return await work
        task = asyncio.ensure_future(work)
        timer = asyncio.ensure_future(self.ctx.clock.sleep(max(0.0, limit_s)))
        try:
            await asyncio.wait((task, timer), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            stop.set()
            if not run.busy:  # what is not a step has no effect to be lost
                task.cancel()
            await asyncio.wait((task,))
            if not task.cancelled() and task.exception() is None:
                return task.result()
            error = None if task.cancelled() else task.exception()
            if error is not None and not isinstance(error, Stopped):
                raise error
            if of_run:
                raise self._overtime()
            raise NodeFailed(f"`{node.id}` did not end in {limit_s:g} seconds", code="timeout", retryable=True)
        finally:
            timer.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait((task,))

    # ── undoing ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def undoing(self) -> Undoing | None:
        """Why this run is being undone, once that has begun."""
        raw = next((raw for key, raw in self.ctx.results(_UNDOING) if key == _UNDO), None)
        return msgspec.json.decode(raw, type=Undoing) if raw is not None else None

    async def compensate(self, why: Undoing, scope: Scope) -> tuple[str, ...]:
        """Undo what was done, the last first; what cannot be undone is recorded and the rest goes on."""
        todo: list[tuple[str, Visit, Plan, str]] = []
        for path, visit in sorted(self.visits.items(), key=lambda item: -item[1].n):
            plan = await self.services.plan(self.task.revision, visit.workflow or self.task.workflow)
            node = plan.nodes.get(visit.node)
            if node is not None and node.compensate and visit.error is None and not path.startswith(_UNDO):
                todo.append((path, visit, plan, node.compensate))
        self.ctx.record(_UNDO, _UNDOING, why)
        self._undoing, self.only_journaled = True, False
        undone: list[str] = []
        for path, visit, plan, entry in todo:
            inner = Scope(scope)
            inner.fix(error=why.error, undo={"node": visit.node, "output": visit.output})
            region = plan.ahead(entry) | {entry}
            # what has begun to be undone is undone: stopping a run does not stop that
            stop = StopSignal()
            walk = Walk(self, plan, f"{_UNDO}{path}/", inner, stop, region=region, workflow=visit.workflow)
            try:
                await walk.run([entry])
            except NodeError as failed:
                self.ctx.record(f"{_UNDO}{path}/!", "compensation failed", failed.error)
            else:
                undone.append(path)
        return tuple(undone)


class Failure(Data):
    """A node that failed for good and had no edge for it, as journaled."""

    n: int
    node: str
    """Where it began: a node inside, where one failed there."""
    error: dict[str, Any]
    retryable: bool = False


class Undoing(Data):
    """Why the steps of a run are being undone."""

    state: str
    error: dict[str, Any]


class Walk:
    """One region of a graph from its entries until nothing is left to do, breadth first.

    A node that several live tokens lead to is visited once, when none of the others can still reach it.
    """

    def __init__(
        self,
        machine: Machine,
        plan: Plan,
        prefix: str,
        scope: Scope,
        stop: StopSignal,
        *,
        region: frozenset[str] | None = None,
        workflow: str = "",
        depth: int = 0,
        task: WorkflowTask | None = None,
    ):
        self.task = task or machine.task
        """For whom its nodes act: another bot, where one was asked."""
        self.workflow = workflow
        """The workflow of the graph, where it is not that of the run."""
        self.depth = depth
        """How many workflows this one is inside of."""
        self.machine = machine
        self.plan = plan
        self.prefix = prefix
        self.scope = scope
        self.stop = stop
        self.mended: list[str] = []
        """Error handlers whose retries mended something, for their `retry_ok` edge."""
        self._region = region
        self._visited: set[str] = set()
        self._pending: list[str] = []
        self._paused: list[str] = []
        self.last: Visit | None = None

    async def run(self, entries: Iterable[str]) -> None:
        """Raises: NodeError, Paused (after everything else in it has been done), Stopped, LimitReached, RunEnded."""
        self._push(entries)
        while (node_id := self._next()) is not None:
            if self.stop.is_set():
                raise Stopped
            node = self.plan.nodes[node_id]
            self._visited.add(node_id)
            try:
                visit = await self.machine.visit(self, node)
            except Paused:
                self._paused.append(node_id)
                continue
            except NodeError as error:
                handler = self._catcher(node, error)
                if handler is None:
                    if self.machine.only_journaled:
                        continue
                    raise
                self.scope.put("error", error.error, error.n)
                self._push([handler.id])
                continue
            self.last = visit
            self._push(self.plan.follow(node_id, visit.handle))
            for handler_id in self.mended:
                self._push(self.plan.follow(handler_id, "retry_ok"))
            self.mended.clear()
        if self._paused:
            raise Paused

    def _push(self, targets: Iterable[str]) -> None:
        for target in targets:
            inside = self._region is None or target in self._region
            if inside and target not in self._pending and target not in self._visited:
                self._pending.append(target)

    def _next(self) -> str | None:
        alive = [*self._pending, *self._paused]
        for node_id in self._pending:
            if not any(node_id in self.plan.ahead(other) for other in alive if other != node_id):
                self._pending.remove(node_id)
                return node_id
        if self._pending and not self._paused:
            return self._pending.pop(0)  # a cycle that checks would have refused: go on, once around
        return None

    # ── failures ─────────────────────────────────────────────────────────────────────────────────────────

    def mending(self, node: GraphNode) -> GraphHandler | None:
        """The error handler by whose rule a node is tried again: the one that covers it, without a rule of its own."""
        return None if node.retry.attempts else self._handler_of(node, node.id)

    def _handler_of(self, node: GraphNode, failed: str) -> GraphHandler | None:
        """The error handler that covers a node, or what failed inside of it; handlers do not cover each other."""
        for candidate in self.plan.graph.nodes:
            if candidate.type != _HANDLER or candidate.id == node.id:
                continue
            covers: list[str] = candidate.data.get("covers") or []
            if not covers or node.id in covers or (failed in covers and failed in self.plan.ahead(node.id)):
                return GraphHandler(candidate)
        return None

    def _catcher(self, node: GraphNode, error: NodeError) -> GraphHandler | None:
        handler = self._handler_of(node, error.node_id)
        outside = self._region is not None and handler is not None and handler.id not in self._region
        if handler is None or outside or handler.id in self._visited or self.prefix.startswith(_UNDO):
            return None
        return None if node.id in self.plan.ahead(handler.id) else handler


class GraphHandler:
    """An `error_handler` node as the walk sees it."""

    def __init__(self, node: GraphNode):
        self.id = node.id
        raw = node.data.get("retry")
        self.retry = msgspec.convert(raw, Retry, strict=False) if isinstance(raw, dict) else Retry()


@cache
def kept_as_written(cls: type[Node]) -> frozenset[str]:
    """Fields of a node, by both of their names, whose `{{ … }}` is not filled in before it is made."""
    names: set[str] = set()
    for name, info in cls.model_fields.items():
        if EXPRESSION in info.metadata or RAW in info.metadata:
            names |= {name, info.alias or name}
    return frozenset(names)


def _places(wait_keys: Iterable[str]) -> tuple[set[str], set[str]]:
    """Paths of the nodes that wait or have waited, and of everything that may hold one of them."""
    paths: set[str] = set()
    around: set[str] = set()
    for key in wait_keys:
        for mark in ("/wait/", "/delay/"):
            if mark in key:
                paths.add(_bare(key.rpartition(mark)[0]))
        pieces = key.split("/")
        around.update(_bare("/".join(pieces[:count])) for count in range(1, len(pieces)))
    return paths, around


def _bare(path: str) -> str:
    """A path without the number of its last attempt."""
    above, slash, last = path.rpartition("/")
    return f"{above}{slash}{last.partition('@')[0]}"


def _leaves_s(visits: dict[str, Visit]) -> float:
    """Seconds that finished nodes worked; a node that holds others counts by these."""
    holding = {path.rpartition("/")[0] for path in visits}
    return sum(visit.ms for path, visit in visits.items() if not any(h.startswith(f"{path}/") for h in holding)) / 1000


def _as_kept(value: Any) -> Any:
    """A value as a replay reads it, down to the last number. Raises `NodeFailed` where it cannot be kept."""
    try:
        return msgspec.json.decode(msgspec.json.encode(value))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise NodeFailed(f"the output cannot be kept: {error}", code="invalid_output") from error


def _described(error: Exception, node: GraphNode) -> NodeError:
    if isinstance(error, NodeError):
        return error
    if isinstance(error, BotkitError):
        message = str(error).encode("utf-8", "replace").decode()  # half a character cannot be kept
        told: dict[str, Any] = {"code": error.code, "message": message, "node": node.id}
        if isinstance(error, BudgetUsedUp):
            told |= {"budget": error.facts.get("value"), "resets_at": error.facts.get("resets_at", 0)}
        return NodeError(node.id, told, retryable=error.retryable)
    _log.error("node_broke", node=node.id, type=node.type, exc_info=error)
    told = {"code": "internal", "message": f"`{node.type}` broke: {type(error).__name__}", "node": node.id}
    return NodeError(node.id, told, retryable=False)


def _applies(policy: Retry, failed: NodeError) -> bool:
    return failed.error["code"] in policy.codes if policy.codes else failed.retryable


def _spec(wait: Wait, node_id: str, workflow: str) -> WaitSpec:
    payload: dict[str, Any] = {**wait.payload, "node": node_id, "workflow": workflow}
    if wait.state:
        payload["state"] = msgspec.to_builtins(dict(wait.state))
    if wait.message is not None:
        payload["message"] = wait.message.text
        payload["say"] = msgspec.to_builtins(wait.message)
    return WaitSpec(
        kind=wait.kind,
        payload=payload,
        person_id=wait.person_id,
        approvers=wait.approvers,
        expires_s=wait.expires_s,
    )


def _signal(answer: Answer, row: WaitRow, number: int) -> Signal:
    data = answer.data
    fields = data.get("fields")
    return Signal(
        state=row.payload.get("state") or {},
        expired=answer.state == "expired",
        cancelled=answer.state == "cancelled",
        approved=answer.approved,
        text=str(data.get("text") or ""),
        fields=fields if isinstance(fields, dict) else {},  # pyright: ignore[reportUnknownArgumentType] - plain JSON
        attachments=tuple(_attachments(data.get("attachments"))),
        data=data,
        by=answer.by,
        via=answer.via,
        number=number,
    )


def _attachments(raw: Any) -> list[Attachment]:
    return msgspec.convert(raw or [], list[Attachment])
