"""What the engine asks of a workflow, and what comes back."""

from __future__ import annotations

__all__ = ["VISIT", "BotFacts", "Visit", "WorkflowOutcome", "WorkflowTask"]

from datetime import datetime
from typing import Any, Literal

from botkit.core.agent import AgentWords
from botkit.core.allowance import Allowance
from botkit.core.data import Data
from botkit.core.events import Attachment
from botkit.core.journal import TranscriptRow
from botkit.core.models import Usage
from botkit.core.screening import Guards
from botkit.core.tools import Principal

VISIT = "node:"
"""Names of the steps that record a finished node begin with this; the node's type follows."""


class WorkflowTask(Data):
    """One run of one workflow, with everything decided that does not depend on its nodes."""

    workflow: str
    """Its key in bots.yaml."""
    revision: str
    """Of bots.yaml; a resumed run keeps it."""
    graph_hash: str = ""
    """What the graph must hash to; empty at the first start."""
    bot: str = ""
    model: str = ""
    """For nodes that name none."""
    prompt: str = ""
    """The bot's system prompt, for agent nodes that have none of their own."""
    workspace: str = ""
    """Of the bot; the graph's own wins."""
    principal: Principal
    trigger: dict[str, Any] = {}
    """`{"kind": "message" | "webhook" | "cron" | "api" | "workflow", "name", …}`; the variable `trigger`."""
    variables: dict[str, Any] = {}
    """Start values: `message`, `user`, `conversation`, `input`."""
    attachments: tuple[Attachment, ...] = ()
    history: tuple[TranscriptRow, ...] = ()
    """What was said before in this conversation, oldest first."""
    summary: str = ""
    text: str = ""
    """What the person wrote."""
    person_name: str = ""
    now: datetime
    """Journaled at run start."""
    timezone: str = "UTC"
    locale: str = ""
    words: AgentWords = AgentWords()
    """What agents in it say themselves, in the language of the person."""
    note: str = ""
    hops: int = 0
    """Bots that delegated before this one."""
    guards: Guards = Guards()
    """What its messages, and the results of tools that agents in it read, are checked for."""
    allowance: Allowance = Allowance()
    """What is left to it by who asked for its help; its graph may allow less time."""
    dry: bool = False
    """A rehearsal: effects are mocked."""


class BotFacts(Data):
    """A bot as a workflow asks it for help."""

    bot: str
    prompt: str = ""
    model: str = ""
    temperature: float | None = None
    workspace: str = ""
    workflow: str = ""
    """What it answers by, instead of the agent loop."""
    max_iterations: int = 10
    max_output_tokens: int = 8192
    max_turn_tokens: int = 0
    max_cost_micros: int = 0
    timeout_s: float = 30.0


class Visit(Data):
    """A finished node: the result of its journaled step."""

    n: int
    """Its place in the order in which nodes of the run finished, from 1."""
    node: str
    workflow: str = ""
    """The workflow it belongs to, where another one was called."""
    handle: str = "default"
    output: Any = None
    set: dict[str, Any] = {}
    end: bool = False
    error: dict[str, Any] | None = None
    """`{"code", "message", "node"}` where it took its error edge."""
    ms: float = 0.0
    """Working time of this execution."""
    usage: Usage = Usage()
    said: tuple[str, ...] = ()
    """What it said in the conversation of the run."""
    attempts: int = 0
    """Times it was tried again."""


class WorkflowOutcome(Data):
    state: Literal["completed", "limit_reached", "failed", "ignored"] = "completed"
    """`ignored`: no trigger fitted."""
    text: str = ""
    """What is left to be said; empty when its nodes said it, or nothing is to be said."""
    said: tuple[str, ...] = ()
    """What its nodes said in the conversation of the run."""
    output: Any = None
    error: dict[str, Any] | None = None
    usage: Usage = Usage()
    nodes: int = 0
    """Nodes that finished."""
    path: tuple[str, ...] = ()
    """Their paths, in order."""
    compensated: tuple[str, ...] = ()
    """Nodes that were undone after the failure."""
    taint: tuple[str, ...] = ()
    """Where what it read came from, as far as others may have written it (`botkit.core.taint`)."""
