"""Graphs nobody thought of: every compound node, nested, with joins, questions, timers, failures and undoing."""

from __future__ import annotations

__all__ = ["Corpus", "corpora"]

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from botkit.workflows.graph import Graph, GraphEdge, GraphNode, Retry

_VARIABLES = ("x", "y", "")
_LEAVES = ("act", "act", "act", "ask", "delay", "flaky", "faulty")
_HOLDERS = ("loop", "parallel", "sub_workflow")
_HANDLES = {
    "act": ("default", "left"),
    "ask": ("reply", "timeout"),
    "delay": ("default",),
    "flaky": ("default", "error"),
    "faulty": ("error",),
    "loop": ("done", "error"),
    "parallel": ("done", "error"),
    "sub_workflow": ("default", "error"),
}


@dataclass
class Corpus:
    """A graph and those it calls."""

    graph: Graph
    others: dict[str, Graph]
    side_by_side: bool
    """Whether branches run at the same time anywhere, so that more than one effect may be in flight."""
    handled: bool
    """Whether an error handler may catch what fails."""


@dataclass
class _Making:
    draw: Any
    races: bool
    nodes: list[GraphNode] = field(default_factory=list[GraphNode])
    edges: list[GraphEdge] = field(default_factory=list[GraphEdge])
    others: dict[str, Graph] = field(default_factory=dict[str, Graph])
    branches: bool = False
    handler: bool = False
    count: int = 0

    def name(self) -> str:
        self.count += 1
        return f"n{self.count}"

    def one_of(self, *values: Any) -> Any:
        return self.draw(st.sampled_from(values))

    def region(self, depth: int, size: int) -> str:
        """Some nodes in an order, each led to from one or two before it; the first one's id."""
        made: list[GraphNode] = []
        for place in range(self.draw(st.integers(1, size))):
            node = self.node(depth)
            for _ in range(self.draw(st.integers(1, 2)) if place else 0):
                before: GraphNode = self.one_of(*made)
                edge = GraphEdge(source=before.id, target=node.id, handle=self.one_of(*_HANDLES[before.type]))
                if edge not in self.edges:
                    self.edges.append(edge)
            made.append(node)
        return made[0].id

    def node(self, depth: int) -> GraphNode:
        kind: str = self.one_of(*_LEAVES, *(_HOLDERS if depth else ()))
        node = getattr(self, f"_{kind}")(self.name(), depth)
        self.nodes.append(node)
        return node

    def _act(self, name: str, depth: int) -> GraphNode:
        value = self.one_of(1, "{{ x + 1 }}", "{{ [x, y] }}" if not depth else "{{ y }}", "{{ 'é' ~ x }}")
        if value == "{{ x + 1 }}":
            value = "{{ (x if x is number else 0) + 1 }}"
        data = {"value": value, "steps": self.draw(st.integers(0, 2)), "way": self.one_of("default", "left")}
        undo = ""
        if self.one_of(True, False, False):
            undo = f"undo_{name}"
            self.nodes.append(GraphNode(id=undo, type="act", data={"value": "{{ undo.output }}"}))
        return GraphNode(id=name, type="act", data=data, output=self.one_of(*_VARIABLES), compensate=undo)

    def _ask(self, name: str, depth: int) -> GraphNode:
        return GraphNode(id=name, type="ask", output=self.one_of("y", ""))

    def _delay(self, name: str, depth: int) -> GraphNode:
        return GraphNode(id=name, type="delay", data={"seconds": 60})

    def _flaky(self, name: str, depth: int) -> GraphNode:
        retry = Retry(attempts=self.draw(st.integers(0, 2)), delay_s=30)
        return GraphNode(id=name, type="flaky", data={"times": self.draw(st.integers(0, 2))}, retry=retry)

    def _faulty(self, name: str, depth: int) -> GraphNode:
        return GraphNode(id=name, type="faulty")

    def _loop(self, name: str, depth: int) -> GraphNode:
        entry = self.region(depth - 1, 3)
        self.edges.append(GraphEdge(source=name, target=entry, handle="body"))
        return GraphNode(id=name, type="loop", data={"times": self.draw(st.integers(0, 3))})

    def _parallel(self, name: str, depth: int) -> GraphNode:
        self.branches = True
        branches = [f"b{number}" for number in range(self.draw(st.integers(1, 3)))]
        for branch in branches:
            self.edges.append(GraphEdge(source=name, target=self.region(depth - 1, 3), handle=branch))
        data = {"branches": branches, "onFailure": self.one_of("fail", "continue")}
        if self.races:
            data["waitFor"] = self.one_of("all", "any", "first")
        return GraphNode(id=name, type="parallel", data=data)

    def _sub_workflow(self, name: str, depth: int) -> GraphNode:
        nodes, edges = self.nodes, self.edges
        self.nodes, self.edges = [], []
        self.region(depth - 1, 3)
        self.others[f"w_{name}"] = Graph(
            name=f"w_{name}", nodes=tuple(self.nodes), edges=tuple(self.edges), variables={"x": 0, "y": 0}
        )
        self.nodes, self.edges = nodes, edges
        return GraphNode(id=name, type="sub_workflow", data={"workflow": f"w_{name}"})

    def catch(self) -> None:
        """Perhaps a handler for everything or for one node, whose retries may mend."""
        self.handler = self.one_of(True, False)
        if not self.handler:
            return
        covers = self.one_of([], [self.nodes[0].id])
        rule: dict[str, Any] = self.one_of({}, {"attempts": 2, "delay_s": 10})
        self.nodes.append(GraphNode(id="catch", type="error_handler", data={"covers": covers, "retry": rule}))
        for handle in ("handled", "retry_ok"):
            entry = self.region(0, 2)
            self.edges.append(GraphEdge(source="catch", target=entry, handle=handle))


@st.composite
def corpora(draw: Any, *, depth: int = 2, size: int = 5, races: bool = False) -> Corpus:
    """Any graph; with `races`, branches may be decided by who is first."""
    making = _Making(draw, races)
    making.region(depth, size)
    making.catch()
    graph = Graph(
        name="main",
        nodes=tuple(making.nodes),
        edges=tuple(making.edges),
        variables={"x": 0, "y": 0},
        reply="{{ x }} {{ y }} {{ error.code if error is defined else '' }}",
        max_nodes=10_000,
    )
    return Corpus(graph, making.others, making.branches, making.handler)
