"""A journal in memory for one run, which can die at any commit: what was committed stays, the rest is gone."""

from __future__ import annotations

__all__ = ["Died", "Effects", "MemoryRun"]

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import Any, cast

import msgspec

from botkit.agents.loop import AgentLoop
from botkit.core.clock import from_micros
from botkit.core.errors import Conflict, NotFound
from botkit.core.events import Conversation
from botkit.core.journal import (
    AddUsage,
    Claim,
    CloseWait,
    Committed,
    DropTimer,
    Emit,
    Intent,
    LogCall,
    OpenRun,
    OpenWait,
    Run,
    Step,
    StepDone,
    Wait,
    Write,
)
from botkit.core.live import LiveHub
from botkit.core.messages import OutMessage, Part
from botkit.core.notebook import MemoryNotes, Notebook
from botkit.core.notes import DropNotes, PutNote
from botkit.core.redact import NoRedaction
from botkit.core.tools import Principal
from botkit.core.workflows import BotFacts, WorkflowOutcome, WorkflowTask
from botkit.runs.context import Paused, RunContext
from botkit.sdk.nodes import Node
from botkit.testing.clock import ManualClock
from botkit.testing.models import ScriptedModel
from botkit.testing.tools import FakeTools
from botkit.workflows.graph import Graph, Plan
from botkit.workflows.registry import Registry, builtin_registry
from botkit.workflows.runner import WorkflowRunner
from botkit.workflows.services import WorkflowServices


class Died(BaseException):
    """The process was killed here."""


class Effects:
    """The world outside: how often each thing was done to it."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.order: list[str] = []

    def do(self, name: str) -> None:
        self.done[name] += 1
        self.order.append(name)


class MemoryRun:
    """One run of one graph, over any number of lives of its process."""

    def __init__(
        self,
        graph: Graph,
        *,
        nodes: Sequence[type[Node]] = (),
        others: dict[str, Graph] | None = None,
        variables: dict[str, Any] | None = None,
        trigger: dict[str, Any] | None = None,
        answers: Sequence[Any] = (),
    ):
        self.clock = ManualClock()
        self.notes = MemoryNotes(self.clock)
        self.effects = Effects()
        self.steps: dict[str, Step] = {}
        self.waits: dict[str, Wait] = {}
        self.sent: dict[str, Part] = {}
        self.usage: list[AddUsage] = []
        self.commits = 0
        self.die_at = 0
        """Number of the commit, counted over all lives, at which the process dies; 0: never."""
        self.die_after_commit = False
        self._dead = False
        self.tools = FakeTools()
        self.bots: dict[str, BotFacts] = {}
        self.model = ScriptedModel(*answers)
        registry = _registry(tuple(nodes))
        plans = {graph.name: Plan(graph), **{name: Plan(other) for name, other in (others or {}).items()}}
        self.run_row = Run(
            id="run_1",
            lane="fake:room:",
            conversation="fake:room:",
            channel="fake",
            bot="desk",
            person_id="ada",
            kind="workflow",
            session_id="ses_1",
            trace_id="trc_1",
            started_at=self.clock.micros(),
        )
        self.task = WorkflowTask(
            workflow=graph.name,
            revision="rev",
            bot="desk",
            model="scripted/model",
            workspace="default",
            principal=Principal(id="ada", roles=("member",), bot="desk"),
            trigger=trigger or {"kind": "message", "text": "hello"},
            variables={"message": {"text": "hello"}, **(variables or {})},
            text="hello",
            now=from_micros(self.clock.micros()),
        )

        async def plan(revision: str, workflow: str) -> Plan:
            if workflow not in plans:
                raise NotFound(f"no workflow `{workflow}`")
            return plans[workflow]

        async def bot(revision: str, name: str) -> BotFacts:
            if name not in self.bots:
                raise NotFound(f"no bot `{name}`")
            return self.bots[name]

        async def elicit(*args: Any, **more: Any) -> dict[str, Any] | None:
            return None

        self.services = WorkflowServices(
            model=self.model,
            tools=self.tools,
            agent=AgentLoop(self.model, self.tools),
            messages=_Messages(),
            redactor=NoRedaction(),
            elicit=elicit,
            bot=bot,
            plan=plan,
            node_type=registry.cls,
            notes=Notebook(self.notes, self.clock, NoRedaction()),
        )

    # ── the journal, as far as a run context uses it ─────────────────────────────────────────────────────

    async def commit(
        self, claim: Claim | None, writes: Sequence[Write], *, release: bool = False, send: str = ""
    ) -> Committed:
        await asyncio.sleep(0)
        if self._dead:  # what another branch still tries, nobody does
            raise Died
        self.commits += 1
        dies = self._dead = bool(self.die_at) and self.commits == self.die_at
        if dies and not self.die_after_commit:
            raise Died
        for write in writes:
            self._apply(write)
        if dies:
            raise Died
        return Committed()

    def _apply(self, write: Write) -> None:
        match write:
            case StepDone():
                if write.key in self.steps and self.steps[write.key].state == "done":
                    raise Conflict(f"step {write.key} was done twice")
                self.steps[write.key] = Step(
                    run_id=write.run_id, key=write.key, name=write.name, result=write.result, state="done"
                )
            case Intent():
                self.steps[write.key] = Step(run_id=write.run_id, key=write.key, name=write.name, state="intent")
            case OpenWait():
                self.waits.setdefault(write.wait.key, write.wait)
            case CloseWait():
                found = next(wait for wait in self.waits.values() if wait.id == write.wait_id)
                if found.state != "open":
                    raise Conflict("decided before")
                self.waits[found.key] = msgspec.structs.replace(found, state=write.state, answer=write.answer)
            case Emit():
                self.sent.setdefault(write.part.id, write.part)
            case AddUsage():
                self.usage.append(write)
            case PutNote() | DropNotes():
                self.notes.apply(write)
            case LogCall() | DropTimer():
                pass
            case _:
                raise AssertionError(f"a run does not write {type(write).__name__}")

    # ── lives ────────────────────────────────────────────────────────────────────────────────────────────

    async def live(self) -> WorkflowOutcome | None:
        """One execution, from the journal to the end, the pause (None), or death (`Died`)."""
        self._dead = False
        ctx = RunContext(
            journal=cast("Any", self),
            claim=Claim(lane="fake:room:", owner="test", epoch=1),
            open_run=OpenRun(run=self.run_row, steps=dict(self.steps), waits=tuple(self.waits.values())),
            clock=self.clock,
            live=LiveHub(),
        )
        try:
            outcome = await WorkflowRunner(self.services).run(ctx, self.task)
        except Paused:
            await ctx.commit()
            return None
        await ctx.commit()
        return outcome

    async def finish(self, answer: Callable[[Wait], dict[str, Any] | None] | None = None) -> WorkflowOutcome:
        """Live until the end, over deaths and pauses. Timers pass at once; other waits are answered by `answer`."""
        for _ in range(500):
            try:
                outcome = await self.live()
            except Died:
                continue
            if outcome is not None:
                return outcome
            self.decide(answer)
        raise AssertionError("the run does not end")

    def decide(self, answer: Callable[[Wait], dict[str, Any] | None] | None = None) -> None:
        """The first open wait ends: by its time, or as `answer` says (None: it expires)."""
        wait = next(wait for wait in self.waits.values() if wait.state == "open")
        given = answer(wait) if answer is not None and wait.kind not in ("timer", "retry", "schedule") else None
        state = "answered" if given is not None else "expired"
        self.waits[wait.key] = msgspec.structs.replace(wait, state=state, answer=given)


@cache
def _registry(nodes: tuple[type[Node], ...]) -> Registry:
    return builtin_registry().with_classes(*nodes)


class _Messages:
    def writes(self, run: Run, ref: str, message: OutMessage, conversation: str) -> Sequence[Write]:
        place = Conversation.from_key(conversation or run.conversation)
        part = Part(id=f"{ref}.0", run_id=run.id, conversation=place, payload={}, text=message.text)
        return [Emit(part=part)]

    def kick(self, run: Run, conversation: str) -> None:
        return


Work = Callable[[], Awaitable[Any]]
