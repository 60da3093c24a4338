"""A node that does nothing and has the outcome a case gives it."""

from __future__ import annotations

__all__ = ["Mocked", "mocked"]

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from botkit.sdk.nodes import Node, NodeContext, NodeFailed, Outcome, Raw, node
from botkit.workflows.graph import Graph, GraphNode, Retry

_PARTS = {"handle", "output", "set"}


@node("mocked")
class Mocked(Node):
    """Stands for a node of a case's `nodes:`."""

    handle: str = "default"
    """The edge it takes."""
    output: Raw[Any] = None
    """What it leaves."""
    set: Raw[dict[str, Any]] = {}
    """Further variables it writes."""
    error: Raw[Any] = None
    """Code, or `{code, message}`, of a failure."""

    @classmethod
    def handles_of(cls, data: Mapping[str, Any]) -> Mapping[str, str]:
        """Whatever the case says."""
        return {str(data.get("handle") or "default"): "as the case says"}

    async def run(self, ctx: NodeContext) -> Outcome:
        if self.error is not None:
            error: Any = self.error
            told = cast("dict[str, Any]", error) if isinstance(error, dict) else {"code": str(error)}
            raise NodeFailed(str(told.get("message") or told["code"]), code=str(told["code"]))
        return Outcome(self.handle, self.output, set=self.set)


def mocked(graph: Graph, given: Mapping[str, Any]) -> Graph:
    """The graph with these nodes mocked and without limits of time, which nothing here takes."""
    return msgspec.structs.replace(graph, timeout_s=0.0, nodes=tuple(_node(one, given) for one in graph.nodes))


def _node(one: GraphNode, given: Mapping[str, Any]) -> GraphNode:
    if one.id not in given:
        return msgspec.structs.replace(one, timeout_s=0.0)
    value = given[one.id]
    data: dict[str, Any] = {"output": value}
    if isinstance(value, Mapping):
        held = cast("Mapping[str, Any]", value)
        if (held and set(held) <= _PARTS) or set(held) == {"error"}:
            data = dict(held)
    return msgspec.structs.replace(one, type=Mocked.type, data=data, timeout_s=0.0, retry=Retry())
