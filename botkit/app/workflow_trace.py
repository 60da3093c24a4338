"""A run of a workflow as a tree: which node did what, how long it took, what it waited for, what became of it."""

from __future__ import annotations

__all__ = ["TraceNode", "WorkflowTrace", "trace_of"]

from collections.abc import Mapping
from typing import Any

import msgspec

from botkit.core.data import Data
from botkit.core.journal import OpenRun, Step, Wait
from botkit.core.workflows import VISIT, Visit
from botkit.workflows.trail import visits_of

_WAIT = "/wait/"
_OUTPUT_CHARS = 2000


class TracedWait(Data, omit_defaults=False):
    kind: str
    state: str
    seconds: float
    """Until it ended; so far when it is open."""
    by: str = ""
    via: str = ""


class TracedStep(Data, omit_defaults=False):
    key: str
    """Below the node."""
    name: str
    state: str
    ms: float


class TraceNode(Data, omit_defaults=False):
    """One visit, or one that has begun."""

    path: str
    node: str
    state: str
    """`done`, `failed` (it took its error edge), `waiting`, `begun`."""
    type: str = ""
    workflow: str = ""
    """Where another one was called."""
    handle: str = ""
    n: int = 0
    """Its place in the order in which nodes finished."""
    ms: float = 0.0
    """Of work, in the execution that finished it."""
    attempts: int = 0
    """Times it was tried again."""
    failures: tuple[str, ...] = ()
    """Why it was."""
    waits: tuple[TracedWait, ...] = ()
    steps: tuple[TracedStep, ...] = ()
    output: str = ""
    """JSON, cut where it is long."""
    error: dict[str, Any] | None = None
    said: tuple[str, ...] = ()
    tokens: int = 0
    children: tuple[TraceNode, ...] = ()
    """Nodes of its rounds, branches, or of the workflow it called."""


class WorkflowTrace(Data, omit_defaults=False):
    run_id: str
    workflow: str
    state: str
    waiting_for: str = ""
    error: dict[str, Any] | None = None
    started_at: int = 0
    ended_at: int = 0
    path: tuple[str, ...] = ()
    nodes: tuple[TraceNode, ...] = ()
    undone: tuple[str, ...] = ()
    """Nodes whose work was undone."""


def trace_of(run: OpenRun, now: int) -> WorkflowTrace:
    """The tree of a run.

    Args:
        now: microseconds, for waits that are open.
    """
    visits = dict(visits_of(run))
    own: dict[str, TraceNode] = {}
    order: list[str] = [*visits]
    for wait in run.waits:
        path = _visit_path(wait.key)
        if path not in visits and path not in order:
            order.append(path)
    for step in sorted(run.steps.values(), key=lambda step: step.started_at):
        path = _owner(step.key, order)
        if path is None and not step.name.startswith(VISIT) and "/" in step.key and not step.key.startswith("~"):
            order.append(_visit_path(step.key.rpartition("/")[0]))
    for path in order:
        own[path] = _node(path, visits.get(path), run, order, now)
    return WorkflowTrace(
        run_id=run.run.id,
        workflow=str(run.run.input.get("workflow") or ""),
        state=run.run.state,
        waiting_for=run.run.waiting_for,
        error=run.run.error,
        started_at=run.run.started_at,
        ended_at=run.run.ended_at,
        path=tuple(visits),
        nodes=_tree(own),
        undone=tuple((run.run.output or {}).get("compensated") or ()),
    )


def _visit_path(key: str) -> str:
    """`each/0/ask@1/wait/0` is of the visit `each/0/ask`."""
    head, _, last = key.partition(_WAIT)[0].rpartition("/")
    last = last.partition("@")[0]
    return f"{head}/{last}" if head else last


def _owner(key: str, paths: list[str]) -> str | None:
    """The visit a step belongs to: the longest path it stands below."""
    found = [path for path in paths if key.startswith((f"{path}/", f"{path}@"))]
    return max(found, key=len, default=None)


def _node(path: str, visit: Visit | None, run: OpenRun, paths: list[str], now: int) -> TraceNode:
    mine = [step for step in run.steps.values() if not step.name.startswith(VISIT) and _owner(step.key, paths) == path]
    waits = [wait for wait in run.waits if _visit_path(wait.key) == path]
    kinds = (step.name.removeprefix(VISIT) for step in run.steps.values() if step.key == path)
    failures = [step for step in mine if step.name == "failed"]
    waiting = any(wait.state == "open" for wait in waits)
    state = "waiting" if waiting else "begun"
    if visit is not None:
        state = "failed" if visit.error is not None else "done"
    return TraceNode(
        path=path,
        node=path.rpartition("/")[2],
        state=state,
        type=next(kinds, ""),
        workflow=visit.workflow if visit is not None else "",
        handle=visit.handle if visit is not None else "",
        n=visit.n if visit is not None else 0,
        ms=visit.ms if visit is not None else 0.0,
        attempts=visit.attempts if visit is not None else len(failures),
        failures=tuple(_failure(step) for step in sorted(failures, key=lambda step: step.key)),
        waits=tuple(_waited(wait, now) for wait in waits),
        steps=tuple(_step(step, path) for step in mine if step.name not in ("failed", "choice")),
        output=_cut(visit.output) if visit is not None and visit.output is not None else "",
        error=visit.error if visit is not None else None,
        said=visit.said if visit is not None else (),
        tokens=visit.usage.input_tokens + visit.usage.output_tokens if visit is not None else 0,
    )


def _failure(step: Step) -> str:
    error = msgspec.json.decode(step.result)
    return f"{error.get('code', '')}: {error.get('message', '')}" if isinstance(error, dict) else ""  # pyright: ignore[reportUnknownMemberType] - JSON


def _waited(wait: Wait, now: int) -> TracedWait:
    ended = wait.decided_at or now
    seconds = max(0.0, round((ended - wait.created_at) / 1e6, 3))
    return TracedWait(kind=wait.kind, state=wait.state, seconds=seconds, by=wait.decided_by, via=wait.decided_via)


def _step(step: Step, path: str) -> TracedStep:
    took = max(0, step.ended_at - step.started_at) / 1000 if step.ended_at else 0.0
    return TracedStep(key=step.key.removeprefix(path).lstrip("/"), name=step.name, state=step.state, ms=round(took, 1))


def _cut(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _OUTPUT_CHARS else f"{text[: _OUTPUT_CHARS - 1]}…"


def _tree(own: Mapping[str, TraceNode]) -> tuple[TraceNode, ...]:
    """Nodes below the nodes whose path they begin with, in the order in which they finished."""
    below: dict[str, list[str]] = {}
    for path in own:
        above = max((other for other in own if path.startswith(f"{other}/")), key=len, default="")
        below.setdefault(above, []).append(path)

    def made(path: str) -> TraceNode:
        children = tuple(made(child) for child in sorted(below.get(path, ()), key=lambda child: _place(own[child])))
        return msgspec.structs.replace(own[path], children=children)

    return tuple(made(path) for path in sorted(below.get("", ()), key=lambda path: _place(own[path])))


def _place(one: TraceNode) -> tuple[bool, int]:
    return one.n == 0, one.n
