"""Runs of workflows: from a task to its outcome, replayable from the journal."""

from __future__ import annotations

__all__ = ["WorkflowRunner"]

from contextlib import suppress
from typing import Any

from botkit.core.errors import BotkitError, BudgetUsedUp, NotFound
from botkit.core.journal import Run
from botkit.core.workflows import WorkflowOutcome, WorkflowTask
from botkit.runs.context import Paused, RunContext
from botkit.sdk.nodes import NodeFailed
from botkit.workflows import expressions
from botkit.workflows.entries import entries_of
from botkit.workflows.graph import Plan
from botkit.workflows.machine import Machine, NodeError, RunEnded, RunLimit, Undoing, Walk
from botkit.workflows.pinning import note_versions
from botkit.workflows.scope import Scope
from botkit.workflows.services import WorkflowServices


class WorkflowRunner:
    """Fills the engine's `Workflows` port."""

    def __init__(self, services: WorkflowServices):
        self._services = services

    async def plan_hash(self, revision: str, workflow: str) -> str:
        """What a run that begins now is pinned to. Raises `NotFound`."""
        return (await self._services.plan(revision, workflow)).hash

    async def run(self, ctx: RunContext, task: WorkflowTask) -> WorkflowOutcome:
        """Walk the graph to its end. Replayable: every finished node is a step of `ctx`.

        Raises:
            Paused, Stopped: as the step context says.
            StoreError: the run is tried again.
        """
        try:
            plan = await self._services.plan(task.revision, task.workflow)
        except NotFound as error:
            return _failed({"code": "no_workflow", "message": str(error), "node": ""})
        if task.graph_hash and plan.hash != task.graph_hash:
            message = (
                f"workflow `{task.workflow}` is not the one this run began with; "
                f"move the run with `botkit workflows migrate {ctx.run.id}`"
            )
            return _failed({"code": "definition_changed", "message": message, "node": ""})
        await note_versions(ctx, self._services, task.workflow, plan.graph)
        return await self._walk(Machine(ctx, task, plan.graph, self._services), plan, ctx.run)

    async def _walk(self, machine: Machine, plan: Plan, run: Run) -> WorkflowOutcome:
        task = machine.task
        start = {
            "trigger": task.trigger,
            "input": {},
            **plan.graph.variables,
            **task.variables,
            "run": {"id": run.id, "workflow": task.workflow, "started_at": task.now.isoformat()},
        }
        scope = Scope(start=start)
        walk = Walk(machine, plan, "", scope, machine.ctx.stop)
        try:
            entries = entries_of(plan, task.trigger, self._services, start)
        except NodeFailed as error:
            return _failed({"code": error.code, "message": str(error), "node": ""})
        if not entries:
            return WorkflowOutcome(state="ignored")
        if (why := machine.undoing) is not None:  # the failure is a fact; only its undoing goes on
            machine.only_journaled = True
            with suppress(Paused, NodeError, RunEnded):
                await walk.run(entries)
            return await self._undone(machine, why, scope)
        try:
            await walk.run(entries)
            output = walk.last.output if walk.last is not None else None
        except RunEnded as ended:
            machine.ctx.call_off("")
            output = ended.output
        except (RunLimit, NodeError) as error:
            machine.ctx.call_off("")
            return await self._undone(machine, _why(error), scope)
        text = ""
        if plan.graph.reply and not machine.said:
            try:
                said = expressions.render(plan.graph.reply, scope.view())
            except BotkitError as error:
                told = {"code": error.code, "message": f"reply: {error}", "node": ""}
                return await self._undone(machine, Undoing(state="failed", error=told), scope)
            text = self._services.redactor.text(str(said))
        return self._outcome(machine, "completed", output=output, text=text)

    async def _undone(self, machine: Machine, why: Undoing, scope: Scope) -> WorkflowOutcome:
        undone = await machine.compensate(why, scope)
        return self._outcome(machine, why.state, error=why.error, undone=undone)

    def _outcome(
        self,
        machine: Machine,
        state: Any,
        *,
        output: Any = None,
        text: str = "",
        error: dict[str, Any] | None = None,
        undone: tuple[str, ...] = (),
    ) -> WorkflowOutcome:
        return WorkflowOutcome(
            state=state,
            text=text,
            said=machine.said,
            output=output,
            error=error,
            usage=machine.usage,
            nodes=len(machine.visits),
            path=machine.path,
            compensated=undone,
            taint=machine.taint.now,
        )


def _why(error: RunLimit | NodeError) -> Undoing:
    if isinstance(error, NodeError):
        used_up = error.error.get("code") == BudgetUsedUp.code
        return Undoing(state="limit_reached" if used_up else "failed", error=error.error)
    return Undoing(state="limit_reached", error={"code": error.code, "message": str(error), **error.facts})


def _failed(error: dict[str, Any]) -> WorkflowOutcome:
    return WorkflowOutcome(state="failed", error=error)
