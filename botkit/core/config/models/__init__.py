"""The shapes of `bots.yaml`, one module per family of keys. Everything is frozen and refuses unknown keys."""

from botkit.core.config.models.base import Model, Money, SecretRef
from botkit.core.config.models.bots import Bot, Busy, WhileWaiting
from botkit.core.config.models.capabilities import Function, Skill
from botkit.core.config.models.channels import (
    PLATFORMS,
    Channel,
    ChannelSpec,
    CustomChannel,
    DiscordChannel,
    Groups,
    Overrides,
    PluginChannel,
    Room,
    SlackChannel,
    TelegramChannel,
    WebChannel,
    WhatsAppChannel,
)
from botkit.core.config.models.document import Document
from botkit.core.config.models.ingress import Endpoint, Schedule, Webhook
from botkit.core.config.models.llm import ModelSpec, Price
from botkit.core.config.models.people import BUILTIN_ROLES, Budget, Group, Person, Role, roles_of
from botkit.core.config.models.servers import (
    CommandServer,
    HostedServer,
    InjectRule,
    RemoteServer,
    Server,
    ServerLimits,
    ServerSpec,
)
from botkit.core.config.models.settings import Approvals, Retention, Sessions, Settings
from botkit.core.config.models.teams import Router, Team, TeamMember
from botkit.core.config.models.workflows import Workflow
from botkit.core.config.models.workspaces import RateLimits, ToolClass, ToolReview, ToolRules, Workspace

__all__ = [
    "BUILTIN_ROLES",
    "PLATFORMS",
    "Approvals",
    "Bot",
    "Budget",
    "Busy",
    "Channel",
    "ChannelSpec",
    "CommandServer",
    "CustomChannel",
    "DiscordChannel",
    "Document",
    "Endpoint",
    "Function",
    "Group",
    "Groups",
    "HostedServer",
    "InjectRule",
    "Model",
    "ModelSpec",
    "Money",
    "Overrides",
    "Person",
    "PluginChannel",
    "Price",
    "RateLimits",
    "RemoteServer",
    "Retention",
    "Role",
    "Room",
    "Router",
    "Schedule",
    "SecretRef",
    "Server",
    "ServerLimits",
    "ServerSpec",
    "Sessions",
    "Settings",
    "Skill",
    "SlackChannel",
    "Team",
    "TeamMember",
    "TelegramChannel",
    "ToolClass",
    "ToolReview",
    "ToolRules",
    "WebChannel",
    "Webhook",
    "WhatsAppChannel",
    "WhileWaiting",
    "Workflow",
    "Workspace",
    "roles_of",
]
