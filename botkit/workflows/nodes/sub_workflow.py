"""Run another workflow as one step of this one."""

from __future__ import annotations

__all__ = ["SubWorkflow"]

from typing import Any, ClassVar

from pydantic import Field

from botkit.core.errors import NotFound
from botkit.sdk.nodes import Node, NodeFailed, Outcome, WorkflowName, node
from botkit.workflows.context import NodeRun
from botkit.workflows.entries import entries_of
from botkit.workflows.scope import Scope

_DEPTH_LIMIT = 5


@node("sub_workflow")
class SubWorkflow(Node):
    """Run another workflow of this project inside this run.

    It sees `input` and what every run begins with, not the variables of this one. Its nodes count towards the
    nodes of this run, its pauses pause it, and a failure in it is a failure of this node.
    """

    category = "flow"
    handles = {"default": "it ended"}
    output: ClassVar[Any] = Any

    workflow: WorkflowName = Field(min_length=1)
    """Its key under `workflows:`."""
    input: dict[str, Any] = {}
    """What it reads as `{{ input.… }}`."""

    async def run(self, ctx: NodeRun) -> Outcome:  # pyright: ignore[reportIncompatibleMethodOverride] - a node of botkit's own
        if ctx.depth >= _DEPTH_LIMIT:
            raise NodeFailed(f"workflows call each other more than {_DEPTH_LIMIT} deep", code="depth")
        try:
            plan = await ctx.services.plan(ctx.task.revision, self.workflow)
        except NotFound as error:
            raise NodeFailed(str(error), code="no_workflow") from error
        trigger = {"kind": "workflow", "name": ctx.task.workflow}
        own = {"input": self.input, "trigger": trigger, "run": ctx.variables["run"]}
        start = {**ctx.task.variables, **plan.graph.variables, **own}
        scope = Scope(start=start)
        output = await ctx.walk_graph(self.workflow, plan, scope, entries_of(plan, trigger, ctx.services, start))
        return Outcome(output=output)
