"""Places for the nodes of a graph: layers from top to bottom, few crossings, the same for the same graph.

The classic four steps: leave edges that lead back aside, give every node the layer below its last predecessor,
let long edges pass through the layers between, and sort each layer by the middle of its neighbours.
Source: K. Sugiyama, S. Tagawa, M. Toda, "Methods for Visual Understanding of Hierarchical System Structures", 1981.
"""

from __future__ import annotations

__all__ = ["HEIGHT", "WIDTH", "Layout", "lay_out"]

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

from botkit.workflows.graph import Graph, GraphEdge

WIDTH, HEIGHT = 180, 48
"""Of a node's box, in pixels."""
_GAP_X, _GAP_Y, _MARGIN = 32, 56, 40
_SWEEPS = 6

Point = tuple[float, float]
Link = tuple[str, str]


@dataclass(slots=True)
class Layout:
    """Where everything stands; the middle of each box."""

    width: float
    height: float
    places: dict[str, Point]
    bends: dict[Link, list[Point]] = field(default_factory=dict[Link, "list[Point]"])
    """Points that long edges pass through."""

    def way(self, edge: GraphEdge) -> list[Point]:
        """Points from the lower rim of one box to the upper rim of the other; around them when it leads up."""
        (x1, y1), (x2, y2) = self.places[edge.source], self.places[edge.target]
        start, end = (x1, y1 + HEIGHT / 2), (x2, y2 - HEIGHT / 2)
        if y2 > y1:
            return [start, *self.bends.get((edge.source, edge.target), []), end]
        side = max(x1, x2) + WIDTH / 2 + _GAP_X / 2
        return [start, (side, y1 + HEIGHT / 2 + 12), (side, y2 - HEIGHT / 2 - 12), end]


def lay_out(graph: Graph) -> Layout:
    """Place every node of a graph, whatever its edges look like."""
    names = [node.id for node in graph.nodes]
    known = set(names)
    links = [(e.source, e.target) for e in graph.edges if e.source in known and e.target in known]
    links += [(node.id, node.compensate) for node in graph.nodes if node.compensate in known]
    links = list(dict.fromkeys(link for link in links if link[0] != link[1]))
    forward = _without_cycles(names, links)
    layer = _layers(names, forward)
    rows, chains, inner = _with_passages(names, forward, layer)
    _untangle(rows, inner)
    return _placed(rows, chains, known)


def _without_cycles(names: list[str], links: list[Link]) -> list[Link]:
    """The links but for those that lead back to where a walk in depth still is."""
    out: dict[str, list[str]] = defaultdict(list)
    for source, target in links:
        out[source].append(target)
    entered = {target for _, target in links}
    order = [name for name in names if name not in entered] + [name for name in names if name in entered]
    done: set[str] = set()
    back: set[Link] = set()
    for start in order:
        if start in done:
            continue
        trail, walking = [(start, 0)], {start}
        while trail:
            here, index = trail.pop()
            if index == len(out[here]):
                done.add(here)
                walking.discard(here)
                continue
            trail.append((here, index + 1))
            target = out[here][index]
            if target in walking:
                back.add((here, target))
            elif target not in done:
                trail.append((target, 0))
                walking.add(target)
    return [link for link in links if link not in back]


def _layers(names: list[str], links: list[Link]) -> dict[str, int]:
    """The longest way to each node."""
    waiting = dict.fromkeys(names, 0)
    out: dict[str, list[str]] = defaultdict(list)
    for source, target in links:
        waiting[target] += 1
        out[source].append(target)
    layer = dict.fromkeys(names, 0)
    ready = [name for name in names if waiting[name] == 0]
    while ready:
        here = ready.pop(0)
        for target in out[here]:
            layer[target] = max(layer[target], layer[here] + 1)
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    return layer


def _with_passages(
    names: list[str], links: list[Link], layer: dict[str, int]
) -> tuple[list[list[str]], dict[Link, list[str]], list[Link]]:
    """(layers, long link → its passages, links between neighbouring layers)."""
    rows: list[list[str]] = [[] for _ in range(max(layer.values(), default=0) + 1)]
    for name in names:
        rows[layer[name]].append(name)
    chains: dict[Link, list[str]] = {}
    inner: list[Link] = []
    for number, (source, target) in enumerate(links):
        passages = [f"\0{number}/{row}" for row in range(layer[source] + 1, layer[target])]
        for passage, row in zip(passages, range(layer[source] + 1, layer[target]), strict=True):
            rows[row].append(passage)
        chains[source, target] = passages
        stops = [source, *passages, target]
        inner += pairwise(stops)
    return rows, chains, inner


def _untangle(rows: list[list[str]], links: list[Link]) -> None:
    """Sort each layer by the middle of its neighbours above, then below, a few times."""
    above: dict[str, list[str]] = defaultdict(list)
    below: dict[str, list[str]] = defaultdict(list)
    for source, target in links:
        above[target].append(source)
        below[source].append(target)
    for sweep in range(_SWEEPS):
        neighbours = below if sweep % 2 else above
        for row in reversed(rows) if sweep % 2 else rows:
            at = {name: index for other in rows for index, name in enumerate(other)}
            middle = {
                name: sum(at[one] for one in neighbours[name]) / len(neighbours[name]) if neighbours[name] else at[name]
                for name in row
            }
            row.sort(key=lambda name: middle[name])


def _placed(rows: list[list[str]], chains: dict[Link, list[str]], known: set[str]) -> Layout:
    def room(name: str) -> float:
        return WIDTH if name in known else 0

    widths = [sum(room(name) for name in row) + _GAP_X * max(0, len(row) - 1) for row in rows]
    widest = max(widths, default=0)
    points: dict[str, Point] = {}
    for number, row in enumerate(rows):
        x = _MARGIN + (widest - widths[number]) / 2
        y = _MARGIN + HEIGHT / 2 + number * (HEIGHT + _GAP_Y)
        for name in row:
            points[name] = (x + room(name) / 2, y)
            x += room(name) + _GAP_X
    height = 2 * _MARGIN + len(rows) * HEIGHT + max(0, len(rows) - 1) * _GAP_Y
    bends = {link: [points[name] for name in passages] for link, passages in chains.items()}
    return Layout(widest + 2 * _MARGIN, height, {name: points[name] for name in points if name in known}, bends)
