"""Several branches at once, joined by all of them, any of them or the first."""

from __future__ import annotations

__all__ = ["Parallel"]

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypedDict, cast

from pydantic import Field

from botkit.core.errors import Conflict, StoreError
from botkit.runs.context import Paused, Stopped
from botkit.runs.stopping import StopSignal
from botkit.sdk.nodes import Node, NodeFailed, Outcome, node
from botkit.workflows.context import NodeRun
from botkit.workflows.machine import NodeError, RunEnded, RunLimit
from botkit.workflows.scope import Scope

_WINNER = "winner"


class ParallelOutput(TypedDict):
    """What came of the branches."""

    results: dict[str, Any]
    """Branch → output of its last node, for branches that succeeded."""
    failed: dict[str, Any]
    """Branch → `{code, message, node}`."""
    first: str
    """The branch that succeeded first; empty with `wait_for: all`."""


@dataclass(slots=True)
class _Branch:
    name: str
    scope: Scope
    stop: StopSignal
    result: Any = None
    error: BaseException | None = None


@node("parallel")
class Parallel(Node):
    """Do several branches at the same time.

    Each branch hangs on an edge of its own name and ends where nothing is left to do, or where branches meet again;
    the steps after that hang on `done`. Branches do not see each other's variables; what they wrote is there after
    the join, in the order of `branches`.
    """

    category = "flow"
    handles: ClassVar[Mapping[str, str]] = {"done": "the branches have joined"}
    output: ClassVar[Any] = ParallelOutput

    branches: list[str] = Field(min_length=1, max_length=50)
    """Names of the edges to follow."""
    wait_for: Literal["all", "any", "first"] = "all"
    """`all` of them; `any`: the first that succeeds, the others are stopped; `first`: the first that ends."""
    on_failure: Literal["fail", "continue"] = "fail"
    """A failed branch fails this node once the others have ended, or is only noted in `failed`."""
    max_at_once: int = Field(default=10, ge=1, le=50)
    """Branches that run at the same time."""

    @classmethod
    def handles_of(cls, data: Mapping[str, Any]) -> Mapping[str, str]:
        """One edge for each branch, and `done`."""
        branches: Any = data.get("branches")
        names = [str(name) for name in cast("list[Any]", branches)] if isinstance(branches, list) else []
        return {**dict.fromkeys(names, "a branch"), **cls.handles}

    @classmethod
    def bodies_of(cls, data: Mapping[str, Any]) -> tuple[str, ...]:
        """The branches."""
        return tuple(name for name in cls.handles_of(data) if name not in cls.handles)

    async def run(self, ctx: NodeRun) -> Outcome:  # pyright: ignore[reportIncompatibleMethodOverride] - a node of botkit's own
        names = list(dict.fromkeys(self.branches))
        decided = ctx.remembered(_WINNER)
        if decided is not None:
            names = [decided]
        branches = [_Branch(name, ctx.scope(), ctx.stop.child()) for name in names]
        slots = asyncio.Semaphore(self.max_at_once)
        tasks = [asyncio.ensure_future(self._branch(ctx, branch, slots)) for branch in branches]
        try:
            await self._settled(ctx, branches, tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return self._joined(ctx, branches)

    async def _branch(self, ctx: NodeRun, branch: _Branch, slots: asyncio.Semaphore) -> _Branch:
        async with slots:
            try:
                branch.result = await ctx.walk(branch.name, branch.name, branch.scope, branch.stop)
            except (Exception, Paused, Stopped) as error:
                branch.error = error
        return branch

    async def _settled(self, ctx: NodeRun, branches: list[_Branch], tasks: list[asyncio.Task[_Branch]]) -> None:
        """Wait for as many as it takes, then stop the others at their next safe point."""
        pending = set(tasks)
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            ended = [branch for branch in branches if any(task.done() and task.result() is branch for task in done)]
            for branch in ended:
                if self.wait_for != "all" and self._wins(branch) and ctx.remembered(_WINNER) is None:
                    ctx.remember(_WINNER, branch.name)
                    for other in branches:
                        if other is not branch:
                            other.stop.set()

    def _wins(self, branch: _Branch) -> bool:
        if branch.error is None:
            return True
        return self.wait_for == "first" and isinstance(branch.error, NodeError)

    def _joined(self, ctx: NodeRun, branches: list[_Branch]) -> Outcome:
        winner = ctx.remembered(_WINNER)
        if winner is not None:
            for branch in branches:
                if branch.name != winner:
                    ctx.ctx.call_off(f"{branch.name}/")
            branches = [branch for branch in branches if branch.name == winner]
        for kind in (StoreError, Conflict, Stopped, RunEnded, RunLimit, Paused):
            for branch in branches:
                if isinstance(branch.error, kind):
                    raise branch.error
        failed: dict[str, Any] = {}
        for branch in branches:
            if isinstance(branch.error, NodeError):
                failed[branch.name] = branch.error.error
            elif branch.error is not None:
                raise branch.error
        succeeded = [branch for branch in branches if branch.error is None]
        if failed and (self.on_failure == "fail" or not succeeded):
            name, error = next(iter(failed.items()))
            raise NodeFailed(f"branch {name}: {error['message']}", code=error["code"], branch=name)
        written: dict[str, Any] = {}
        for branch in succeeded:
            written |= branch.scope.written
        output: ParallelOutput = {
            "results": {branch.name: branch.result for branch in succeeded},
            "failed": failed,
            "first": winner or "",
        }
        return Outcome("done", output, set=written)
