"""A node that does nothing and has the outcome a case gives it."""

from __future__ import annotations

__all__ = ["Mocked", "mocked"]

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from botkit.sdk.nodes import Node, NodeContext, NodeFailed, Outcome, Raw, node
from botkit.workflows.graph import Graph, GraphNode, Retry

_PARTS = {"handle": "handle", "output": "leaves", "set": "writes", "error": "fails"}
"""As a case writes it → the field."""


@node("mocked")
class Mocked(Node):
    """Stands for a node of a case's `nodes:`."""

    handle: str = "default"
    """The edge it takes."""
    leaves: Raw[Any] = None
    """Its output."""
    writes: Raw[dict[str, Any]] = {}
    """Further variables."""
    fails: Raw[Any] = None
    """Code, or `{code, message}`, of a failure."""

    @classmethod
    def handles_of(cls, data: Mapping[str, Any]) -> Mapping[str, str]:
        """Whatever the case says."""
        return {str(data.get("handle") or "default"): "as the case says"}

    async def run(self, ctx: NodeContext) -> Outcome:
        if self.fails is not None:
            error: Any = self.fails
            told = cast("dict[str, Any]", error) if isinstance(error, dict) else {"code": str(error)}
            raise NodeFailed(str(told.get("message") or told["code"]), code=str(told["code"]))
        return Outcome(self.handle, self.leaves, set=self.writes)


def mocked(graph: Graph, given: Mapping[str, Any]) -> Graph:
    """The graph with these nodes mocked and without limits of time, which nothing here takes."""
    return msgspec.structs.replace(graph, timeout_s=0.0, nodes=tuple(_node(one, given) for one in graph.nodes))


def _node(one: GraphNode, given: Mapping[str, Any]) -> GraphNode:
    if one.id not in given:
        return msgspec.structs.replace(one, timeout_s=0.0)
    value = given[one.id]
    data: dict[str, Any] = {"leaves": value}
    if isinstance(value, Mapping) and value and set(cast("Mapping[str, Any]", value)) <= set(_PARTS):
        data = {_PARTS[name]: part for name, part in cast("Mapping[str, Any]", value).items()}
    return msgspec.structs.replace(one, type=Mocked.type, data=data, timeout_s=0.0, retry=Retry())
