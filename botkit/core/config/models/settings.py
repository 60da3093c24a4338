"""`settings:`, what holds for the whole installation."""

from __future__ import annotations

__all__ = ["Approvals", "Retention", "Sessions", "Settings"]

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from botkit.core.config.models.base import (
    Currency,
    Float,
    Int,
    Language,
    Model,
    OneOrMany,
    PlatformId,
    Slug,
    Text,
    TimeZone,
)
from botkit.core.config.models.delivery import IdentityService, Mail, Sms
from botkit.core.config.models.guardrails import Guardrails
from botkit.core.config.models.memory import KnowledgeSettings, Memory
from botkit.core.config.models.outbound import HttpRequests
from botkit.core.config.models.people import Group, Role
from botkit.core.config.models.speech import Speech


class Sessions(Model, frozen=True):
    """What counts as one conversation, and how much of it a model sees."""

    scope: Literal["room", "person"] = "room"
    """`room`: one conversation per chat, room and thread; `person`: one per person in each of them."""
    ttl_hours: Float = Field(default=24.0, gt=0, le=87_600)
    """Hours of silence after which a conversation begins anew; a bot may say otherwise."""
    window_messages: Int = Field(default=20, ge=0, le=10_000)
    """Messages a model sees; a bot may say otherwise."""


class Retention(Model, frozen=True):
    """After how many days things are deleted for good. Empty: never."""

    messages_days: Int | None = Field(default=None, ge=1)
    """Messages and transcripts."""
    runs_days: Int | None = Field(default=90, ge=1)
    """Finished runs with their steps."""
    logs_days: Int | None = Field(default=90, ge=1)
    """Tool call logs and delivery records."""
    files_days: Int | None = Field(default=90, ge=1)
    """Files people sent and tools made."""
    notes_days: Int | None = Field(default=None, ge=1)
    """Notes bots keep about people, conversations and teams, counted from their last change."""
    payloads_days: Int | None = Field(default=30, ge=1)
    """What tool calls carried, in workspaces with `record_payloads`; never longer than the log of those calls."""


class Approvals(Model, frozen=True):
    """Who decides when a tool needs approval."""

    approvers: OneOrMany[str] = ("admin",)
    """Roles or people."""
    timeout_s: Float = Field(default=86_400.0, gt=0)
    """Seconds after which an undecided approval counts as refused."""
    channel: Slug | None = None
    """Channel in which approvers are asked, with buttons; the conversation itself when absent."""
    room: PlatformId | None = None
    """Room of that channel. Absent: the private chat of each approver in `people`, where the platform lets bots write
    to a person by their id."""
    email: OneOrMany[Text] = ()
    """Who is asked by mail too, with a link that decides once: people (by their `identities.email`) or addresses."""


class Settings(Model, frozen=True):
    """What holds for the whole installation."""

    sessions: Sessions = Sessions()
    """What counts as one conversation."""
    roles: Mapping[str, Role] = {}
    """Roles of your own, and changes to `admin`, `developer`, `member` and `guest`."""
    groups: Mapping[str, Group] = {}
    """Groups of people: those whose `people` entry names them. A name here can be used wherever a role can."""
    approvals: Approvals = Approvals()
    """Who decides when a tool needs approval."""
    mail: Mail | None = None
    """How mail leaves: codes and links of `auth_gate`, questions to approvers."""
    sms: Sms | None = None
    """How short messages leave: codes of `auth_gate`."""
    identity: IdentityService | None = None
    """Who checks identities with the method `custom` of `auth_gate`."""
    http: HttpRequests = HttpRequests()
    """Where `http_request` of workflows may send besides the public internet."""
    guardrails: Guardrails = Guardrails()
    """What the texts of every bot, and of workflows without one, are checked for."""
    knowledge: KnowledgeSettings = KnowledgeSettings()
    """How knowledge is read and searched."""
    memory: Memory = Memory()
    """How notes about people, conversations and teams are kept."""
    speech: Speech = Speech()
    """How voice messages are heard and answered."""
    retention: Retention = Retention()
    """After how many days things are deleted."""
    history_limit: Int | None = Field(default=None, ge=1)
    """Most messages kept per conversation; older ones are deleted for good. Empty: no limit."""
    synchronous: Literal["full", "normal"] = "full"
    """SQLite: `full` survives a power cut, `normal` only a crash of the program but writes faster."""
    stale_after_s: Float = Field(default=3600.0, gt=0)
    """Messages that waited longer are answered in one late turn."""
    reload: Literal["auto", "manual"] = "manual"
    """Whether `botkit run` applies a saved file by itself or waits for `botkit apply`."""
    max_parallel_turns: Int = Field(default=50, ge=1, le=10_000)
    """Turns worked on at once."""
    max_parallel_model_calls: Int = Field(default=16, ge=1, le=10_000)
    """Calls in flight to one model at once; more wait, fairly."""
    drain_s: Float = Field(default=20.0, ge=0, le=3600)
    """Seconds running turns get to finish when the program is asked to stop."""
    locale: Language = "auto"
    """Language of fixed sentences (notices, answers to commands), such as `de`. `auto`: the one each person uses, by
    their entry in `people` or as their platform says; English where it is not known or not spoken."""
    timezone: TimeZone = "UTC"
    """Time zone of people whose own is unknown, and of days in budgets and reports."""
    currency: Currency = "USD"
    """Currency of prices and limits. The built-in price list is in USD."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged."""
    bot_to_bot_limit: Int = Field(default=20, ge=0)
    """Messages per minute from other bots that are answered in one room; 0: none."""
    file_limit_bytes: Int = Field(default=20_971_520, ge=0)
    """Largest file accepted from people and tools."""
