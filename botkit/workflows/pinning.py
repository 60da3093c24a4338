"""The nodes of an operator as a run began with them: an edit does not reach into runs that are under way.

A run notes the version of every node type of `workspace/nodes/` that its graph uses. When it comes to one that is
another by then, it waits for an operator: who takes the run along with `workflows migrate`, puts the file back, or ends
it. Nodes that were finished before do not matter.
"""

from __future__ import annotations

__all__ = ["PINNED", "PIN_KEY", "hold_version", "note_versions", "pin_key"]

from botkit.core.data import decode
from botkit.runs.context import RunContext, WaitSpec
from botkit.sdk.nodes import NodeFailed
from botkit.workflows.graph import Graph, GraphNode
from botkit.workflows.services import WorkflowServices

PINNED = "own_nodes"
"""Name of the step that holds the versions: node type → content hash."""
PIN_KEY = "!nodes"
"""How its key begins, and those of the waits of runs whose nodes changed; no node can be called that."""


def pin_key(workflow: str) -> str:
    """Key of the versions of a workflow, of the run itself or one that it calls."""
    return f"{PIN_KEY}/{workflow}"


async def note_versions(ctx: RunContext, services: WorkflowServices, workflow: str, graph: Graph) -> None:
    """Note the versions of the operator's nodes that a graph uses, once, when the run begins with it."""
    key = pin_key(workflow)
    if services.own is None or ctx.done(key):
        return
    if found := await services.own.versions({node.type for node in graph.nodes}):
        ctx.record(key, PINNED, found)


async def hold_version(ctx: RunContext, services: WorkflowServices, workflow: str, node: GraphNode) -> None:
    """Let a node of an operator run only as the run began with it.

    Raises:
        Paused: it is another one now, and nobody has decided yet.
        NodeFailed (`definition_changed`): an operator said that it shall not run.
    """
    key, kind = pin_key(workflow), node.type
    noted = next((raw for found, raw in ctx.results(PINNED) if found == key), None)
    if services.own is None or noted is None:
        return
    pinned = decode(bytes(noted), dict[str, str]).get(kind)
    now = (await services.own.versions({kind})).get(kind, "")
    if pinned in (None, now):
        return
    step = f"nodes/{kind}"
    reason = (
        f"the node `{kind}` changed in workspace/nodes/ since this run began. Take the run along with "
        f"`botkit workflows migrate {ctx.run.id}`; or go on with the files as they are, perhaps after putting them "
        f"back, with `botkit runs resolve {ctx.run.id} {step} --retry`"
    )
    payload = {"step": step, "name": kind, "reason": reason, "node": node.id, "workflow": workflow}
    answer = await ctx.wait(f"{key}/{kind}/{now[:16]}", WaitSpec(kind="reconcile", payload=payload))
    if answer.data.get("action") != "retry":
        message = str(answer.data.get("message") or f"the node `{kind}` changed since this run began")
        raise NodeFailed(message, code="definition_changed")
