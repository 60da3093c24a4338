"""One case, from its start to its end, its pause, or its failure."""

from __future__ import annotations

__all__ = ["Performance", "Rehearsal", "Spoken", "Told"]

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import msgspec

from botkit.agents.elicitation import elicit
from botkit.agents.loop import AgentLoop
from botkit.app.rehearsal.answers import Given, answers_of
from botkit.app.rehearsal.cases import Case
from botkit.app.rehearsal.memory import MemoryJournal, PassingClock
from botkit.app.rehearsal.mocked import Mocked, mocked
from botkit.app.rehearsal.mocks import Called, CaseActions, CaseHttp, CaseModel, CaseOutreach, CaseTools, Emitted, Later
from botkit.app.rehearsal.stage import CaseKnowledge, Stage
from botkit.app.workflow_running import bot_facts
from botkit.core.config import Config
from botkit.core.config.models.llm import OFFLINE_MODEL
from botkit.core.data import Data
from botkit.core.errors import ConfigError, NotFound, Problem
from botkit.core.events import Conversation
from botkit.core.journal import Claim, Emit, Journal, OpenRun, Run, Wait, Write
from botkit.core.live import LiveHub
from botkit.core.messages import OutMessage, Part
from botkit.core.notebook import MemoryNotes, Notebook
from botkit.core.redact import NoRedaction
from botkit.core.tools import Principal
from botkit.core.workflows import BotFacts, Visit, WorkflowOutcome, WorkflowTask
from botkit.runs.context import Paused, RunContext
from botkit.workflows.define import compile_workflow
from botkit.workflows.graph import Plan
from botkit.workflows.registry import builtin_registry
from botkit.workflows.runner import WorkflowRunner
from botkit.workflows.services import WorkflowServices

HERE = Conversation(channel="sandbox", room="rehearsal").key
_PASSING = ("timer", "retry", "schedule")
_ROUNDS = 1000
Told = Callable[[str, Visit, Mapping[str, Any]], None]
"""Told of each node: its path, what it did, the variables after it."""


class Spoken(Data, omit_defaults=False):
    text: str
    to: str = ""
    """Conversation key; empty in the conversation of the run."""


class Performance(Data, omit_defaults=False):
    """What came of a case."""

    state: str
    """`completed`, `failed`, `limit_reached`, `ignored` or `waiting`."""
    path: tuple[str, ...] = ()
    messages: tuple[Spoken, ...] = ()
    calls: tuple[Called, ...] = ()
    events: tuple[Emitted, ...] = ()
    """What it emitted; in a rehearsal nothing begins by it."""
    later: tuple[Later, ...] = ()
    """Messages it planned and did not take back, the next first; in a rehearsal they are not sent."""
    output: Any = None
    error: dict[str, Any] | None = None
    variables: dict[str, Any] = {}
    waits_at: str = ""
    """Node it waits at, with kind: nobody in the case answers."""
    waits_for: str = ""
    missing: tuple[str, ...] = ()
    """What the case has no answer for."""
    unused: tuple[str, ...] = ()
    """What the case answers and nobody asked."""


class Rehearsal:
    """A workflow in a world that a case describes. Nothing happens to the world outside.

    Args:
        stage: what is really done; None: no code is run and no file is read.

    Raises:
        ConfigError, NotFound: there is no such workflow, or it is not right.
    """

    def __init__(
        self,
        config: Config,
        case: Case,
        *,
        stage: Stage | None = None,
        told: Callable[[str, Visit, Mapping[str, Any]], None] | None = None,
    ):
        self._config = config
        self._case = case
        self._told = told
        self._clock = PassingClock(case.now)
        notes = MemoryNotes(self._clock)
        self._journal = MemoryJournal(notes=notes)
        self._model = CaseModel(case.models)
        self._tools = CaseTools(case.tools, stage.functions if stage is not None else None)
        self._http = CaseHttp(case.http)
        self._answers: deque[Given] = deque(answers_of(case.answers))
        self._variables: dict[str, Any] = {}
        self._actions = CaseActions(str(case.user.get("id") or "person"), case.user.get("tags") or ())
        self._outreach = CaseOutreach(config, self._journal)
        self._plans: dict[str, Plan] = {}
        graph = compile_workflow(config, case.workflow)
        if strange := sorted(set(case.nodes) - {node.id for node in graph.nodes}):
            raise ConfigError(f"the workflow {case.workflow} has no node `{strange[0]}`", (Problem("unknown node"),))
        self._plans[case.workflow] = Plan(mocked(graph, case.nodes))
        self._runner = WorkflowRunner(
            WorkflowServices(
                model=self._model,
                tools=self._tools,
                agent=AgentLoop(self._model, self._tools),
                messages=Unsent(),
                redactor=NoRedaction(),
                elicit=elicit,
                bot=self._bot,
                plan=self._plan,
                node_type=stage.node_type if stage is not None else builtin_registry().with_classes(Mocked).cls,
                http=self._http,
                actions=self._actions,
                outreach=self._outreach,
                sandbox=stage.sandbox if stage is not None else None,
                own=stage.own if stage is not None else None,
                knowledge=CaseKnowledge(stage) if stage is not None else None,
                notes=Notebook(notes, self._clock, NoRedaction()),
                watch=self._saw,
            )
        )
        self._run = self._run_row()

    async def run(self) -> Performance:
        """Everything up to the end, or to a question that the case does not answer."""
        task = self._task()
        for _ in range(_ROUNDS):
            outcome = await self._live(task)
            if outcome is not None:
                return self._performance(outcome.state, outcome)
            waiting = self._go_on()
            if waiting is not None:
                return self._performance("waiting", None, waiting)
        raise RuntimeError(f"the run of {self._case.workflow} waits again and again")

    async def _live(self, task: WorkflowTask) -> WorkflowOutcome | None:
        ctx = RunContext(
            journal=cast("Journal", self._journal),  # commits are all a run asks of it
            claim=Claim(lane=HERE, owner="rehearsal", epoch=0),
            open_run=OpenRun(run=self._run, steps=dict(self._journal.steps), waits=tuple(self._journal.waits.values())),
            clock=self._clock,
            live=LiveHub(),
        )
        try:
            outcome = await self._runner.run(ctx, task)
        except Paused:
            await ctx.commit()
            return None
        await ctx.commit()
        return outcome

    def _go_on(self) -> Wait | None:
        """End one wait; the one nobody ends when the case has no more answers."""
        waits = [wait for wait in self._journal.waits.values() if wait.state == "open"]
        asked = [wait for wait in waits if wait.kind not in _PASSING]
        if asked and self._answers:
            answer = self._answers[0]
            fitting = [wait for wait in asked if answer.node in ("", _node_of(wait))]
            if fitting:
                self._answers.popleft()
                self._end(fitting[0], answer)
                return None
        passing = sorted((wait for wait in waits if wait.kind in _PASSING), key=lambda wait: wait.expires_at)
        if passing:
            self._end(passing[0], Given(state="expired"))
            return None
        return waits[0]

    def _end(self, wait: Wait, given: Given) -> None:
        if given.state == "expired":
            self._clock.pass_to(wait.expires_at)
        by = given.by or ("reviewer" if wait.kind == "approval" else self._run.person_id)
        self._journal.waits[wait.key] = msgspec.structs.replace(
            wait,
            state=given.state,
            answer=given.answer if given.state == "answered" else None,
            decided_by=by if given.state == "answered" else "",
            decided_via="case",
            decided_at=self._clock.micros(),
        )

    def _performance(self, state: str, outcome: WorkflowOutcome | None, waiting: Wait | None = None) -> Performance:
        spoken = [Spoken(text=text, to="" if to == HERE else to) for text, to in self._journal.said]
        if outcome is not None and outcome.text:
            spoken.append(Spoken(text=outcome.text))
        visits = sorted(_visits(self._journal), key=lambda one: one[1].n)
        unused = [f"answers: {len(self._answers)} left"] if self._answers else []
        unused += [f"models: {self._model.left} left"] if self._model.left else []
        return Performance(
            state=state,
            path=tuple(path for path, _ in visits),
            messages=tuple(spoken),
            calls=tuple(self._tools.called),
            events=tuple(self._actions.events),
            later=tuple(self._outreach.later),
            output=outcome.output if outcome is not None else None,
            error=outcome.error if outcome is not None else None,
            variables=self._variables,
            waits_at=_node_of(waiting) if waiting is not None else "",
            waits_for=waiting.kind if waiting is not None else "",
            missing=(*self._tools.missing, *self._http.missing),
            unused=tuple(unused),
        )

    # ── the ports ────────────────────────────────────────────────────────────────────────────────────────

    def _saw(self, path: str, visit: Visit, variables: Mapping[str, Any]) -> None:
        if "/" not in path:
            self._variables = msgspec.to_builtins(dict(variables))
        if self._told is not None:
            self._told(path, visit, variables)

    async def _plan(self, revision: str, workflow: str) -> Plan:
        if workflow not in self._plans:
            self._plans[workflow] = Plan(mocked(compile_workflow(self._config, workflow), {}))
        return self._plans[workflow]

    async def _bot(self, revision: str, name: str) -> BotFacts:
        return bot_facts(self._config, name)

    # ── the run ──────────────────────────────────────────────────────────────────────────────────────────

    def _run_row(self) -> Run:
        kind = self._case.began.trigger["kind"]
        talks = kind == "message"
        return Run(
            id="run_rehearsal",
            lane=HERE,
            conversation=HERE if talks else "",
            channel="sandbox",
            bot="",
            person_id=str(self._case.user.get("id") or "person") if talks or kind == "event" else "",
            kind="workflow",
            session_id="ses_rehearsal",
            trace_id="trc_rehearsal",
            started_at=self._clock.micros(),
        )

    def _task(self) -> WorkflowTask:
        case, start, run = self._case, self._case.began, self._run
        workflow = self._config.workflows.get(case.workflow)
        if workflow is None:
            raise NotFound(f"there is no workflow called {case.workflow}")
        text, trigger = start.message or "", start.trigger
        user = {
            "id": run.person_id,
            "name": "Ada" if run.person_id else "",
            "roles": ["member"] if run.person_id else [],
            "tags": [],
            "locale": "en",
            "timezone": self._config.settings.timezone,
            **case.user,
        }
        place = Conversation.from_key(HERE) if run.conversation else Conversation(channel="", room="")
        return WorkflowTask(
            workflow=case.workflow,
            revision=self._config.revision,
            model="default" if "default" in self._config.models else OFFLINE_MODEL,
            workspace=workflow.workspace or "default",
            principal=Principal(id=run.person_id, roles=tuple(user["roles"])),
            trigger=trigger,
            variables={
                "message": {"text": text, "id": "m1", "attachments": []},
                "user": user,
                "conversation": {
                    "key": run.conversation,
                    "channel": place.channel,
                    "room": place.room,
                    "thread": "",
                    "kind": "dm",
                    "title": "",
                },
                "input": trigger.get("input") or {},
                **case.variables,
            },
            text=text,
            person_name=str(user["name"]),
            now=case.now,
            timezone=str(user["timezone"]),
            locale=str(user["locale"]),
            dry=True,
        )


class Unsent:
    """Implements `Messages`: what is said stays in the journal."""

    def writes(self, run: Run, ref: str, message: OutMessage, conversation: str) -> Sequence[Write]:
        place = Conversation.from_key(conversation or run.conversation or HERE)
        return [Emit(part=Part(id=f"{ref}.0", run_id=run.id, conversation=place, payload={}, text=message.text))]

    def kick(self, run: Run, conversation: str) -> None:
        return


def _visits(journal: MemoryJournal) -> list[tuple[str, Visit]]:
    from botkit.core.workflows import VISIT

    found = [step for step in journal.steps.values() if step.name.startswith(VISIT) and step.state == "done"]
    return [(step.key, msgspec.json.decode(step.result, type=Visit)) for step in found]


def _node_of(wait: Wait) -> str:
    return str(wait.payload.get("node") or wait.key.partition("/wait/")[0])
