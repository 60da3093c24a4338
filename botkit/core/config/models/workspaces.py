"""`workspaces:`, sets of servers with reviewed tools and rights."""

from __future__ import annotations

__all__ = ["PLANS", "Plan", "RateLimits", "Taint", "TaintSource", "ToolClass", "ToolReview", "ToolRules", "Workspace"]

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from botkit.core.config.models.base import Bool, Float, Int, Model, OneOrMany, Slug, ToolPattern, problem
from botkit.core.tool_search import ToolsMode

ToolClass = Literal["read-only", "write", "destructive"]


class ToolRules(Model, frozen=True):
    """Which tools are allowed. `deny` wins over `allow`; without `allow` everything else is allowed."""

    allow: OneOrMany[ToolPattern] | None = None
    """Tools or patterns such as `orders__*`. Absent: all; an empty list: none."""
    deny: OneOrMany[ToolPattern] = ()
    """Tools or patterns that are refused in any case."""


class ToolReview(Model, frozen=True):
    """What you decided about a tool after looking at it. Only reviewed facts are trusted."""

    tool_class: ToolClass | None = Field(default=None, alias="class")
    """`read-only`, `write` or `destructive`. A tool without a class counts as `destructive`,
    and so does one whose definition changed since you looked."""
    idempotent: Bool | None = None
    """Whether repeating a call is harmless, so that it may be repeated after a crash."""
    approve: Bool | None = None
    """Whether a person must approve each call."""
    approvers: OneOrMany[str] | None = None
    """Roles or people who may approve; `settings.approvals.approvers` when absent."""
    enabled: Bool | None = None
    """`false`: neither listed nor callable."""
    roles: OneOrMany[str] | None = None
    """Roles that may call it; every role whose rights allow it when absent."""
    timeout_s: Float | None = Field(default=None, gt=0, le=3600)
    """Seconds one call may take; the server's limit when absent."""
    requires: Literal["verified", "verified_email", "verified_phone"] | None = None
    """Who the person is must have been verified by an `auth_gate`: in any way, by mail, or by telephone."""
    verified_within_s: Float | None = Field(default=None, gt=0)
    """With `requires`: how long ago at most; as long as the gate remembers it when absent."""
    trusted_results: Bool | None = None
    """Whether what it answers is your own, and nothing that strangers write: it then taints nobody. When absent, tools
    of your own servers (`run`) are trusted unless they declare `openWorldHint`, those of commands and remote servers
    are not."""


TaintSource = Literal["guests", "forwarded", "files", "tools"]


class Taint(Model, frozen=True):
    """What a bot may do by itself once it has read what strangers wrote."""

    enabled: Bool = True
    """`false`: nothing follows from it here."""
    approve: OneOrMany[ToolClass] = ("write", "destructive")
    """Classes of tools that a person must approve from then on. Tools without a class count as `destructive`."""
    exempt: OneOrMany[ToolPattern] = ()
    """Tools or patterns that are called all the same."""
    sources: OneOrMany[TaintSource] = ("guests", "forwarded", "files", "tools")
    """What counts: messages of `guests` in groups, `forwarded` messages, `files` that people send, and results of
    `tools` that are not trusted (`trusted_results`)."""


Plan = Literal["free", "starter", "pro", "business"]
PLANS: Mapping[Plan, int] = {"free": 60, "starter": 300, "pro": 1200, "business": 6000}
"""Calls per minute of each plan."""


class RateLimits(Model, frozen=True):
    """How often tools may be called."""

    plan: Plan | None = None
    """`free`, `starter`, `pro` or `business`: 60, 300, 1,200 or 6,000 calls per minute in the whole workspace."""
    per_minute: Int | None = Field(default=None, ge=1)
    """Calls per minute in the whole workspace, instead of the plan's. Without both: no limit."""
    per_token_per_minute: Int | None = Field(default=120, ge=1)
    """Calls per minute for one token or one person; a token may have its own. Empty: no limit."""
    per_month: Int | None = Field(default=None, ge=1)
    """Calls per calendar month in the whole workspace, in `settings.timezone`. Empty: no quota."""
    per_token_per_month: Int | None = Field(default=None, ge=1)
    """Calls per calendar month for one token or one person; a token may have its own. Empty: no quota."""

    @property
    def calls_per_minute(self) -> int:
        """In the whole workspace; 0: no limit."""
        return self.per_minute or (PLANS[self.plan] if self.plan is not None else 0)


class Workspace(Model, frozen=True):
    """The tools a bot or an MCP client gets, and the rights on them."""

    name: str | None = Field(default=None, min_length=2, max_length=100)
    """For people; the key is used when absent."""
    description: str = ""
    """For people: what it is for."""
    servers: OneOrMany[str] = ()
    """Names from `servers`, or `"*"` for all of them."""
    skills: OneOrMany[Slug] = ()
    """Names from `skills`."""
    functions: OneOrMany[Slug] = ()
    """Names from `functions`."""
    knowledge: OneOrMany[str] = ()
    """Names from `knowledge` that its bots can look things up in, or `"*"` for all of them."""
    workspaces: OneOrMany[Slug] = ()
    """Other workspaces whose tools are offered here too."""
    transparent: Bool = False
    """Show MCP clients the only server of this workspace under its own names, without a prefix, and with its own
    introduction and errors, as if nothing were between. Bots and the keys below still say `server__tool`."""
    tools: Mapping[ToolPattern, ToolReview] = {}
    """What was decided about tools, by `server__tool` or pattern. The most exact pattern wins, key by key."""
    tools_mode: ToolsMode = "auto"
    """How bots and MCP clients are shown the tools. `full`: as servers define them. `compact`: short descriptions and
    shallow schemas. `search`: two tools, `search_tools` and `call_tool`, that find and call the others. `auto`: the
    first of these that fits `context.tool_definitions` for bots, `full` for MCP clients. Arguments are always checked
    in full."""
    record_payloads: Bool = False
    """Whether arguments and results of all calls are kept for auditors: sealed, without secrets, each up to 64 KiB, for
    `settings.retention.payloads_days`. `botkit logs --payload` reads them. Tell the people whose calls these are."""
    taint: Taint = Taint()
    """When calls need a person's approval because of what the bot has read before."""
    oauth: Bool = False
    """Whether MCP clients may ask members for access by OAuth 2.1, instead of being given a token."""
    roles: Mapping[str, ToolRules] = {}
    """Rights of roles in this workspace, narrower than `settings.roles`."""
    rate_limits: RateLimits = RateLimits()
    """How often tools may be called."""

    @model_validator(mode="after")
    def _one_server(self) -> Workspace:
        if self.transparent and (len(self.servers) != 1 or "*" in self.servers or self.workspaces):
            raise problem("a transparent workspace shows exactly one server: name it in servers, and no workspaces")
        return self
