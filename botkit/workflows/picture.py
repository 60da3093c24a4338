"""Pictures of a graph, and of the way a run took through it: Mermaid text, and SVG drawn here."""

from __future__ import annotations

__all__ = ["Trail", "mermaid", "svg"]

import re
from collections.abc import Mapping
from html import escape
from itertools import pairwise

from botkit.core.data import Data
from botkit.workflows.graph import ERROR, Graph, GraphEdge, GraphNode
from botkit.workflows.layout import HEIGHT, WIDTH, Layout, lay_out


class Trail(Data):
    """What a run did."""

    visited: dict[str, str] = {}
    """Node → `done`, `failed` (it took its error edge) or `waiting`."""
    taken: tuple[tuple[str, str], ...] = ()
    """(node, edge) that were followed."""
    bodies: tuple[str, ...] = ()
    """Nodes that walk bodies of their own."""

    def took(self, edge: GraphEdge) -> bool:
        if self.visited.get(edge.target, "") == "":
            return False
        inside = edge.source in self.bodies and edge.source in self.visited
        return (edge.source, edge.handle) in self.taken or inside


_COLOURS: Mapping[str, tuple[str, str]] = {
    "": ("#ffffff", "#64748b"),
    "done": ("#dcfce7", "#15803d"),
    "failed": ("#fee2e2", "#b91c1c"),
    "waiting": ("#fef9c3", "#a16207"),
}
"""State → fill and line."""


def _title(node: GraphNode) -> str:
    return node.label or node.id


def mermaid(graph: Graph, trail: Trail | None = None) -> str:
    """A flowchart. Source: https://mermaid.js.org/syntax/flowchart.html"""
    trail = trail or Trail()
    names = {node.id: f"n{index}" for index, node in enumerate(graph.nodes)}
    lines = ["flowchart TD"]
    for node in graph.nodes:
        text = _quoted(_title(node))
        kind = "" if _title(node) == node.type else f"<br/><small>{_quoted(node.type)}</small>"
        lines.append(f'    {names[node.id]}["{text}{kind}"]')
    taken: list[int] = []
    for index, edge in enumerate(graph.edges):
        label = "" if edge.handle == "default" else f'|"{_quoted(edge.handle)}"|'
        arrow = "-.->" if edge.handle == ERROR else "-->"
        lines.append(f"    {names[edge.source]} {arrow}{label} {names[edge.target]}")
        if trail.took(edge):
            taken.append(index)
    undone = [(node.id, node.compensate) for node in graph.nodes if node.compensate in names]
    lines += [f'    {names[node]} -.-|"undone by"| {names[by]}' for node, by in undone]
    for state, (fill, line) in _COLOURS.items():
        found = [names[node] for node, one in trail.visited.items() if one == state and node in names]
        if state and found:
            lines.append(f"    classDef {state} fill:{fill},stroke:{line},stroke-width:2px")
            lines.append(f"    class {','.join(found)} {state}")
    if taken:
        lines.append(f"    linkStyle {','.join(map(str, taken))} stroke:{_COLOURS['done'][1]},stroke-width:3px")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Inside quotes Mermaid reads entities, and nothing else has a meaning."""
    return re.sub(r"[^\w .,:;!?()/+-]", lambda found: f"#{ord(found[0])};", text)


def svg(graph: Graph, trail: Trail | None = None) -> str:
    """A drawing of its own size, with no script, no font and no link in it."""
    trail = trail or Trail()
    layout = lay_out(graph)
    body = [_edge(edge, layout, trail) for edge in graph.edges]
    body += [_undone(node, layout) for node in graph.nodes if node.compensate in layout.places]
    body += [_box(node, layout, trail.visited.get(node.id, "")) for node in graph.nodes]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {layout.width:g} {layout.height:g}" '
        f'width="{layout.width:g}" height="{layout.height:g}" font-family="sans-serif" font-size="13" role="img">\n'
        f"<title>{escape(graph.name)}</title>\n{_MARKERS}\n" + "\n".join(body) + "\n</svg>\n"
    )


_MARKERS = "<defs>" + "".join(
    f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
    f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z" fill="{_COLOURS[state][1]}"/></marker>'
    for name, state in (("arrow", ""), ("taken", "done"))
) + "</defs>"  # fmt: skip


def _box(node: GraphNode, layout: Layout, state: str) -> str:
    x, y = layout.places[node.id]
    fill, line = _COLOURS.get(state, _COLOURS[""])
    left, top = x - WIDTH / 2, y - HEIGHT / 2
    said = f"{node.id} ({node.type}){f': {state}' if state else ''}"
    title = _title(node)
    below = node.type if title != node.type else ""
    lines = f'<text x="{x:g}" y="{y + (-2 if below else 5):g}" text-anchor="middle">{escape(_short(title, 22))}</text>'
    if below:
        lines += (
            f'<text x="{x:g}" y="{y + 14:g}" text-anchor="middle" font-size="11" fill="#475569">'
            f"{escape(_short(below, 26))}</text>"
        )
    return (
        f'<g data-node="{escape(node.id)}" data-state="{state}"><title>{escape(said)}</title>'
        f'<rect x="{left:g}" y="{top:g}" width="{WIDTH}" height="{HEIGHT}" rx="8" fill="{fill}" stroke="{line}" '
        f'stroke-width="{2 if state else 1}"/>{lines}</g>'
    )


def _edge(edge: GraphEdge, layout: Layout, trail: Trail) -> str:
    points = layout.way(edge)
    taken = trail.took(edge)
    colour = _COLOURS["done" if taken else ""][1]
    dashes = ' stroke-dasharray="5 4"' if edge.handle == ERROR else ""
    path = _smooth(points)
    drawn = (
        f'<path data-edge="{escape(f"{edge.source}.{edge.handle}>{edge.target}")}" data-taken="{str(taken).lower()}" '
        f'd="{path}" fill="none" stroke="{colour}" stroke-width="{2.5 if taken else 1.2}"{dashes} '
        f'marker-end="url(#{"taken" if taken else "arrow"})"/>'
    )
    if edge.handle == "default":
        return drawn
    x, y = points[0][0] * 0.6 + points[1][0] * 0.4, points[0][1] * 0.6 + points[1][1] * 0.4
    return (
        f'{drawn}<text x="{x:g}" y="{y:g}" text-anchor="middle" font-size="11" fill="{colour}" '
        f'paint-order="stroke" stroke="#ffffff" stroke-width="4">{escape(_short(edge.handle, 18))}</text>'
    )


def _undone(node: GraphNode, layout: Layout) -> str:
    path = _smooth(layout.way(GraphEdge(source=node.id, target=node.compensate)))
    return f'<path d="{path}" fill="none" stroke="#94a3b8" stroke-width="1" stroke-dasharray="2 3"/>'


def _smooth(points: list[tuple[float, float]]) -> str:
    """Curves that leave and enter upright."""
    path = f"M{points[0][0]:g} {points[0][1]:g}"
    for (x1, y1), (x2, y2) in pairwise(points):
        bend = (y2 - y1) / 2
        path += f"C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}"
    return path


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
