"""What the engine needs from the rest of the house."""

from __future__ import annotations

__all__ = ["Agent", "CallApprover", "Channels", "ConfigSource", "EngineStore", "Router", "Workflows"]

from typing import TYPE_CHECKING, Literal, Protocol

from botkit.core.agent import AgentOutcome, AgentTask, ReplySink
from botkit.core.call_approvals import CallApproval
from botkit.core.journal import Journal
from botkit.core.stores import FileStore, PairingStore, People, Records
from botkit.core.teams import Routed, RouteRequest
from botkit.core.workflows import WorkflowOutcome, WorkflowTask
from botkit.runs.context import RunContext
from botkit.sdk.adapter import Adapter

if TYPE_CHECKING:
    from botkit.core.config import Config


class ConfigSource(Protocol):
    """The revision that runs now, and older ones for runs that began under them."""

    @property
    def current(self) -> Config: ...

    async def get(self, revision: str) -> Config:
        """Falls back to the current one when that revision is not stored any more."""
        ...


class Channels(Protocol):
    """The platform accounts of this process."""

    def adapter(self, channel: str) -> Adapter | None:
        """The running adapter; None while the channel is off or starting."""
        ...

    def renderer(self, channel: str) -> Adapter:
        """The adapter, running or not: rendering is pure. Raises `NotFound`."""
        ...

    def policy(self, channel: str) -> Literal["hold", "resend"]:
        """What to do with a part that may or may not have arrived."""
        ...


class EngineStore(Protocol):
    @property
    def journal(self) -> Journal: ...

    @property
    def people(self) -> People: ...

    @property
    def pairing(self) -> PairingStore: ...

    @property
    def records(self) -> Records: ...

    @property
    def files(self) -> FileStore: ...


class Workflows(Protocol):
    async def plan_hash(self, revision: str, workflow: str) -> str:
        """What a run that begins now is pinned to. Raises `NotFound`."""
        ...

    async def run(self, ctx: RunContext, task: WorkflowTask) -> WorkflowOutcome:
        """Run a workflow to its end. Replayable.

        Raises:
            Paused, Stopped: as the step context says.
            StoreError: the run is tried again.
        """
        ...


class Router(Protocol):
    async def route(self, ctx: RunContext, key: str, request: RouteRequest) -> Routed:
        """Which member of a team answers. A journaled step."""
        ...


class Agent(Protocol):
    async def run(self, ctx: RunContext, task: AgentTask, sink: ReplySink) -> AgentOutcome:
        """Answer one message. Replayable: every effect is a step of `ctx`.

        Raises:
            Paused, Stopped: as the step context says.
            StoreError: the turn is tried again.
        """
        ...


class CallApprover(Protocol):
    """Where calls of MCP clients wait for a decision."""

    async def find(self, id_or_prefix: str) -> CallApproval | None: ...

    async def asker(self, approval: CallApproval) -> str:
        """The name of whoever called."""
        ...

    async def decide(self, approval_id: str, *, approved: bool, by: str, via: str, comment: str = "") -> CallApproval:
        """Approve or reject, once. Raises `NotFound` (or expired) and `Conflict` (decided before)."""
        ...
