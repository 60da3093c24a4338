"""Workflows of an instance: the runner and its ports, made when the first run begins."""

from __future__ import annotations

__all__ = ["InstanceWorkflows", "bot_facts"]

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from botkit.agents.elicitation import elicit
from botkit.agents.loop import AgentLoop
from botkit.app.configs import ConfigBook
from botkit.app.guests import spawn_guest
from botkit.app.vault import ProcessVault
from botkit.core.errors import ConfigError, NotFound
from botkit.core.identity import IdentityDesk
from botkit.core.journal import Run, Write
from botkit.core.knowledge import KnowledgePort
from botkit.core.messages import OutMessage
from botkit.core.models import Model
from botkit.core.notebook import Notebook
from botkit.core.outbound import HttpPort
from botkit.core.outreach import Outreach
from botkit.core.redact import Redactor
from botkit.core.tools import ToolPort
from botkit.core.workflow_actions import WorkflowActions
from botkit.core.workflows import BotFacts, WorkflowOutcome, WorkflowTask
from botkit.engine.workflow_runs import OutgoingMessages
from botkit.runs.context import RunContext

if TYPE_CHECKING:
    from botkit.core.config import Config
    from botkit.workflows.graph import Plan
    from botkit.workflows.own.host import OwnNodes
    from botkit.workflows.runner import WorkflowRunner
    from botkit.workflows.sandbox.pool import Sandbox

_PLANS_REMEMBERED = 200


class InstanceWorkflows:
    """Fills the engine's port. Node types and the expression language are imported when they are first needed.

    Args:
        messages: the engine's, which is there once the engine is.
        actions: tags and events, for these workflows; None: there are none.
        vault: secrets of the requests that workflows send; None: they send none.
        http: given the client of these requests, whoever sends for it.
    """

    def __init__(
        self,
        *,
        configs: ConfigBook,
        model: Model,
        tools: ToolPort,
        agent: AgentLoop,
        redactor: Redactor,
        messages: Callable[[], OutgoingMessages],
        identity: IdentityDesk | None = None,
        vault: ProcessVault | None = None,
        notes: Notebook | None = None,
        knowledge: KnowledgePort | None = None,
        outreach: Outreach | None = None,
        http: Callable[[HttpPort], HttpPort] | None = None,
        actions: Callable[[InstanceWorkflows], WorkflowActions] | None = None,
    ):
        self._configs = configs
        self._model = model
        self._tools = tools
        self._agent = agent
        self._redactor = redactor
        self._messages = messages
        self._identity = identity
        self._vault = vault
        self._notes = notes
        self._knowledge = knowledge
        self._outreach = outreach
        self._http = http
        self._actions = actions(self) if actions is not None else None
        self._plans: OrderedDict[tuple[str, str], Plan] = OrderedDict()
        self._runner: WorkflowRunner | None = None
        self._sandbox: Sandbox | None = None
        self._own: OwnNodes | None = None

    async def plan_hash(self, revision: str, workflow: str) -> str:
        return (await self.plan(revision, workflow)).hash

    async def run(self, ctx: RunContext, task: WorkflowTask) -> WorkflowOutcome:
        if self._runner is None:
            self._runner = await asyncio.to_thread(self._make)
        return await self._runner.run(ctx, task)

    async def aclose(self) -> None:
        """End the processes that run code."""
        if self._sandbox is not None:
            await self._sandbox.close()
        if self._own is not None:
            await self._own.close()

    async def plan(self, revision: str, workflow: str) -> Plan:
        """The graph of a revision, compiled once. Raises `NotFound`."""
        config = await self._configs.get(revision)
        key = (config.revision, workflow)
        if key not in self._plans:
            if workflow not in config.workflows and not workflow.startswith("@"):
                raise NotFound(f"no workflow `{workflow}` in bots.yaml")

            def compiled() -> Plan:
                from botkit.app.synthetic import synthetic_graph
                from botkit.workflows.define import compile_workflow
                from botkit.workflows.graph import Plan

                made_up = workflow.startswith("@")
                return Plan(synthetic_graph(config, workflow) if made_up else compile_workflow(config, workflow))

            try:
                self._plans[key] = await asyncio.to_thread(compiled)
            except ConfigError as error:  # what an older version accepted
                raise NotFound(f"workflow `{workflow}` of that revision cannot be read any more: {error}") from error
        self._plans.move_to_end(key)
        while len(self._plans) > _PLANS_REMEMBERED:
            self._plans.popitem(last=False)
        return self._plans[key]

    async def bot(self, revision: str, name: str) -> BotFacts:
        """A bot of a revision, for those that ask it. Raises `NotFound`."""
        return bot_facts(await self._configs.get(revision), name)

    def _make(self) -> WorkflowRunner:
        from botkit.app.outbound import GuardedHttp
        from botkit.workflows.own.describing import nodes_folder
        from botkit.workflows.own.host import OwnNodes
        from botkit.workflows.own.proxy import node_types
        from botkit.workflows.runner import WorkflowRunner
        from botkit.workflows.sandbox.pool import Sandbox
        from botkit.workflows.services import WorkflowServices

        http: HttpPort | None = None
        if self._vault is not None:
            http = GuardedHttp(self._vault, private=lambda: self._configs.current.settings.http.allow_private)
        if http is not None and self._http is not None:
            http = self._http(http)
        folder = nodes_folder(self._configs.current.root.resolve())
        self._sandbox, self._own = Sandbox(spawn_guest), OwnNodes(spawn_guest, folder)
        return WorkflowRunner(
            WorkflowServices(
                model=self._model,
                tools=self._tools,
                agent=self._agent,
                messages=_Later(self._messages),
                redactor=self._redactor,
                elicit=elicit,
                bot=self.bot,
                plan=self.plan,
                node_type=node_types(folder),
                identity=self._identity,
                notes=self._notes,
                knowledge=self._knowledge,
                outreach=self._outreach,
                actions=self._actions,
                http=http,
                sandbox=self._sandbox,
                own=self._own,
            )
        )


def bot_facts(config: Config, name: str) -> BotFacts:
    """What others may know of a bot that they ask. Raises `NotFound`."""
    bot = config.bots.get(name)
    if bot is None or not bot.enabled:
        raise NotFound(f"no bot `{name}` in bots.yaml, or it is disabled")
    return BotFacts(
        bot=name,
        prompt=bot.prompt,
        model=bot.model,
        temperature=bot.temperature,
        workspace=bot.workspace,
        workflow=bot.workflow or "",
        max_iterations=bot.max_iterations,
        max_output_tokens=bot.max_output_tokens,
        max_turn_tokens=bot.max_turn_tokens or 0,
        max_cost_micros=int(bot.max_turn_cost.amount * 1_000_000) if bot.max_turn_cost else 0,
        timeout_s=bot.timeout_s,
    )


class _Later:
    """Messages of the engine, asked for when there is one to send."""

    def __init__(self, messages: Callable[[], OutgoingMessages]):
        self._messages = messages

    def writes(self, run: Run, ref: str, message: OutMessage, conversation: str) -> Sequence[Write]:
        return self._messages().writes(run, ref, message, conversation)

    def kick(self, run: Run, conversation: str) -> None:
        self._messages().kick(run, conversation)
