"""The way of a run, read from what it journaled."""

from __future__ import annotations

from botkit.core.journal import OpenRun
from botkit.workflows.graph import Graph, GraphEdge, GraphNode
from botkit.workflows.picture import Trail
from botkit.workflows.registry import builtin_registry
from botkit.workflows.trail import trail_of
from tests.workflows.memory import MemoryRun
from tests.workflows.nodes_for_tests import OWN, world

REGISTRY = builtin_registry().with_classes(*OWN)


def graph(*nodes: GraphNode, edges: str) -> Graph:
    found: list[GraphEdge] = []
    for line in edges.split():
        source, _, target = line.partition(">")
        source, _, handle = source.partition(".")
        found.append(GraphEdge(source=source, target=target, handle=handle or "default"))
    return Graph(name="main", nodes=nodes, edges=tuple(found))


async def way(made: Graph) -> Trail:
    run = MemoryRun(made, nodes=OWN)
    world.set(run.effects)
    await run.live()
    return trail_of(OpenRun(run=run.run_row, steps=run.steps, waits=tuple(run.waits.values())), made, REGISTRY)


async def test_what_ran_what_waits_and_what_never_came() -> None:
    loop = GraphNode(id="loop", type="loop", data={"times": 2})
    inside, after = GraphNode(id="in", type="act"), GraphNode(id="after", type="ask")
    never = GraphNode(id="never", type="act")
    made = graph(loop, inside, after, never, edges="loop.body>in loop.done>after after>never")
    trail = await way(made)
    assert trail.visited == {"loop": "done", "in": "done", "after": "waiting"}
    assert [(edge.source, edge.handle, edge.target) for edge in made.edges if trail.took(edge)] == [
        ("loop", "body", "in"),
        ("loop", "done", "after"),
    ]


async def test_a_failure_that_has_an_edge_is_shown() -> None:
    made = graph(GraphNode(id="bad", type="broken"), GraphNode(id="help", type="act"), edges="bad.error>help")
    assert (await way(made)).visited == {"bad": "failed", "help": "done"}
