"""The full form, and the JSON of other programs: every node and every edge by itself.

nodes:
  - {id: start, type: trigger}
  - {id: say, type: send_message, data: {text: "Hello {{ user.name }}"}, timeout_s: 20}
edges:
  - {source: start, target: say}
  - {source: say, target: sorry, handle: error}
"""

from __future__ import annotations

__all__ = ["read_full"]

from pydantic.alias_generators import to_snake

from botkit.core.config.locate import nearest
from botkit.core.config.tree import Branch, Leaf, Node, Place, Series, is_empty
from botkit.workflows.define.parts import OPTIONS, NodeParts, check_id, finish, handoff, known_type, read_data
from botkit.workflows.define.written import Written, WrittenEdge
from botkit.workflows.registry import Registry

_DRAWN = frozenset(
    {"position", "position_absolute", "width", "height", "selected", "dragging", "measured", "style", "class_name"}
    | {"source_position", "target_position", "parent_id", "parent_node", "extent", "z_index", "hidden", "draggable"}
    | {"selectable", "connectable", "deletable"}
)
"""Keys of drawing programs, without a meaning here."""
_DRAWN_EDGE = _DRAWN | {"id", "type", "label", "animated", "target_handle", "marker_end", "marker_start", "data"}
_EDGE = ("source", "target", "handle")


def read_full(written: Written, registry: Registry) -> None:
    """Read `nodes` and `edges` of `written.tree` into it."""
    for index, item in enumerate(_items(written, "nodes")):
        _node(written, registry, item, index)
    for index, item in enumerate(_items(written, "edges")):
        _edge(written, registry, item, index)


def _items(written: Written, key: str) -> list[Node]:
    node = written.tree.entries.get(key)
    if node is None or is_empty(node):
        return []
    if isinstance(node, Series):
        return node.items
    written.report.add(written.tree.keys[key], "must be a list of `- item` lines", key)
    return []


def _node(written: Written, registry: Registry, item: Node, index: int) -> None:
    report = written.report
    if not isinstance(item, Branch):
        report.add(item.place, "a node is a mapping with id and type", "nodes", index)
        return
    options, values = Branch(item.place), dict[str, Node]()
    for key, value in item.entries.items():
        name = "output" if to_snake(key) == "output_variable" else to_snake(key)
        if name in OPTIONS:
            options.entries[name], options.keys[name] = value, item.keys[key]
        elif name in ("type", "data"):
            values[name] = value
        elif name not in _DRAWN:
            hint = nearest(key, (*OPTIONS, "type", "data")) or "the fields of a node stand under `data`"
            report.add(item.keys[key], "unknown key", "nodes", index, key, hint=hint)
    node_id = _leaf(written, options.entries.pop("id", None), item.place, "id", index)
    type_name = _leaf(written, values.get("type"), item.place, "type", index)
    if not node_id or not type_name or not check_id(node_id, item.place, report, "nodes", index, "id"):
        return
    fields = read_data(values.get("data"), item.place, report, node_id)
    type_name, fields = handoff(known_type(type_name, registry), fields, registry)
    parts = NodeParts(type_name, item.place, fields, options)
    written.nodes.append(finish(parts, node_id, registry.get(type_name), report))


def _leaf(written: Written, node: Node | None, place: Place, key: str, index: int, of: str = "nodes") -> str:
    if node is None or is_empty(node):
        written.report.add(place, f"`{key}` is missing", of, index)
    elif not isinstance(node, Leaf):
        written.report.add(node.place, "must be text", of, index, key)
    else:
        return node.text
    return ""


def _edge(written: Written, registry: Registry, item: Node, index: int) -> None:
    report = written.report
    if not isinstance(item, Branch):
        report.add(item.place, "an edge is a mapping with source and target", "edges", index)
        return
    values: dict[str, Node] = {}
    for key, value in item.entries.items():
        name = to_snake(key)
        name = "handle" if name == "source_handle" else name
        if name in _EDGE:
            values[name] = value
        elif name not in _DRAWN_EDGE:
            report.add(item.keys[key], "unknown key", "edges", index, key, hint=nearest(key, _EDGE))
    source = _leaf(written, values.get("source"), item.place, "source", index, "edges")
    target = _leaf(written, values.get("target"), item.place, "target", index, "edges")
    handle = values.get("handle")
    named = "" if handle is None or is_empty(handle) else _leaf(written, handle, item.place, "handle", index, "edges")
    if source and target:
        written.edges.append(WrittenEdge(source, target, named or usual(written, registry, source), item.place))


def usual(written: Written, registry: Registry, source: str) -> str:
    """The handle of an edge that names none: the one that goes on, where there is one such."""
    node = next((node for node in written.nodes if node.id == source), None)
    kind = registry.get(node.type) if node is not None else None
    if node is None or kind is None:
        return "default"
    onward = kind.spec.goes_on(kind.handles(node.data))
    return onward[0] if len(onward) == 1 else "default"
