"""One instance, joined: what operations, the page and the HTTP routes work on."""

from __future__ import annotations

__all__ = ["Instance"]

import asyncio
from dataclasses import dataclass, field

import structlog

from botkit.agents.loop import AgentLoop
from botkit.agents.models import Models
from botkit.agents.team_router import TeamRouter
from botkit.app.approval_mail import DecisionLinks
from botkit.app.budgets import BudgetDesk
from botkit.app.channels import ChannelManager
from botkit.app.configs import ConfigBook
from botkit.app.delivery import Deliveries
from botkit.app.environment import Environment
from botkit.app.home import Home
from botkit.app.http.metrics import Metrics
from botkit.app.http.shared_files import FileLinks
from botkit.app.identity_desk import Codes
from botkit.app.knowledge import Library
from botkit.app.names import Mode
from botkit.app.tasks import TaskOwner
from botkit.app.vault import ProcessVault
from botkit.app.workflow_running import InstanceWorkflows
from botkit.core.clock import Clock
from botkit.core.journal import AddAudit, Audit
from botkit.core.live import LiveHub
from botkit.core.notebook import Notebook
from botkit.core.stores import CallLog
from botkit.engine import Engine
from botkit.gateway.access.desk import AccessDesk
from botkit.gateway.approvals import CallDesk
from botkit.gateway.connect import Connections
from botkit.gateway.keys import KeyProvider
from botkit.gateway.payloads import PayloadBook
from botkit.gateway.pipeline import Gateway
from botkit.gateway.redact import SecretRedactor
from botkit.store.open import Store

_log = structlog.get_logger("botkit.app")


@dataclass
class Instance:
    """Made by `botkit.app.runtime.open_instance`; everything in it lives as long as that block."""

    mode: Mode
    environment: Environment
    home: Home
    clock: Clock
    tasks: TaskOwner
    store: Store
    configs: ConfigBook
    keys: KeyProvider
    vault: ProcessVault
    payloads: PayloadBook
    """What calls carried, in workspaces that record it."""
    redactor: SecretRedactor
    gateway: Gateway
    access: AccessDesk
    """Members and their tokens; `access.gate` is the `Authenticator` of the workspaces' doors."""
    call_desk: CallDesk
    """Approvals of single calls of members."""
    live: LiveHub
    models: Models
    agent: AgentLoop
    router: TeamRouter
    engine: Engine
    channels: ChannelManager
    metrics: Metrics
    call_log: CallLog
    """For calls that belong to no run; counts them too."""
    file_links: FileLinks
    connections: Connections
    budgets: BudgetDesk
    codes: Codes
    """Codes and links of `auth_gate`."""
    deliveries: Deliveries
    """Ways out for mail and short messages."""
    decision_links: DecisionLinks
    """Behind which approvers decide who were asked by mail."""
    library: Library
    """What bots can look up."""
    notebook: Notebook
    """What bots keep in mind."""
    workflows: InstanceWorkflows
    url: str = ""
    """Of the page; empty while nothing is served."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process is asked to stop: running turns end, new ones wait for the next start."""
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when those ended: streams to people end too."""

    lost: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when another process declared this one dead and took its work over: end, and start anew."""
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it is asked a second time: nothing is waited for."""

    def base_url(self) -> str:
        """Where the outside reaches this instance: BOTKIT_PUBLIC_URL, else its page; empty while nothing is served."""
        return self.environment.public_url or self.url

    def ask_to_stop(self, reason: str) -> None:
        """Begin to stop; called again, stop without waiting."""
        if self.stopping.is_set():
            self.hurry.set()
        _log.info("stopping", reason=reason, at_once=self.hurry.is_set())
        self.stopping.set()

    async def wind_down(self) -> None:
        """Let running turns end, then end the streams of those who watch. Safe to repeat."""
        if self.closing.is_set():
            return
        self.stopping.set()
        drain_s = self.configs.current.settings.drain_s
        draining = asyncio.ensure_future(self.engine.drain(drain_s))
        hurry = asyncio.ensure_future(self.hurry.wait())
        await asyncio.wait((draining, hurry), return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not draining.done():
            draining.cancel()
            await asyncio.gather(draining, return_exceptions=True)
            await self.engine.drain(0)
        elif not draining.result():
            _log.warning("turns_cut_off", after_s=drain_s, advice="they go on at the next start")
        self.closing.set()
        self.channels.closing()

    async def audit(self, *, by: str, via: str, action: str, target: str = "", **detail: object) -> None:
        """Record an administrative act."""
        entry = Audit(at=self.clock.micros(), actor=by, via=via, action=action, target=target, detail=dict(detail))
        await self.store.journal.commit(None, (AddAudit(audit=entry),))
