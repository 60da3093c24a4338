"""What a node sees: `NodeContext` for everybody, and for botkit's own nodes the services and walks besides."""

from __future__ import annotations

__all__ = ["NodeRun"]

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec
import structlog

from botkit.core.allowance import Allowance
from botkit.core.clock import from_micros
from botkit.core.errors import NotFound
from botkit.core.messages import OutMessage
from botkit.core.models import Usage
from botkit.core.tools import Principal
from botkit.core.workflows import WorkflowTask
from botkit.runs.calling import Made, ToolCalls
from botkit.runs.context import RunContext, StepScope
from botkit.runs.stopping import StopSignal
from botkit.sdk.nodes import ModelAnswer, NodeFailed, RunFacts, StepHandle, ToolAnswer
from botkit.workflows import expressions
from botkit.workflows.graph import GraphNode, Plan
from botkit.workflows.guarding import guarded_message
from botkit.workflows.machine import Machine, Walk
from botkit.workflows.models import ask
from botkit.workflows.pinning import hold_version, note_versions
from botkit.workflows.scope import Scope
from botkit.workflows.services import WorkflowServices

_log = structlog.get_logger("botkit.workflows")
_INPUT_EXPIRES_S = 15 * 60.0
_CHOICE = "choice"

T = TypeVar("T")


class NodeRun:
    """One attempt of one node."""

    def __init__(self, machine: Machine, walk: Walk, node: GraphNode, base: str, attempt: int, stop: StopSignal):
        self._machine = machine
        self._walk = walk
        self.node = node
        self.attempt = attempt
        self.path = base
        """Path of this attempt; keys of its steps begin with it."""
        self.stop = stop
        self.ctx: RunContext = machine.ctx.under(f"{base}/", stop)
        """The run context of the steps below this node."""
        self.usage = Usage()
        self.said: list[str] = []

    # ── facts ────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def node_id(self) -> str:
        return self.node.id

    @property
    def task(self) -> WorkflowTask:
        return self._walk.task

    @property
    def services(self) -> WorkflowServices:
        return self._machine.services

    @property
    def workspace(self) -> str:
        return self.task.workspace or self._walk.plan.graph.workspace

    @property
    def principal(self) -> Principal:
        """On whose behalf this node acts, with what the run has read from others."""
        return msgspec.structs.replace(self.task.principal, taint=self._machine.taint.now)

    @property
    def left(self) -> Allowance:
        """What this run has left of money and tokens."""
        return self._machine.left

    def has_read(self, *sources: str) -> None:
        """Note that this node brought content that others wrote (`botkit.core.taint`)."""
        self._machine.taint.read(self.path, sources)

    @property
    def busy(self) -> bool:
        """Whether a step is under way, in this node or inside of it, that must not be cut off."""
        return self._machine.ctx.under_way(f"{self.path}/")

    @property
    def run(self) -> RunFacts:
        run, task = self._machine.ctx.run, self.task
        return RunFacts(
            id=run.id,
            trace_id=run.trace_id,
            workflow=task.workflow,
            bot=run.bot,
            channel=run.channel,
            conversation=run.conversation,
            person_id=run.person_id,
            session_id=run.session_id,
            workspace=self.workspace,
            started_at=from_micros(run.started_at),
            timezone=task.timezone,
            locale=task.locale,
            dry=task.dry,
        )

    @property
    def variables(self) -> Mapping[str, Any]:
        return self._walk.scope.view()

    def now(self) -> datetime:
        return self._machine.ctx.clock.now()

    def evaluate(self, expression: str, **extra: Any) -> Any:
        variables = self._walk.scope.view()
        return expressions.evaluate(expression, variables.new_child(extra) if extra else variables)

    def render(self, template: str, **extra: Any) -> Any:
        variables = self._walk.scope.view()
        return expressions.render(template, variables.new_child(extra) if extra else variables)

    def note(self, text: str, **facts: Any) -> None:
        run = self._machine.ctx.run
        _log.info("workflow_note", run=run.id, node=self.path, text=text, **facts)

    # ── effects ──────────────────────────────────────────────────────────────────────────────────────────

    async def step(
        self, name: str, run: Callable[[StepHandle], Awaitable[T]], *, kind: type[T] | Any = Any, once: bool = False
    ) -> T:
        return await self.scoped(name, run, kind=kind, once=once, resolve=lambda decided: _found_out(decided, kind))

    async def scoped(
        self,
        name: str,
        run: Callable[[StepScope], Awaitable[T]],
        *,
        kind: type[T] | Any = Any,
        once: bool = False,
        resolve: Callable[[dict[str, Any]], T] | None = None,
    ) -> T:
        """`step` for botkit's own nodes: `scope.write` adds rows to the commit of the step."""
        return await self.ctx.step(name, run, kind=kind, name=f"{self.node.type}.{name}", once=once, resolve=resolve)

    async def say(self, name: str, message: OutMessage | str, *, to: str = "") -> str:
        said = OutMessage(text=message) if isinstance(message, str) else message
        said = msgspec.structs.replace(said, text=self.services.redactor.text(said.text))
        said = await guarded_message(self, name, said)
        run, messages = self._machine.ctx.run, self.services.messages
        if not to and not run.conversation:
            raise NodeFailed("nobody talks in this run: name a channel and a room", code="no_conversation")
        ref = f"{run.id}/{self.path}/{name}"

        async def put(scope: StepScope) -> str:
            try:
                scope.write(*messages.writes(run, ref, said, to))
            except NotFound as error:
                raise NodeFailed(str(error), code="no_channel") from error
            return f"{ref}.0"

        part = await self.ctx.step(name, put, kind=str, name="say")
        if not to or to == run.conversation:
            self.said.append(said.text)
        messages.kick(run, to or run.conversation)
        return part

    async def call_tool(
        self, name: str, tool: str, arguments: Mapping[str, Any], *, timeout_s: float = 0.0
    ) -> ToolAnswer:
        principal = self.principal
        calls = ToolCalls(
            self.ctx,
            self.services.tools,
            workspace=self.workspace,
            principal=principal,
            elicit=self.services.elicit,
            input_expires_s=_INPUT_EXPIRES_S,
        )
        found = await self.services.tools.find_tool(self.workspace, principal, tool)
        made = await calls.make(name, tool, dict(arguments), found, timeout_s=timeout_s)
        if made.result is not None and made.result.taint:
            self.has_read(made.result.taint)
        return _tool_answer(made)

    async def ask_model(
        self,
        name: str,
        prompt: str,
        *,
        system: str = "",
        model: str = "",
        schema: Mapping[str, Any] | None = None,
        temperature: float | None = None,
        max_output_tokens: int = 0,
        timeout_s: float = 60.0,
        files: bool = False,
    ) -> ModelAnswer:
        answer, usage = await ask(
            self,
            name,
            prompt,
            system=system,
            model=model or self.task.model,
            schema=schema,
            temperature=temperature,
            max_output_tokens=max_output_tokens or 2048,
            timeout_s=timeout_s,
            files=self.task.attachments if files else (),
        )
        self.usage += usage
        return answer

    # ── for nodes that hold others ───────────────────────────────────────────────────────────────────────

    @property
    def depth(self) -> int:
        """How many workflows this one is inside of."""
        return self._walk.depth

    def remember(self, name: str, value: str) -> None:
        """Note a choice of this node that a replay must make again."""
        self.ctx.record(name, _CHOICE, value)

    def remembered(self, name: str) -> str | None:
        raw = next((raw for key, raw in self.ctx.results(_CHOICE) if key == name), None)
        return msgspec.json.decode(raw, type=str) if raw is not None else None

    async def hold_version(self) -> None:
        """Go on only as the node the run began with, where an operator wrote it."""
        workflow = self._walk.workflow or self.task.workflow
        await hold_version(self._machine.ctx, self.services, workflow, self.node)

    def scope(self) -> Scope:
        """Variables of the nodes inside; what they write is `Scope.written`."""
        return Scope(self._walk.scope)

    def entries(self, handle: str) -> list[str]:
        """What hangs on one of this node's edges."""
        return self._walk.plan.follow(self.node.id, handle)

    async def walk(self, handle: str, key: str, scope: Scope, stop: StopSignal | None = None) -> Any:
        """Do everything that hangs on one of this node's edges and does not lead out of it; the output of the
        node that finished last."""
        above = self._walk
        walk = Walk(
            self._machine,
            above.plan,
            f"{self.path}/{key}/",
            scope,
            stop or self.stop,
            region=above.plan.region(self.node.id, handle),
            workflow=above.workflow,
            depth=above.depth,
            task=above.task,
        )
        await walk.run(self.entries(handle))
        return walk.last.output if walk.last is not None else None

    async def walk_graph(
        self, workflow: str, plan: Plan, scope: Scope, entries: list[str], task: WorkflowTask | None = None
    ) -> Any:
        """Do another graph inside this run; for another bot, with its task."""
        await note_versions(self._machine.ctx, self.services, workflow, plan.graph)
        walk = Walk(
            self._machine,
            plan,
            f"{self.path}/",
            scope,
            self.stop,
            workflow=workflow,
            depth=self._walk.depth + 1,
            task=task or self.task,
        )
        await walk.run(entries)
        return walk.last.output if walk.last is not None else None


def _found_out(decided: Mapping[str, Any], kind: Any) -> Any:
    """An operator's word on a step whose end was lost, as its result."""
    if decided.get("action") != "result":
        raise NodeFailed(str(decided.get("message") or "It did not happen."), code="not_done")
    try:
        return msgspec.convert(decided.get("result"), kind)
    except msgspec.ValidationError as error:
        raise NodeFailed(f"the result an operator gave does not fit: {error}", code="not_done") from error


def _tool_answer(made: Made) -> ToolAnswer:
    if made.result is None:
        return ToolAnswer(text=made.text, is_error=True, declined=True)
    content = made.result.content
    data = content.get("structuredContent")
    if data is None:
        try:
            data = msgspec.json.decode(made.text)
        except msgspec.DecodeError:
            data = None
    return ToolAnswer(text=made.text, data=data, is_error=made.result.is_error, content=content)
