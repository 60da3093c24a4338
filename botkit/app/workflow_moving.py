"""Moving paused runs to the definition of now: what fits, what does not and why, and the write that does it.

A run goes on from what it journaled. So every node it finished has to be there still, with the same type, or under
the new name that somebody gives; the edge it took has to lead on; and the node it waits at has to be reached.
"""

from __future__ import annotations

__all__ = ["nodes_waits", "plan_move"]

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from botkit.app.moved import Moved
from botkit.core.data import encode
from botkit.core.journal import OpenRun, RenamedStep, RenamedWait, Repin, Wait
from botkit.core.workflows import VISIT, Visit
from botkit.workflows.graph import Graph, Plan
from botkit.workflows.pinning import PIN_KEY, PINNED, pin_key
from botkit.workflows.registry import Registry
from botkit.workflows.trail import visits_of

_CALLS = ("sub_workflow", "delegate_to_bot")
_BODIES = ("loop", "parallel")
_UNDO = "~"


def plan_move(
    opened: OpenRun,
    new: Graph,
    registry: Registry,
    *,
    revision: str,
    now: int,
    names: Mapping[str, str],
    other: Callable[[str], Graph | None],
    versions: Callable[[Graph], Mapping[str, str]] = lambda graph: {},
) -> tuple[Moved, Repin | None]:
    """Look at one run; the write, when it can be moved and has to be.

    Args:
        names: old → new id of nodes of the workflow itself.
        other: graphs of other workflows of now; None for one that is gone.
        versions: of the operator's node types that a graph uses, as their files are now.
    """
    run = opened.run
    moved = Moved(run_id=run.id, workflow=new.name, state="refused")
    if run.kind != "workflow" or run.state != "waiting":
        return msgspec.structs.replace(moved, reasons=(f"it is {run.state}: only runs that wait are moved",)), None
    plan = Plan(new)
    pins = list(_pins(opened, new, other, versions))
    same = run.input.get("graph_hash") == plan.hash and run.revision == revision
    if same and not names and not pins:
        return msgspec.structs.replace(moved, state="current"), None
    reasons = [*_finished(opened, plan, registry, names, other), *_open(opened, plan, registry, names)]
    steps, waits = _renamed(opened, new, names)
    for wait in waits:  # their ids stay, so nothing else may come to carry them
        old = wait.id.removeprefix(f"{run.id}/").partition("/")[0].partition("@")[0]
        reasons += [f"`{old}` is another node now, and a question of the run carries that name"] * (old in plan.nodes)
    known = {key for key in opened.steps if key not in {step.key for step in steps}}
    reasons += [f"`{step.to}` is the name of another step" for step in steps if step.to in known]
    paths = {wait.id: wait.key for wait in waits}
    asked = [wait for wait in opened.waits if wait.state == "open" and not wait.key.startswith(PIN_KEY)]
    at = [paths.get(wait.id, wait.key).partition("/wait/")[0] for wait in asked]
    moved = msgspec.structs.replace(
        moved,
        reasons=tuple(dict.fromkeys(reasons)),
        renamed=tuple(f"{old}={to}" for old, to in names.items()),
        waits_at=tuple(dict.fromkeys(at)),
    )
    if reasons:
        return moved, None
    pinned = {**run.input, "workflow": new.name, "graph_hash": plan.hash}
    write = Repin(
        run_id=run.id,
        lane=run.lane,
        was=run.revision,
        revision=revision,
        input=pinned,
        at=now,
        steps=(*steps, *pins),
        waits=waits,
    )
    return msgspec.structs.replace(moved, state="could be moved"), write


def nodes_waits(opened: OpenRun) -> list[Wait]:
    """Questions that a run asks because its nodes changed; moving it answers them."""
    return [wait for wait in opened.waits if wait.state == "open" and wait.key.startswith(PIN_KEY)]


def _pins(
    opened: OpenRun, new: Graph, other: Callable[[str], Graph | None], versions: Callable[[Graph], Mapping[str, str]]
) -> Iterator[RenamedStep]:
    """What the run notes of the operator's nodes, as they are now, where that is something else."""
    mine = str(opened.run.input.get("workflow") or "")
    for key, step in opened.steps.items():
        if step.name != PINNED:
            continue
        name = key.removeprefix(pin_key(""))
        graph = new if name == mine else other(name)
        now = encode(dict(versions(graph)) if graph is not None else {})
        if now != bytes(step.result):
            yield RenamedStep(key=key, to=key, result=msgspec.Raw(now))


def _finished(
    opened: OpenRun, plan: Plan, registry: Registry, names: Mapping[str, str], other: Callable[[str], Graph | None]
) -> Iterator[str]:
    types = {step.key: step.name.removeprefix(VISIT) for step in opened.steps.values() if step.name.startswith(VISIT)}
    nodes = {node.id: node for node in plan.graph.nodes}
    for old, to in names.items():
        if to not in nodes:
            yield f"`{old}={to}`: the workflow has no node `{to}`"
    if any(key.startswith(_UNDO) for key in opened.steps):
        yield "it is being undone after a failure"
    for path, visit in visits_of(opened):
        own = not visit.workflow or visit.workflow == plan.graph.name
        graph = plan.graph if own else other(visit.workflow)
        there = nodes if own else {node.id: node for node in graph.nodes} if graph is not None else {}
        name = names.get(visit.node, visit.node) if own else visit.node
        node = there.get(name)
        if node is None:
            where = "" if own else f" of {visit.workflow}"
            yield f"`{path}` was done, and node `{name}`{where} is not there any more"
        elif node.type != types[path]:
            yield f"`{path}` was done as `{types[path]}`, and `{name}` is a `{node.type}` now"
        elif visit.handle != "error" and node.type in registry and not _has_edge(registry, node, visit):
            yield f"`{path}` took the edge `{visit.handle}`, which `{name}` does not have any more"


def _has_edge(registry: Registry, node: Any, visit: Visit) -> bool:
    cls = registry[node.type].cls
    return cls is None or visit.handle in cls.handles_of(node.data)


def _open(opened: OpenRun, plan: Plan, registry: Registry, names: Mapping[str, str]) -> Iterator[str]:
    """Why an open wait would not be found again."""
    reached = _reached(opened, plan, names)
    for wait in opened.waits:
        if wait.state != "open" or wait.key.startswith(PIN_KEY):
            continue
        path = wait.key.partition("/wait/")[0]
        top = path.partition("/")[0].partition("@")[0]
        name = names.get(top, top)
        if name not in plan.nodes:
            yield f"it waits at `{path}`, and node `{name}` is not there any more"
        elif name not in reached:
            yield f"it waits at `{path}`, and no edge that was taken leads to `{name}` now"
        inner = _inner(path, plan.graph, names)
        if inner is not None and inner not in plan.nodes:
            yield f"it waits at `{path}`, and node `{inner}` is not there any more"
    for key, step in opened.steps.items():
        if step.state == "intent" and _rename(key, plan.graph, names) != key:
            yield f"nobody knows whether `{key}` happened: resolve it before its node gets another name"


def _reached(opened: OpenRun, plan: Plan, names: Mapping[str, str]) -> set[str]:
    """Nodes that the walk comes to: those that were done, and what their edges lead to."""
    top = [visit for path, visit in visits_of(opened) if "/" not in path]
    led = {edge.target for edge in plan.graph.edges}
    reached = {node.id for node in plan.graph.nodes if node.id not in led or node.type == "error_handler"}
    for visit in top:
        name = names.get(visit.node, visit.node)
        reached.update(plan.follow(name, visit.handle) if name in plan.nodes else ())
    new = [name for name in reached if name not in {names.get(visit.node, visit.node) for visit in top}]
    for name in new:  # nodes that are new, or not done yet, may lead there
        reached |= plan.ahead(name)
    return reached


def _inner(path: str, graph: Graph, names: Mapping[str, str]) -> str | None:
    """The node of this graph that a path below a loop or a branch ends at; None where it is of another workflow."""
    parts = path.split("/")
    types = {node.id: node.type for node in graph.nodes}
    index = 0
    while index + 2 < len(parts):
        name = names.get(parts[index].partition("@")[0], parts[index].partition("@")[0])
        if types.get(name) not in _BODIES:
            return None
        index += 2
    last = parts[index].partition("@")[0]
    return names.get(last, last) if index == len(parts) - 1 else None


def _rename(key: str, graph: Graph, names: Mapping[str, str]) -> str:
    """A key with the new names of its nodes; what stands below a called workflow keeps its names."""
    parts = key.split("/")
    types = {node.id: node.type for node in graph.nodes}
    index = 0
    while index < len(parts):
        name, at, attempt = parts[index].partition("@")
        to = names.get(name, name)
        parts[index] = f"{to}{at}{attempt}"
        if types.get(to) not in _BODIES:
            break
        index += 2
    return "/".join(parts)


def _renamed(
    opened: OpenRun, graph: Graph, names: Mapping[str, str]
) -> tuple[tuple[RenamedStep, ...], tuple[RenamedWait, ...]]:
    steps: list[RenamedStep] = []
    waits: list[RenamedWait] = []
    for key, step in opened.steps.items():
        to = _rename(key, graph, names)
        if to == key:
            continue
        result = step.result
        if step.name.startswith(VISIT):
            visit = msgspec.json.decode(result, type=Visit)
            if visit.node in names and not visit.workflow:
                result = msgspec.Raw(msgspec.json.encode(msgspec.structs.replace(visit, node=names[visit.node])))
        steps.append(RenamedStep(key=key, to=to, result=result))
    for wait in opened.waits:
        to = _rename(wait.key, graph, names)
        if to != wait.key:
            payload = dict(wait.payload)
            if payload.get("node") in names:
                payload["node"] = names[payload["node"]]
            waits.append(RenamedWait(id=wait.id, key=to, payload=payload))
    return tuple(steps), tuple(waits)
