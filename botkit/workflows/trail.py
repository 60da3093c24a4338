"""The way of a run through a graph, from its journaled steps."""

from __future__ import annotations

__all__ = ["node_at", "trail_of", "visits_of"]

from botkit.core.data import decode
from botkit.core.journal import OpenRun
from botkit.core.workflows import VISIT, Visit
from botkit.workflows.graph import ERROR, Graph
from botkit.workflows.picture import Trail
from botkit.workflows.registry import Registry

_WAIT = "/wait/"


def trail_of(run: OpenRun, graph: Graph, registry: Registry) -> Trail:
    """What a run did in this graph, as its own workflow or as one that was called."""
    visits = visits_of(run)
    called = [visit for _, visit in visits if visit.workflow == graph.name]
    mine = called or [visit for _, visit in visits if not visit.workflow]
    known = {node.id for node in graph.nodes}
    visited = {visit.node: "failed" if visit.handle == ERROR else "done" for visit in mine if visit.node in known}
    for wait in run.waits:
        node = node_at(wait.key)
        if wait.state == "open" and node in known:
            visited[node] = "waiting"
    kinds = {node.id: registry[node.type] for node in graph.nodes if node.type in registry}
    return Trail(
        visited=visited,
        taken=tuple(dict.fromkeys((visit.node, visit.handle) for visit in mine)),
        bodies=tuple(node.id for node in graph.nodes if node.id in kinds and kinds[node.id].bodies(node.data)),
    )


def visits_of(run: OpenRun) -> list[tuple[str, Visit]]:
    """(path, visit) of every node that finished, in the order in which they did."""
    done = (step for step in run.steps.values() if step.state == "done" and step.name.startswith(VISIT))
    return sorted(((step.key, decode(bytes(step.result), Visit)) for step in done), key=lambda one: one[1].n)


def node_at(key: str) -> str:
    """The node that a path, or the key of one of its waits, belongs to."""
    return key.partition(_WAIT)[0].rpartition("/")[2].partition("@")[0]
