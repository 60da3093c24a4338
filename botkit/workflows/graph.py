"""A validated graph: what every way to write a workflow compiles to, and what the runner walks."""

from __future__ import annotations

__all__ = ["ERROR", "HANDLER", "Graph", "GraphEdge", "GraphNode", "Plan", "Retry", "graph_hash"]

import hashlib
from functools import cached_property
from typing import Any

import msgspec

from botkit.core.data import Data

ERROR = "error"
"""The edge every node has: taken when it fails for good."""
HANDLER = "error_handler"
"""The node type failures lead to without an edge."""


class Retry(Data):
    """When a failed node is tried again."""

    attempts: int = 0
    """How often again; 0: never."""
    delay_s: float = 1.0
    """Before the first time again."""
    factor: float = 2.0
    """Each further delay is this many times longer."""
    max_delay_s: float = 300.0
    codes: tuple[str, ...] = ()
    """Only these error codes; empty: every error that calls itself retryable, timeouts among them."""

    def delay_before(self, attempt: int) -> float:
        """Seconds before attempt 1, 2 …"""
        return min(self.max_delay_s, self.delay_s * self.factor ** (attempt - 1))


class GraphNode(Data):
    """One node, as configured."""

    id: str
    type: str
    data: dict[str, Any] = {}
    """Its fields, with `{{ … }}` still in them."""
    label: str = ""
    output: str = ""
    """The variable its output becomes; its id when empty."""
    timeout_s: float = 0.0
    """Of working time for one attempt; waiting does not count. 0: no limit."""
    retry: Retry = Retry()
    compensate: str = ""
    """Node where the steps begin that undo this one when the run fails later."""
    file: str = ""
    line: int = 0
    """Where it was written, 1-based; 0 when nowhere."""

    @property
    def variable(self) -> str:
        return self.output or self.id


class GraphEdge(Data):
    source: str
    target: str
    handle: str = "default"


class Graph(Data):
    """A whole workflow."""

    name: str
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...] = ()
    description: str = ""
    workspace: str = ""
    """Where its tools come from, unless a bot runs it."""
    inputs: dict[str, Any] = {}
    """JSON Schema of what it is started with; empty: anything."""
    variables: dict[str, Any] = {}
    """Start values."""
    reply: str = ""
    """Template: said at the end when no node said anything."""
    max_nodes: int = 50
    timeout_s: float = 0.0
    """Of working time; 0: no limit."""


def graph_hash(graph: Graph) -> str:
    """SHA-256 over everything that decides what a run does: places in files do not count. 64 hex digits."""
    bare = msgspec.structs.replace(
        graph, nodes=tuple(msgspec.structs.replace(node, file="", line=0) for node in graph.nodes)
    )
    return hashlib.sha256(msgspec.json.encode(bare, order="deterministic")).hexdigest()


class Plan:
    """A graph with what the runner asks of it worked out."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.nodes = {node.id: node for node in graph.nodes}
        self._out: dict[str, list[GraphEdge]] = {node.id: [] for node in graph.nodes}
        for edge in graph.edges:
            self._out[edge.source].append(edge)
        self._ahead: dict[str, frozenset[str]] = {}
        self.starts: tuple[str, ...] | None = None
        """Where runs without a trigger begin, once that was worked out."""

    @cached_property
    def hash(self) -> str:
        return graph_hash(self.graph)

    def follow(self, node_id: str, handle: str) -> list[str]:
        """Where an outcome leads, in the order of the file."""
        return [edge.target for edge in self._out[node_id] if edge.handle == handle]

    def has_edge(self, node_id: str, handle: str) -> bool:
        return any(edge.handle == handle for edge in self._out[node_id])

    def ahead(self, node_id: str) -> frozenset[str]:
        """Every node that can be reached from this one, without itself unless a cycle leads back."""
        if (known := self._ahead.get(node_id)) is not None:
            return known
        seen: set[str] = set()
        todo = [edge.target for edge in self._out[node_id]]
        while todo:
            here = todo.pop()
            if here not in seen:
                seen.add(here)
                todo.extend(edge.target for edge in self._out[here])
        self._ahead[node_id] = frozenset(seen)
        return self._ahead[node_id]

    def region(self, node_id: str, handle: str) -> frozenset[str]:
        """Nodes that belong to one handle of a node that walks its own body: reached from there, not through the
        node itself, and not from its other handles."""
        mine = self._reached(node_id, self.follow(node_id, handle))
        others = {edge.handle for edge in self._out[node_id]} - {handle}
        return mine.difference(*(self._reached(node_id, self.follow(node_id, other)) for other in others))

    def _reached(self, around: str, entries: list[str]) -> frozenset[str]:
        seen: set[str] = set()
        todo = list(entries)
        while todo:
            here = todo.pop()
            if here not in seen and here != around:
                seen.add(here)
                todo.extend(edge.target for edge in self._out[here])
        return frozenset(seen)
