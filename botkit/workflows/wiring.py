"""Whether a graph hangs together: types, ids, edges, ways in, cycles, bodies. Needs the node types, nothing else."""

from __future__ import annotations

__all__ = ["check_wiring"]

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

from botkit.workflows.define.written import Written, WrittenEdge, WrittenNode, names_hint
from botkit.workflows.graph import ERROR, HANDLER
from botkit.workflows.registry import NodeType, Registry


def check_wiring(written: Written, registry: Registry) -> None:
    """Add every mistake in the shape of the graph to `written.report`."""
    check = _Check(written, registry)
    check.types()
    check.ids()
    check.edges()
    check.compensations()
    if not written.report.problems:  # what follows would only repeat them
        check.ways_in()
        check.cycles()
        check.bodies()


class _Check:
    def __init__(self, written: Written, registry: Registry):
        self.written = written
        self.report = written.report
        self.registry = registry
        self.nodes = {node.id: node for node in written.nodes}
        self.out: dict[str, list[WrittenEdge]] = defaultdict(list)
        self.into: dict[str, list[WrittenEdge]] = defaultdict(list)
        for edge in written.edges:
            self.out[edge.source].append(edge)
            self.into[edge.target].append(edge)

    def kind(self, node: WrittenNode) -> NodeType | None:
        return self.registry.get(node.type)

    def types(self) -> None:
        for node in self.written.nodes:
            if node.type not in self.registry:
                hint = names_hint(node.type, self.registry)
                self.report.add(node.place, f"there is no node type `{node.type[:64]}`", node.id, hint=hint)

    def ids(self) -> None:
        seen: dict[str, WrittenNode] = {}
        for node in self.written.nodes:
            first = seen.setdefault(node.id, node)
            if first is not node:
                message = f"another node is called `{node.id}` too, on line {first.place.line}"
                self.report.add(node.at("id"), message, node.id)

    def edges(self) -> None:
        for edge in self.written.edges:
            for end in (edge.source, edge.target):
                if end not in self.nodes:
                    hint = names_hint(end, self.nodes)
                    self.report.add(edge.place, f"an edge to or from `{end[:64]}`, which is no node", hint=hint)
            source, target = self.nodes.get(edge.source), self.nodes.get(edge.target)
            if source is not None:
                self._handle(source, edge)
            kind = self.kind(target) if target is not None else None
            if kind is not None and kind.spec.entry:
                self.report.add(edge.place, f"no edge may lead to `{edge.target}`: runs begin there", edge.source)

    def _handle(self, node: WrittenNode, edge: WrittenEdge) -> None:
        kind = self.kind(node)
        if kind is None or edge.handle == ERROR or kind.is_open():
            return
        handles = kind.handles(node.data)
        if edge.handle not in handles:
            message = f"a `{node.type}` node has no edge `{edge.handle[:64]}` here"
            self.report.add(edge.place, message, node.id, edge.handle, hint=names_hint(edge.handle, [*handles, ERROR]))

    def compensations(self) -> None:
        for node in self.written.nodes:
            if not node.compensate:
                continue
            place = node.at("compensate")
            if node.compensate not in self.nodes:
                hint = names_hint(node.compensate, self.nodes)
                self.report.add(place, f"there is no node `{node.compensate[:64]}`", node.id, "compensate", hint=hint)
            elif self.into[node.compensate]:
                message = f"edges lead to `{node.compensate}`, so it is no step that only undoes"
                self.report.add(place, message, node.id, "compensate")

    # reachability

    @cached_property
    def undoing(self) -> set[str]:
        return {node.compensate for node in self.written.nodes if node.compensate}

    def entries(self) -> list[str]:
        """Nodes a run may begin at."""
        if self.triggers:
            return self.triggers
        return [
            node.id
            for node in self.written.nodes
            if node.id not in self.undoing
            and node.type != HANDLER
            and all(id(edge) in self.back for edge in self.into[node.id])
        ]

    @cached_property
    def triggers(self) -> list[str]:
        nodes = [node for node in self.written.nodes if node.type != HANDLER]
        return [node.id for node in nodes if (kind := self.kind(node)) and kind.spec.entry]

    @cached_property
    def back(self) -> set[int]:
        """Edges from a body back to the node that walks it: where a round ends."""
        return {id(edge) for node in self.written.nodes for edge in self._edges_back(node)}

    def ways_in(self) -> None:
        entries = self.entries()
        if not entries and self.written.nodes:
            self.report.add(self.written.nodes[0].place, "the workflow has no beginning: an edge leads to every node")
            return
        handlers = [node.id for node in self.written.nodes if node.type == HANDLER]
        reached = self._reached([*entries, *self.undoing, *handlers])
        for node in self.written.nodes:
            if node.id not in reached:
                hint = "no edge leads here from a trigger" if self.triggers else "only a circle of edges leads here"
                self.report.add(node.place, "this node is never reached", node.id, hint=hint)

    def cycles(self) -> None:
        """A circle is allowed only where a body leads back to the node that walks it."""
        done: set[str] = set()
        for start in [node.id for node in self.written.nodes]:
            trail: list[tuple[str, int]] = [(start, 0)]
            on_trail = {start}
            while trail:
                here, index = trail.pop()
                if index == 0 and here in done:
                    on_trail.discard(here)
                    continue
                edges = self.out[here]
                if index >= len(edges):
                    done.add(here)
                    on_trail.discard(here)
                    continue
                trail.append((here, index + 1))
                edge = edges[index]
                if id(edge) in self.back:
                    continue
                if edge.target in on_trail:
                    self._circle([name for name, _ in trail], edge)
                elif edge.target not in done:
                    trail.append((edge.target, 0))
                    on_trail.add(edge.target)

    def _circle(self, trail: list[str], edge: WrittenEdge) -> None:
        names = [*trail[trail.index(edge.target) :], edge.target]
        shown = " → ".join(names if len(names) <= 8 else [*names[:4], "…", *names[-3:]])
        hint = "repeat steps with a `loop`; inside its body an edge back to the loop begins the next round"
        self.report.add(edge.place, f"the edges run in a circle: {shown}", edge.source, hint=hint)

    def bodies(self) -> None:
        """What a node walks itself ends inside. Branches side by side may also end where they meet what follows."""
        for node in self.written.nodes:
            bodies = self._bodies(node)
            after = self._region(node, *({edge.handle for edge in self.out[node.id]} - set(bodies)))
            repeats = node.type in self.registry and bool(self.registry[node.type].spec.bodies)
            for handle in bodies:
                inside = self._region(node, handle)
                met = inside & self._region(node, *(other for other in bodies if other != handle))
                if repeats and (shared := inside & after):
                    message = f"this node is reached both inside `{handle}` of `{node.id}` and after it"
                    hint = f"steps of `{handle}` end where nothing follows, or lead back to `{node.id}`"
                    self._first(shared, message, hint)
                elif lost := met - after:
                    message = f"branches of `{node.id}` meet here, and nothing runs where they meet"
                    self._first(lost, message, "what follows them hangs on `done`")
                self._ways_into(node, handle, inside - after - met)

    def _first(self, names: set[str], message: str, hint: str) -> None:
        name = next(name for name in self.nodes if name in names)
        self.report.add(self.nodes[name].place, message, name, hint=hint)

    def _ways_into(self, node: WrittenNode, handle: str, inside: set[str]) -> None:
        for name in [name for name in self.nodes if name in inside]:
            for edge in self.into[name]:
                if edge.source not in inside and (edge.source, edge.handle) != (node.id, handle):
                    message = f"leads into `{handle}` of `{node.id}` from outside"
                    self.report.add(edge.place, message, edge.source, hint=f"lead to `{node.id}` itself")

    def _bodies(self, node: WrittenNode) -> list[str]:
        kind = self.kind(node)
        used = {edge.handle for edge in self.out[node.id]}
        return [handle for handle in (kind.bodies(node.data) if kind is not None else ()) if handle in used]

    def _region(self, node: WrittenNode, *handles: str) -> set[str]:
        """Nodes reached by these edges of a node, not through the node itself."""
        return self._reached([e.target for e in self.out[node.id] if e.handle in handles], around=node.id)

    def _edges_back(self, node: WrittenNode) -> Iterable[WrittenEdge]:
        for handle in self._bodies(node):
            inside = self._region(node, handle)
            yield from (e for e in self.into[node.id] if e.source in inside or e.source == node.id)

    def _reached(self, entries: Iterable[str], *, around: str = "") -> set[str]:
        seen: set[str] = set()
        todo = [entry for entry in entries if entry != around]
        while todo:
            here = todo.pop()
            if here not in seen:
                seen.add(here)
                todo += [edge.target for edge in self.out[here] if edge.target != around]
        return seen
