"""Workflows written in Python: the same graphs as in YAML, with completion and types.

    # workspace/workflows/refund.py
    from botkit.sdk.workflow import Workflow

    w = Workflow(description="Gives money back.")
    start = w.trigger(kind="message")
    gate = w.auth_gate(method="email")
    order = w.mcp_tool(tool="orders__get", arguments={"id": "{{ message.text }}"}, output="order")
    sorry = w.send_message(text="Then we cannot help you here.")

    start >> gate >> order >> w.send_message(text=f"It is {order.ref('data', 'status')}.")
    gate.on("failed", "timeout") >> sorry

The file is run once, by itself, to describe its graph; it never runs with a workflow. Nodes an operator wrote are
added with `w.node("their_type", field=…)`.
"""

from __future__ import annotations

__all__ = ["Edges", "Step", "Workflow"]

import inspect
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from botkit.sdk.workflow_nodes import UNSET, NodeMethods, Options

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
_HERE = Path(__file__).parent
_OPTIONS = tuple(name for name in Options.__annotations__ if name != "id")


class Step:
    """One node of the graph. `a >> b` leads from its usual edge to `b` and gives `b`, so that lines can be drawn."""

    def __init__(self, workflow: Workflow, node_id: str, output: str):
        self._workflow = workflow
        self.id = node_id
        self.output = output
        """The variable it writes."""

    def on(self, *handles: str) -> Edges:
        """Its edges of these names: `gate.on("failed", "timeout") >> sorry`."""
        return Edges(self._workflow, [(self, handle) for handle in handles])

    def ref(self, *path: str | int) -> str:
        """A template for what it writes: `order.ref("data", "total")` is `{{ order.data.total }}`."""
        inner = "".join(f".{part}" if str(part).isidentifier() else f"[{part!r}]" for part in path)
        return f"{{{{ {self.output}{inner} }}}}"

    def __or__(self, other: Step | Edges) -> Edges:
        return Edges(self._workflow, [(self, "")]) | other

    def __rshift__(self, target: Step | Iterable[Step]) -> Step:
        return Edges(self._workflow, [(self, "")]) >> target

    def __repr__(self) -> str:
        return f"<Step {self.id}>"


class Edges:
    """Edges that want a target; `|` takes several of them together: `(a | b.on("no")) >> c`."""

    def __init__(self, workflow: Workflow, ends: list[tuple[Step, str]]):
        self._workflow = workflow
        self._ends = ends

    def __or__(self, other: Step | Edges) -> Edges:
        more = other._ends if isinstance(other, Edges) else [(other, "")]
        return Edges(self._workflow, [*self._ends, *more])

    def __rshift__(self, target: Step | Iterable[Step]) -> Step:
        """Lead there; of several targets the last one is given back."""
        targets = [target] if isinstance(target, Step) else list(target)
        for source, handle in self._ends:
            for one in targets:
                self._workflow.edge(source, one, handle)
        return targets[-1]


class Workflow(NodeMethods):
    """A graph in the making. One file describes one.

    Args:
        name: for people; the file's name is what it is called elsewhere.
        inputs: JSON Schema of what it is started with, or short `{"order": "string"}`.
        reply: template of the answer at the end, when no node said anything.
        timeout_s: of working time; waiting for people does not count.
    """

    def __init__(
        self,
        name: str = "",
        *,
        description: str = "",
        inputs: Mapping[str, Any] | None = None,
        variables: Mapping[str, Any] | None = None,
        workspace: str = "",
        reply: str = "",
        max_nodes: int = 0,
        timeout_s: float = 0.0,
    ):
        settings = {
            "name": name,
            "description": description,
            "inputs": dict(inputs or {}),
            "variables": dict(variables or {}),
            "workspace": workspace,
            "reply": reply,
            "max_nodes": max_nodes,
            "timeout_s": timeout_s,
        }
        self._settings = {key: value for key, value in settings.items() if value}
        self._nodes: dict[str, dict[str, Any]] = {}
        self._edges: list[dict[str, Any]] = []

    def node(self, node_type: str, /, **fields: Any) -> Step:
        """Add a node of any type: its fields, and the options every node has (see `Options`).

        A field called like an option or a word of Python has an underscore behind it: `while_`, `retry_`.

        Raises:
            ValueError: the id is taken, or is none.
        """
        node_id = fields.pop("id", "") or self._free_id(node_type)
        if node_id in self._nodes:
            raise ValueError(f"another node is called {node_id}")
        if not _ID.fullmatch(node_id):
            raise ValueError(f"{node_id!r} is no id: letters, digits, underscores and hyphens")
        options = {name: fields.pop(name) for name in _OPTIONS if name in fields}
        if isinstance(undo := options.get("compensate"), Step):
            options["compensate"] = undo.id
        data = {name.rstrip("_"): value for name, value in fields.items() if value is not UNSET}
        written = {"id": node_id, "type": node_type, "data": data, "line": _line()}
        self._nodes[node_id] = {**written, **{key: value for key, value in options.items() if value}}
        return Step(self, node_id, options.get("output") or node_id)

    def edge(self, source: Step, target: Step, handle: str = "") -> None:
        """Lead from one node to another; without a handle from its usual edge."""
        written = {"source": source.id, "target": target.id, **({"handle": handle} if handle else {})}
        self._edges.append({**written, "line": _line()})

    def to_json(self) -> dict[str, Any]:
        """The full form, each node and edge with the `line` it was written on."""
        return {**self._settings, "nodes": list(self._nodes.values()), "edges": list(self._edges)}

    def _free_id(self, node_type: str) -> str:
        node_id, number = node_type, 1
        while node_id in self._nodes:
            number += 1
            node_id = f"{node_type}_{number}"
        return node_id


def _line() -> int:
    """Where the author's file called, 1-based; 0 when nobody's did."""
    frame = inspect.currentframe()
    while frame is not None:
        if Path(frame.f_code.co_filename).parent != _HERE:
            return frame.f_lineno
        frame = frame.f_back
    return 0
