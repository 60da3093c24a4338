"""The short form: the order of steps is the order of edges.

    steps:
      - llm_call: {prompt: "Is this a complaint? {{ message.text }}"}
        id: classify
      - logic: {if: "classify.text == 'yes'"}
        on:
          true:
            - human_handoff: {reason: A complaint}
          false:
            - send_message: {text: Thank you!}
            - end
      - send_message: {text: Somebody will call you.}

A step has one node type, options beside it, and steps for its edges: under `on`, or each under the edge's own name.
After a branch its ends join the next step, unless they `end` or `goto: id`. Steps of a loop's `body`, or of a
branch of `parallel`, belong to that node; what follows it follows `done`. An edge nothing is said about goes on
when it is the node's usual one, else it ends there. `compensate:` takes the id of a step, or steps. An
`error_handler` and the steps below it are a part of their own.
"""

from __future__ import annotations

__all__ = ["read_steps"]

from dataclasses import dataclass

from pydantic.alias_generators import to_snake

from botkit.core.config.locate import nearest
from botkit.core.config.tree import Branch, Leaf, Node, Place, Series, is_empty
from botkit.workflows.define.parts import OPTIONS, NodeParts, check_id, finish, handoff, known_type, read_data
from botkit.workflows.define.written import Written, WrittenEdge, WrittenNode
from botkit.workflows.graph import ERROR, HANDLER
from botkit.workflows.registry import NodeType, Registry

_BRANCHES = ("on", "then", "branches")
_AFTER = ("goto", "end")
_KEYS = (*OPTIONS, *_BRANCHES, *_AFTER)


@dataclass(frozen=True, slots=True)
class _End:
    """An edge that waits for its target."""

    source: str
    handle: str


@dataclass(slots=True)
class _Step:
    """One step, its keys sorted by what they mean."""

    place: Place
    types: Branch
    options: Branch
    handles: Branch
    after: Branch


def read_steps(written: Written, registry: Registry) -> None:
    """Read `steps` of `written.tree` into its nodes and edges."""
    steps = written.tree.entries.get("steps")
    if steps is None or is_empty(steps):
        return
    if not isinstance(steps, Series):
        written.report.add(written.tree.keys["steps"], "must be a list of `- step` lines", "steps")
        return
    reader = _Reader(written, registry)
    reader.reserve(steps)
    reader.block(steps, None)
    reader.undo()
    reader.find_lost()


def _is_way(value: Node) -> bool:
    """Whether it can only be where an edge leads: steps, `end`, or `{goto: id}`; fields of a node cannot."""
    if isinstance(value, Branch):
        return bool(value.entries) and all(key in _AFTER for key in value.entries)
    return isinstance(value, Series) or value.text == "end"


def _with_branches(data: Branch, kind: NodeType, step: _Step) -> Branch:
    """The names of a `parallel` node's branches need not be written twice."""
    names = [name for name in step.handles.entries if name not in kind.spec.handles and name != ERROR]
    if not names or kind.spec.field("branches") is None or "branches" in data.entries:
        return data
    series = Series(step.place, [Leaf(name, False, step.handles.keys[name]) for name in names])
    return Branch(data.place, {**data.entries, "branches": series}, {**data.keys, "branches": step.place})


class _Reader:
    def __init__(self, written: Written, registry: Registry):
        self._written = written
        self._report = written.report
        self._registry = registry
        self._reserved: set[str] = set()
        self._detached: list[WrittenNode] = []
        self._undoing: list[tuple[WrittenNode, Series]] = []

    def reserve(self, steps: Series) -> None:
        """Note every id that is written, so that made ones differ from them."""
        todo: list[Node] = [*steps.items]
        while todo:
            node = todo.pop()
            if isinstance(node, Branch):
                named = node.entries.get("id")
                if isinstance(named, Leaf):
                    self._reserved.add(named.text)
                todo += node.entries.values()
            elif isinstance(node, Series):
                todo += node.items

    def block(self, steps: Series, ends: list[_End] | None) -> list[_End]:
        """Read steps one after the other; what leads into the first are `ends` (None: the run begins there).
        Returns what leads on from the last."""
        first = ends is None
        open_ends = ends or []
        for item in steps.items:
            open_ends = self._item(item, open_ends, first)
            first = False
        return open_ends

    def undo(self) -> None:
        """Read the steps written under `compensate:`, which nothing leads to but a failure."""
        while self._undoing:
            node, steps = self._undoing.pop(0)
            before = len(self._written.nodes)
            self.block(steps, None)
            if len(self._written.nodes) > before:
                node.compensate = self._written.nodes[before].id

    def find_lost(self) -> None:
        """Steps behind an `end` or a `goto` that nothing leads to."""
        targets = {edge.target for edge in self._written.edges}
        targets |= {node.compensate for node in self._written.nodes}
        for node in self._detached:
            if node.id not in targets:
                self._report.add(node.place, "nothing leads to this step: what stands above it ends", node.id)

    # one step

    def _item(self, item: Node, ends: list[_End], first: bool) -> list[_End]:
        if isinstance(item, Leaf) and item.text == "end":
            return []
        if isinstance(item, Leaf) and item.text and item.text.replace("_", "").isalnum():
            named = Branch(item.place, {item.text: Leaf("", True, item.place)}, {item.text: item.place})
            return self._item(named, ends, first)
        if not isinstance(item, Branch) or not item.entries:
            self._report.add(item.place, "a step is a node type with its fields, such as `- send_message: {text: Hi}`")
            return ends
        step = self._sorted(item)
        if not step.types.entries and step.after.entries and not step.handles.entries:
            return self._leave(step, ends)
        node, kind = self._node(step)
        if node is None:
            return ends
        entry = kind is not None and kind.spec.entry
        if node.type == HANDLER:  # the steps above end here; what stands below is its own
            return self._ends(node, kind, step)
        if entry:
            return [*ends, *self._ends(node, kind, step)]
        self._join(ends, node.id, node.place)
        if not ends and not first:
            self._detached.append(node)
        return self._ends(node, kind, step)

    def _sorted(self, item: Branch) -> _Step:
        parts = [Branch(item.place) for _ in range(4)]
        types, options, handles, after = parts
        for key, value in item.entries.items():
            name = "output" if to_snake(key) == "output_variable" else to_snake(key)
            place = item.keys[key]
            if name in OPTIONS:
                into, key = options, name
            elif name in _AFTER:
                into, key = after, name
            elif name in _BRANCHES and isinstance(value, Branch):
                handles.entries.update(value.entries)
                handles.keys.update(value.keys)
                continue
            elif _is_way(value):
                into = handles
            else:
                into = types
            into.entries[key], into.keys[key] = value, place
        return _Step(item.place, types, options, handles, after)

    def _node(self, step: _Step) -> tuple[WrittenNode | None, NodeType | None]:
        names = list(step.types.entries)
        if "type" in names and len(set(names) - {"type", "data"}) == 0:  # written as a node of the full form
            leaf = step.types.entries["type"]
            type_name = leaf.text if isinstance(leaf, Leaf) else ""
            fields, key = step.types.entries.get("data"), "type"
        elif len(names) == 1:
            key = type_name = names[0]
            fields = step.types.entries[key]
        else:
            self._which(step, names)
            return None, None
        place = step.types.keys[key]
        type_name = known_type(type_name, self._registry)
        node_id = self._id(step, type_name)
        data = read_data(fields, place, self._report, node_id)
        type_name, data = handoff(type_name, data, self._registry)
        kind = self._registry.get(type_name)
        undo = step.options.entries.get("compensate")
        if isinstance(undo, Series):
            del step.options.entries["compensate"], step.options.keys["compensate"]
        if kind is not None:
            data = _with_branches(data, kind, step)
        node = finish(NodeParts(type_name, place, data, step.options), node_id, kind, self._report)
        self._written.nodes.append(node)
        if isinstance(undo, Series):
            self._undoing.append((node, undo))
        return node, kind

    def _which(self, step: _Step, names: list[str]) -> None:
        if not names:
            message, hint = "a step names a node type, such as `- send_message: {text: Hi}`", ""
        else:
            known = [name for name in names if known_type(name, self._registry) in self._registry]
            odd = next((name for name in names if name not in known), names[-1])
            message = f"a step has one node type, this one has {', '.join(names[:6])}"
            hint = nearest(odd, _KEYS) or "a second one begins with a dash of its own; steps of an edge are a list"
        self._report.add(step.place, message, "steps", hint=hint)

    def _id(self, step: _Step, type_name: str) -> str:
        leaf = step.options.entries.pop("id", None)
        if isinstance(leaf, Leaf) and check_id(leaf.text, leaf.place, self._report, "steps"):
            return leaf.text
        base = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in type_name)[:50] or "step"
        node_id, number = base, 1
        while node_id in self._reserved:
            number += 1
            node_id = f"{base}_{number}"
        self._reserved.add(node_id)
        return node_id

    # edges

    def _ends(self, node: WrittenNode, kind: NodeType | None, step: _Step) -> list[_End]:
        """Read the steps of the node's edges; returns what leads on from all of it."""
        handles = kind.handles(node.data) if kind is not None else {"default": ""}
        bodies = kind.bodies(node.data) if kind is not None else ()
        ends: list[_End] = []
        for handle, value in step.handles.entries.items():
            inner = self._branch(node, handle, value)
            if handle not in bodies:
                ends += inner
        usual = kind.spec.goes_on(handles) if kind is not None else ("default",)
        ends += [_End(node.id, h) for h in usual if h not in step.handles.entries and h not in bodies]
        return self._leave(step, ends) if step.after.entries else ends

    def _branch(self, node: WrittenNode, handle: str, value: Node) -> list[_End]:
        start = [_End(node.id, handle)]
        if isinstance(value, Series):
            return self.block(value, start)
        if not is_empty(value):
            return self._item(value, start, first=False)
        return start

    def _leave(self, step: _Step, ends: list[_End]) -> list[_End]:
        goto = step.after.entries.get("goto")
        if isinstance(goto, Leaf) and goto.text:
            self._join(ends, goto.text, goto.place)
            return []
        if goto is not None:
            self._report.add(step.after.keys["goto"], "`goto` takes the id of a step", "steps")
            return []
        end = step.after.entries["end"]
        return ends if isinstance(end, Leaf) and end.plain and end.text == "false" else []

    def _join(self, ends: list[_End], target: str, place: Place) -> None:
        self._written.edges += [WrittenEdge(end.source, target, end.handle, place) for end in ends]
