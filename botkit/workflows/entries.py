"""Where a run begins: its triggers that fit, or every node that nothing leads to."""

from __future__ import annotations

__all__ = ["entries_of"]

from collections.abc import Mapping
from typing import Any, Protocol, cast

from pydantic import ValidationError

from botkit.sdk.nodes import NodeFailed
from botkit.workflows.graph import GraphEdge, Plan
from botkit.workflows.services import WorkflowServices

_TRIGGER, _HANDLER = "trigger", "error_handler"


class Matching(Protocol):
    def matches(self, trigger: Mapping[str, Any]) -> bool: ...


def entries_of(
    plan: Plan, trigger: Mapping[str, Any], services: WorkflowServices, variables: Mapping[str, Any]
) -> list[str]:
    """Ids of the nodes a run starts at, in the order of the file; empty when no trigger fits.

    A workflow that another one calls begins at all of its triggers, whatever they wait for.
    """
    triggers = [node for node in plan.graph.nodes if node.type == _TRIGGER]
    if not triggers:
        if plan.starts is not None:
            return list(plan.starts)
        led_to = {edge.target for edge in plan.graph.edges if not _leads_back(plan, edge, services)} | {
            node.compensate for node in plan.graph.nodes
        }
        starts = (node.id for node in plan.graph.nodes if node.id not in led_to and node.type != _HANDLER)
        plan.starts = tuple(starts)
        return list(plan.starts)
    if trigger.get("kind") == "workflow":
        return [node.id for node in triggers]
    cls = services.node_type(_TRIGGER)
    found: list[str] = []
    for node in triggers:
        try:
            made = cast("Matching", cls.model_validate(dict(node.data)))
            if made.matches(trigger):
                found.append(node.id)
        except NodeFailed as error:
            raise NodeFailed(f"trigger `{node.id}`: {error}", code=error.code) from error
        except ValidationError as error:
            said = error.errors(include_input=False, include_url=False)[0]["msg"]
            raise NodeFailed(f"trigger `{node.id}`: {said}", code="invalid_config") from error
    return found


def _leads_back(plan: Plan, edge: GraphEdge, services: WorkflowServices) -> bool:
    """Whether an edge returns from the body of a node to that node: the next round of a loop."""
    target = plan.nodes[edge.target]
    if edge.source not in plan.ahead(edge.target):
        return False
    bodies = services.node_type(target.type).bodies_of(target.data)
    return any(edge.source in plan.region(target.id, handle) for handle in bodies)
