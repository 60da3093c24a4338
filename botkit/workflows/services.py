"""What the nodes of botkit work with, beyond what every node may use."""

from __future__ import annotations

__all__ = ["AgentPort", "Messages", "RunsCode", "RunsOwnNodes", "WorkflowServices"]

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from botkit.core.agent import AgentOutcome, AgentTask, ReplySink
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
from botkit.core.workflows import BotFacts, Visit
from botkit.runs.calling import Elicit
from botkit.runs.context import RunContext
from botkit.sdk.nodes import Node, NodeContext, Outcome, Signal, Wait
from botkit.workflows.graph import Plan
from botkit.workflows.sandbox.pool import CodeRequest, CodeResult, Tools


class AgentPort(Protocol):
    async def run(self, ctx: RunContext, task: AgentTask, sink: ReplySink) -> AgentOutcome: ...


class RunsOwnNodes(Protocol):
    async def run(self, ctx: NodeContext, kind: str, data: Mapping[str, Any], signal: Signal | None) -> Outcome | Wait:
        """Run or resume a node of an operator.

        Raises:
            NodeFailed: as the node did, or because its process ended too often (`crashed`).
        """
        ...

    async def versions(self, types: Collection[str]) -> Mapping[str, str]:
        """Content hashes of those of these node types that are an operator's, as the files are now."""
        ...


class RunsCode(Protocol):
    async def run(self, request: CodeRequest, tools: Tools | None = None) -> CodeResult:
        """As `Sandbox.run` says."""
        ...


class Messages(Protocol):
    """Messages on their way to people."""

    def writes(self, run: Run, ref: str, message: OutMessage, conversation: str) -> Sequence[Write]:
        """The outbox rows and the transcript entry of a message.

        Args:
            ref: unique and stable: ids of the parts begin with it.
            conversation: key; that of the run when empty.

        Raises:
            NotFound: no such channel.
        """
        ...

    def kick(self, run: Run, conversation: str) -> None:
        """Deliver what was committed."""
        ...


@dataclass(frozen=True, slots=True)
class WorkflowServices:
    """The ports nodes are joined with by `app`."""

    model: Model
    tools: ToolPort
    agent: AgentPort
    messages: Messages
    redactor: Redactor
    elicit: Elicit
    """Asks a person what a tool wants to know."""
    bot: Callable[[str, str], Awaitable[BotFacts]]
    """The bot of (revision, name). Raises `NotFound`."""
    plan: Callable[[str, str], Awaitable[Plan]]
    """The graph of (revision, workflow). Raises `NotFound`."""
    node_type: Callable[[str], type[Node]]
    """Raises `NotFound`."""
    http: HttpPort | None = None
    """Requests of `http_request`; None: it is not available."""
    actions: WorkflowActions | None = None
    """What `action` does to people and conversations; None: only what needs none of it."""
    sandbox: RunsCode | None = None
    """Where `code_block` runs; None: it is not available."""
    own: RunsOwnNodes | None = None
    """Where nodes of the operator run; None: there are none."""
    notes: Notebook | None = None
    """Notes about people, conversations and teams; None: they are not available."""
    knowledge: KnowledgePort | None = None
    """Files to look things up in; None: there are none."""
    outreach: Outreach | None = None
    """People who did not just write, and messages for later; None: neither is possible."""
    watch: Callable[[str, Visit, Mapping[str, Any]], None] | None = None
    """Told of each node that finishes: its path, what it did, and all variables as its walk sees them then."""
    identity: IdentityDesk | None = None
    """Codes and links of `auth_gate`; None: nobody can be verified."""
