"""The way of a run through a graph, from its journaled steps."""

from __future__ import annotations

__all__ = ["trail_of"]

import msgspec

from botkit.core.data import decode
from botkit.core.journal import OpenRun
from botkit.core.workflows import Visit
from botkit.workflows.graph import ERROR, Graph
from botkit.workflows.picture import Trail
from botkit.workflows.registry import Registry

_WAIT = "/wait/"


def trail_of(run: OpenRun, graph: Graph, registry: Registry) -> Trail:
    """What a run did in this graph, as its own workflow or as one that was called."""
    visits = _visits(run)
    called = [visit for _, visit in visits if visit.workflow == graph.name]
    mine = called or [visit for _, visit in visits if not visit.workflow]
    known = {node.id for node in graph.nodes}
    visited = {visit.node: "failed" if visit.handle == ERROR else "done" for visit in mine if visit.node in known}
    for wait in run.waits:
        node = wait.key.partition(_WAIT)[0].rpartition("/")[2].partition("@")[0]
        if wait.state == "open" and node in known:
            visited[node] = "waiting"
    kinds = {node.id: registry[node.type] for node in graph.nodes if node.type in registry}
    return Trail(
        visited=visited,
        taken=tuple(dict.fromkeys((visit.node, visit.handle) for visit in mine)),
        bodies=tuple(node.id for node in graph.nodes if node.id in kinds and kinds[node.id].bodies(node.data)),
    )


def _visits(run: OpenRun) -> list[tuple[str, Visit]]:
    """(key, visit) of every node that finished, in the order in which they did."""
    found: list[tuple[str, Visit]] = []
    for key, step in run.steps.items():
        if step.state != "done":
            continue
        try:
            visit = decode(bytes(step.result), Visit)
        except msgspec.ValidationError:
            continue  # a step of a node, not the node
        if key.rpartition("/")[2].partition("@")[0] == visit.node:
            found.append((key, visit))
    return sorted(found, key=lambda one: one[1].n)
