"""The whole of `bots.yaml`: every top key with its model."""

from __future__ import annotations

__all__ = ["Document"]

from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator

from botkit.core.config.models.base import Model, OneOrMany, Slug, problem
from botkit.core.config.models.bots import Bot
from botkit.core.config.models.capabilities import Function, Skill
from botkit.core.config.models.channels import ChannelSpec
from botkit.core.config.models.ingress import Endpoint, Schedule, Webhook
from botkit.core.config.models.llm import ModelSpec
from botkit.core.config.models.memory import Knowledge
from botkit.core.config.models.people import Budget, Person
from botkit.core.config.models.servers import ServerSpec
from botkit.core.config.models.settings import Settings
from botkit.core.config.models.teams import Team
from botkit.core.config.models.workflows import Workflow
from botkit.core.config.models.workspaces import Workspace


def _unwrap_pasted(value: object) -> object:
    """`servers: {mcpServers: {…}}`, pasted whole from another program's file, is the block inside."""
    if not isinstance(value, Mapping):
        return value
    block = dict(cast("Mapping[str, Any]", value))
    if "mcpServers" not in block:
        return block
    pasted = block.pop("mcpServers")
    if not isinstance(pasted, Mapping):
        raise problem("mcpServers must be a mapping of servers")
    inner = dict(cast("Mapping[str, Any]", pasted))
    if twice := sorted(inner.keys() & block.keys()):
        raise problem(f"{twice[0]} stands both inside and outside of mcpServers")
    return {**block, **inner}


class Document(Model, frozen=True, defer_build=True):
    """The whole file. What programs use is `Config`, which adds where everything stands."""

    version: Literal[1] = 1
    """Version of the file's format."""
    include: OneOrMany[str] = ()
    """Other files to merge below this one, relative to it; patterns such as `bots/*.yaml` are allowed."""
    models: Mapping[Slug, ModelSpec] = {}
    """Language models under names of your own. `default` is what bots use."""
    servers: Annotated[Mapping[Slug, ServerSpec], BeforeValidator(_unwrap_pasted)] = {}
    """MCP servers. Files in `workspace/servers/` are servers also when they are not listed here."""
    skills: Mapping[Slug, Skill] = {}
    """Single tools."""
    functions: Mapping[Slug, Function] = {}
    """Pieces of code."""
    workspaces: Mapping[Slug, Workspace] = {}
    """Sets of servers with reviewed tools and rights. `default` offers every server unless declared."""
    knowledge: Mapping[Slug, Knowledge] = {}
    """Files that bots can look things up in, for the workspaces that name them."""
    bots: Mapping[Slug, Bot] = {}
    """Who answers."""
    teams: Mapping[Slug, Team] = {}
    """Several bots behind one name."""
    workflows: Mapping[Slug, Workflow] = {}
    """Graphs of steps."""
    channels: Mapping[Slug, ChannelSpec] = {}
    """Accounts on chat platforms."""
    webhooks: Mapping[Slug, Webhook] = {}
    """Events from other systems."""
    endpoints: Mapping[Slug, Endpoint] = {}
    """Agents other programs call."""
    schedules: Mapping[Slug, Schedule] = {}
    """Work at set times."""
    people: Mapping[Slug, Person] = {}
    """Who is who on which platform, and what they may do."""
    budgets: Mapping[Slug, Budget] = {}
    """Limits on spending and use."""
    settings: Settings = Settings()
    """What holds for the whole installation."""
