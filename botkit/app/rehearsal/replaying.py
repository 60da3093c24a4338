"""A recorded run walked again through another graph: what was recorded stands for every effect, nothing is done.

Steps are found by their path, so a node that was renamed, or does something new, has nothing recorded: that is
reported, and its failure is walked on from.
"""

from __future__ import annotations

__all__ = ["Replayed", "replay_run"]

import dataclasses
import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import msgspec

from botkit.agents.elicitation import elicit
from botkit.agents.loop import AgentLoop
from botkit.app.guests import spawn_guest
from botkit.app.rehearsal.memory import MemoryJournal, PassingClock
from botkit.app.rehearsal.mocks import CaseModel, CaseTools
from botkit.app.rehearsal.perform import Unsent
from botkit.app.workflow_running import bot_facts
from botkit.core.clock import from_micros
from botkit.core.config import Config
from botkit.core.data import Data
from botkit.core.errors import NotFound
from botkit.core.journal import Claim, Journal, OpenRun, Step, Wait
from botkit.core.live import LiveHub
from botkit.core.redact import NoRedaction
from botkit.core.workflows import VISIT, BotFacts, Visit
from botkit.engine.effective import AS_BOT, effective
from botkit.engine.turn import conversation_of, input_of
from botkit.engine.workflow_runs import service_setting, workflow_task
from botkit.runs.context import Answer, Paused, RunContext, WaitSpec
from botkit.sdk.nodes import NodeFailed
from botkit.workflows.define import compile_workflow
from botkit.workflows.graph import Graph, Plan
from botkit.workflows.own.describing import nodes_folder
from botkit.workflows.own.host import OwnNodes
from botkit.workflows.own.proxy import node_types
from botkit.workflows.pinning import PINNED
from botkit.workflows.runner import WorkflowRunner
from botkit.workflows.services import WorkflowServices
from botkit.workflows.trail import node_at, visits_of

_TOOL = re.compile(r"^[a-z0-9-]+__\w+$")
_SAY, _UNDO = "say", "~"
_ANEW = (_SAY, PINNED)
"""Steps that the walk makes again: what is said, and which versions of own nodes it keeps to."""


class Replayed(Data, omit_defaults=False):
    """What another graph makes of a run."""

    run_id: str
    workflow: str
    same: bool
    state_before: str
    state_after: str
    path: tuple[str, ...] = ()
    """Differences as lines of a diff; empty when there are none. So are the next two."""
    messages: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """Steps that the graph wants and that the run did not record."""
    waits_at: str = ""
    error: dict[str, Any] | None = None


class _Facts(Data):
    path: tuple[str, ...]
    messages: tuple[str, ...]
    calls: tuple[str, ...]


async def replay_run(config: Config, opened: OpenRun, graph: Graph | None = None) -> Replayed:
    """Walk a run again.

    Args:
        config: where bots and other workflows come from.
        graph: in place of the configuration's.

    Raises:
        NotFound: it is no run of a workflow, or the workflow is gone.
        ConfigError: the workflow is not right.
    """
    name = str(opened.run.input.get("workflow") or "")
    if opened.run.kind != "workflow" or not name:
        raise NotFound(f"{opened.run.id} is not a run of a workflow")
    graph = graph or compile_workflow(config, name)
    journal, ctx = _context(opened)
    state, error, waits_at = "waiting", None, ""
    own = _OwnAsNow(spawn_guest, nodes_folder(config.root.resolve()))
    try:
        outcome = await _runner(config, name, graph, ctx, own).run(ctx, _task(config, opened))
        await ctx.commit()
        state, error = outcome.state, outcome.error
        text = outcome.text
    except Paused:
        await ctx.commit()
        waits_at = next((node_at(wait.key) for wait in journal.waits.values() if wait.state == "open"), "")
        text = ""
    finally:
        await own.close()
    before = _facts(opened.steps, opened.waits, "")
    reached = {key: step for key, step in journal.steps.items() if key in ctx.reached or step.name.startswith(VISIT)}
    after = _facts(reached, [wait for wait in journal.waits.values() if wait.key in ctx.reached], text)
    changes = [_changed(getattr(before, what), getattr(after, what)) for what in ("path", "messages", "calls")]
    was = "ignored" if "ignored" in (opened.run.output or {}) else opened.run.state
    return Replayed(
        run_id=opened.run.id,
        workflow=name,
        same=not any(changes) and not ctx.missing and was == state,
        state_before=was,
        state_after=state,
        path=changes[0],
        messages=changes[1],
        calls=changes[2],
        missing=tuple(ctx.missing),
        waits_at=waits_at,
        error=error,
    )


class _OwnAsNow(OwnNodes):
    """Nodes of the operator as their files are now: what an edit of them makes of the run is the question."""

    async def versions(self, types: Collection[str]) -> Mapping[str, str]:
        return {}


class _Recorded(RunContext):
    """A step context in which nothing is done that was not recorded, but saying."""

    def __init__(self, failures: Mapping[str, dict[str, Any]], **parts: Any):
        super().__init__(**parts)
        self._failures = failures
        self.tools = frozenset(step.name for step in parts["open_run"].steps.values() if _TOOL.match(step.name))
        """Tools that were called."""
        self.missing: list[str] = []
        self.reached: set[str] = set()
        """Keys of steps and waits that the walk came to."""

    async def step(self, key: str, run: Any, *, name: str = "", **more: Any) -> Any:
        self.reached.add(key)
        if name == _SAY or self.done(key):
            return await super().step(key, run, name=name, **more)
        for path, error in self._failures.items():
            if key.startswith((f"{path}/", f"{path}@")):  # it failed then, and its failure is what was recorded
                raise NodeFailed(str(error.get("message")), code=str(error.get("code")))
        self.missing.append(f"{key} ({name})" if name else key)
        raise NodeFailed(f"the run did not record `{key}`", code="not_recorded")

    async def wait(self, key: str, spec: WaitSpec) -> Answer:
        self.reached.add(key)
        return await super().wait(key, spec)


def _context(opened: OpenRun) -> tuple[MemoryJournal, _Recorded]:
    kept = {
        key: step
        for key, step in opened.steps.items()
        if step.state == "done"
        and step.name not in _ANEW
        and not step.name.startswith(VISIT)
        and not key.startswith(_UNDO)
    }
    failures = {path: visit.error for path, visit in visits_of(opened) if visit.error is not None}
    journal = MemoryJournal(kept, opened.waits)
    ctx = _Recorded(
        failures,
        journal=cast("Journal", journal),  # commits are all a run asks of it
        claim=Claim(lane=opened.run.lane, owner="replay", epoch=0),
        open_run=msgspec.structs.replace(opened, steps=kept),
        clock=PassingClock(from_micros(opened.run.started_at)),
        live=LiveHub(),
    )
    return journal, ctx


def _task(config: Config, opened: OpenRun) -> Any:
    run, turn = opened.run, input_of(opened.run)
    place = conversation_of(run)
    try:
        if turn.trigger.get("service"):
            this = service_setting(config, turn.workflow, turn.trigger)
        else:
            this = effective(config, place, route=run.bot)
    except NotFound:  # what began it is gone; the graph is what is looked at
        this = effective(config, place, route=f"{AS_BOT}{turn.workflow}")
    turn = msgspec.structs.replace(turn, graph_hash="")
    return workflow_task(run, turn, this, config, turn.roles, (), place)


def _runner(config: Config, name: str, graph: Graph, ctx: _Recorded, own: OwnNodes) -> WorkflowRunner:
    plans = {name: Plan(graph)}

    async def plan(revision: str, workflow: str) -> Plan:
        if workflow not in plans:
            plans[workflow] = Plan(compile_workflow(config, workflow))
        return plans[workflow]

    async def bot(revision: str, slug: str) -> BotFacts:
        return bot_facts(config, slug)

    tools = CaseTools(dict.fromkeys(ctx.tools, ""))
    model = CaseModel(())
    given: dict[str, Any] = {
        "model": model,
        "tools": tools,
        "agent": AgentLoop(model, tools),
        "messages": Unsent(),
        "redactor": NoRedaction(),
        "elicit": elicit,
        "bot": bot,
        "plan": plan,
        "node_type": node_types(nodes_folder(config.root.resolve())),
        "watch": None,
        "own": own,
    }
    for one in dataclasses.fields(WorkflowServices):
        given.setdefault(one.name, _Absent())
    return WorkflowRunner(WorkflowServices(**given))


class _Absent:
    """A service nobody reaches: what it did was recorded, or is missing."""

    def __getattr__(self, name: str) -> Any:
        raise NodeFailed(f"the run did not record what `{name}` gave", code="not_recorded")


def _facts(steps: Mapping[str, Step], waits: Sequence[Wait], text: str) -> _Facts:
    done = [step for step in steps.values() if step.state == "done"]
    visits = sorted(
        ((step.key, msgspec.json.decode(step.result, type=Visit)) for step in done if step.name.startswith(VISIT)),
        key=lambda one: one[1].n,
    )
    messages: list[str] = []
    for path, visit in visits:
        messages += _asked(path, waits)
        messages += visit.said
    seen = {path for path, _ in visits}
    messages += [asked for wait in waits if _path_of(wait) not in seen for asked in _asked(_path_of(wait), (wait,))]
    return _Facts(
        path=tuple(path if visit.handle == "default" else f"{path} → {visit.handle}" for path, visit in visits),
        messages=tuple([*messages, text] if text else messages),
        calls=tuple(f"{step.key}: {step.name}" for step in done if _TOOL.match(step.name)),
    )


def _asked(path: str, waits: Sequence[Wait]) -> list[str]:
    return [str(wait.payload["message"]) for wait in waits if _path_of(wait) == path and wait.payload.get("message")]


def _path_of(wait: Wait) -> str:
    head, _, last = wait.key.partition("/wait/")[0].rpartition("/")
    last = last.partition("@")[0]
    return f"{head}/{last}" if head else last


def _changed(before: Sequence[str], after: Sequence[str]) -> tuple[str, ...]:
    if list(before) == list(after):
        return ()
    return tuple(line for line in difflib.ndiff(list(before), list(after)) if not line.startswith("?"))
