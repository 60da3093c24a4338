"""Expressions and templates: what they say, and whether the variables they read can be there by then.

A variable can be there when something before the node writes it: a node that leads here, the start of the run,
or, inside a loop, any node of the same body, since an earlier round may have gone through it.
"""

from __future__ import annotations

__all__ = ["START", "check_variables"]

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, cast

from botkit.workflows.checks.texts import Found, texts_of
from botkit.workflows.define.compile import inputs_schema
from botkit.workflows.define.written import Written, WrittenNode
from botkit.workflows.expressions import ExpressionProblem, check_expression, check_fit, check_template
from botkit.workflows.graph import HANDLER
from botkit.workflows.registry import Registry
from botkit.workflows.specs import NodeSpec

Schema = Mapping[str, Any]
Known = dict[str, Schema | None]


def _record(**fields: str) -> Schema:
    return {"type": "object", "properties": {k: {"type": v} for k, v in fields.items()}, "additionalProperties": True}


START: Mapping[str, Schema] = {
    "message": _record(text="string", id="string", attachments="array"),
    "user": _record(id="string", name="string", roles="array", tags="array", locale="string", timezone="string"),
    "conversation": _record(key="string", channel="string", room="string", thread="string", kind="string"),
    "trigger": _record(kind="string", name="string"),
    "run": _record(id="string", workflow="string", started_at="string"),
    "error": _record(code="string", message="string", node="string"),
}
"""What every run begins with, and `error`, which is there after a failure."""
_ANY = "*"
_UNKNOWN = "there is no variable"


def check_variables(written: Written, registry: Registry) -> None:
    """Add every mistake of an expression or a template to `written.report`."""
    view = _View(written, registry)
    for node in written.nodes:
        kind = registry.get(node.type)
        known = view.known_at(node)
        for found in texts_of(node, kind.spec if kind is not None else None):
            _check(written, node, found, {**known, **view.inside(node, found)}, view)
    reply = written.tree.entries.get("reply")
    if reply is not None and isinstance(written.settings.get("reply"), str):
        for problem in check_template(str(written.settings["reply"]), view.everything):
            written.report.add(reply.place, problem.message, "reply", hint=problem.hint)


def _check(written: Written, node: WrittenNode, found: Found, known: Known, view: _View) -> None:
    if found.mark == "raw":
        return
    if found.mark == "expression":
        problems = check_expression(found.text, known)
    else:
        problems = check_template(found.text, known) or check_fit(found.text, known, found.wanted)
    for problem in problems:
        if not (_ANY in known and problem.message.startswith(_UNKNOWN)):
            hint = view.hint(problem, known)
            written.report.add(found.place, problem.message, node.id, *found.path, hint=hint)


class _View:
    def __init__(self, written: Written, registry: Registry):
        self._written = written
        self._registry = registry
        self._nodes = {node.id: node for node in written.nodes}
        self._out: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for edge in written.edges:
            self._out[edge.source].append((edge.handle, edge.target))
        self._start: dict[str, Schema | None] = dict(START)
        self._start["input"] = inputs_schema(written.settings.get("inputs")) or None
        variables = written.settings.get("variables")
        if isinstance(variables, Mapping):
            self._start |= dict.fromkeys(cast("Mapping[str, Any]", variables))
        self._regions = [region for node in written.nodes for region in self._regions_of(node)]
        self._before = self._ancestors()
        self.everything = self._with(self._start, self._nodes)

    def known_at(self, node: WrittenNode) -> Known:
        """The variables that may be there when this node runs."""
        before = self._before[node.id]
        known = self._with(self._start, before)
        for owner, names, inside in self._regions:
            if node.id in inside and owner != node.id:
                known.update(names)
        return known

    def inside(self, node: WrittenNode, found: Found) -> Known:
        """Names that an expression sees because its node gives them to it."""
        kind = self._registry.get(node.type)
        if kind is None or found.mark != "expression":
            return {}
        names = kind.names_in(str(found.path[0]), node.data)
        return {name: schema or None for name, schema in names.items()}

    def hint(self, problem: ExpressionProblem, known: Known) -> str:
        """Who writes the variable, when somebody does and too late."""
        name = problem.message.partition("`")[2].partition("`")[0]
        if problem.message.startswith(_UNKNOWN) and name not in known:
            writers = [node.id for node in self._nodes.values() if name in self._written_by(node)]
            if writers:
                return f"`{writers[0]}` writes it, and does not come before this node"
        return problem.hint

    def _with(self, start: Mapping[str, Schema | None], names: Any) -> Known:
        known = dict(start)
        for name in self._nodes:
            if name not in names:
                continue
            for variable, schema in self._written_by(self._nodes[name]).items():
                differs = variable in known and known[variable] != schema
                known[variable] = None if differs else schema
        return known

    def _written_by(self, node: WrittenNode) -> dict[str, Schema | None]:
        kind = self._registry.get(node.type)
        if kind is None:
            return {node.output or node.id: None, _ANY: None}
        written: dict[str, Schema | None] = {node.output or node.id: kind.spec.output or None}
        written |= {name: schema or None for name, schema in kind.writes(node.data).items()}
        return written

    def _regions_of(self, node: WrittenNode) -> list[tuple[str, dict[str, Schema | None], set[str]]]:
        """(the node that walks them, names that are there inside, the nodes inside) for each of its bodies."""
        kind = self._registry.get(node.type)
        if kind is None:
            return []
        names = _inside(node, kind.spec)
        return [
            (node.id, names, self._reached([t for h, t in self._out[node.id] if h == handle], node.id))
            for handle in kind.bodies(node.data)
        ]

    def _ancestors(self) -> dict[str, set[str]]:
        """Node → the nodes that may have run before it."""
        bodies: dict[str, set[str]] = defaultdict(set)
        for owner, _, inside in self._regions:
            bodies[owner] |= inside
        before: dict[str, set[str]] = {name: set() for name in self._nodes}
        for name in self._nodes:
            after = self._reached([target for _, target in self._out[name]], "")
            for other in after & before.keys():
                before[other].add(name)
        for name, ancestors in before.items():
            for owner in [one for one in ancestors if one in bodies and name not in bodies[one]]:
                ancestors |= bodies[owner]
        for owner, _, inside in self._regions:
            if self._repeats(self._nodes[owner]):
                for name in inside & before.keys():
                    before[name] |= inside
        anywhere = [node.id for node in self._written.nodes if node.type == HANDLER]
        anywhere += [node.compensate for node in self._written.nodes if node.compensate in self._nodes]
        for name in self._reached(anywhere, "") & before.keys():
            before[name] = set(self._nodes)
        return before

    def _repeats(self, node: WrittenNode) -> bool:
        """Whether its bodies are walked again and again; branches whose names are its fields are not."""
        kind = self._registry.get(node.type)
        return kind is not None and bool(kind.spec.bodies)

    def _reached(self, entries: list[str], around: str) -> set[str]:
        seen: set[str] = set()
        todo = [entry for entry in entries if entry != around]
        while todo:
            here = todo.pop()
            if here not in seen:
                seen.add(here)
                todo += [target for _, target in self._out[here] if target != around]
        return seen


def _inside(node: WrittenNode, spec: NodeSpec) -> dict[str, Schema | None]:
    """`item` and `index` of a loop; the first may have a name of its own."""
    if not spec.bodies:
        return {}
    item = node.data.get("item")
    return {item if isinstance(item, str) and item else "item": None, "index": {"type": "integer"}}
