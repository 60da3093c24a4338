"""What every part of the engine works with."""

from __future__ import annotations

__all__ = ["Services"]

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from botkit.agents.policy import PolicyJudge
from botkit.core.budgets import Spending
from botkit.core.clock import Clock
from botkit.core.documents import DocumentTexts
from botkit.core.journal import Journal
from botkit.core.live import Live
from botkit.core.notebook import Notebook
from botkit.core.redact import Redactor
from botkit.core.speech import Speech
from botkit.core.stores import FileStore, Records
from botkit.engine.access import AccessRules
from botkit.engine.identity import Identities
from botkit.engine.ports import Agent, Channels, ConfigSource, Router, Workflows
from botkit.engine.sealing import Sealing
from botkit.runs.outbox import Outbox


@dataclass(frozen=True, slots=True)
class Services:
    journal: Journal
    configs: ConfigSource
    channels: Channels
    agent: Agent
    identities: Identities
    access: AccessRules
    files: FileStore
    records: Records
    outbox: Outbox
    live: Live
    clock: Clock
    redactor: Redactor
    spawn: Callable[..., asyncio.Task[None]]
    """Creates a task that somebody owns."""
    wake: Callable[[str], Awaitable[None]]
    """Work on a lane that was given an event by a commit of ours."""
    sealing: Sealing
    """Of messages that may be codes."""
    timers_changed: Callable[[], None]
    """A timer may be due earlier than the one being waited for."""
    router: Router
    workflows: Workflows | None = None
    judge: PolicyJudge | None = None
    """Asks a model about the policies of guardrails."""
    notebook: Notebook | None = None
    """What bots keep in mind."""
    speech: Speech | None = None
    """Listens and speaks; None: nothing does."""
    documents: DocumentTexts | None = None
    """Reads documents people send; None: they are passed on unread."""
    spending: Spending | None = None
    """What calls are reserved on; None: nothing is limited."""
