"""What the gateway is told: servers, workspaces, roles and bots, as plain frozen records.

`botkit.app` makes these from `bots.yaml`; two equal records mean that nothing has to restart.
"""

from __future__ import annotations

__all__ = [
    "BUILTIN_ROLES",
    "BotRules",
    "CommandSettings",
    "FunctionFile",
    "FunctionsSettings",
    "GatewaySettings",
    "HostedSettings",
    "Inject",
    "OAuthSettings",
    "RemoteSettings",
    "Review",
    "RoleRules",
    "SecretName",
    "ServerSettings",
    "TaintRules",
    "ToolFilter",
    "WorkspaceSettings",
]

from fnmatch import fnmatchcase
from typing import Any, Literal

from botkit.core.data import Data
from botkit.core.tool_search import ToolsMode
from botkit.core.tools import RESULT_LIMIT_BYTES, ToolClass


class SecretName(Data):
    """A reference to a secret where a value is expected."""

    name: str


class Inject(Data):
    """A secret a server gets with each call."""

    secret: str
    """Name in the secret store."""
    env: str = ""
    """Put it into this variable of the process instead of the call. Commands get all their secrets this way."""
    header: str = ""
    """Send it as this HTTP header; empty: `X-Mcp-Secret-NAME`, unless another place is chosen."""
    query: str = ""
    """Send it as this query parameter."""
    bearer: bool = False
    """Send it as `Authorization: Bearer …`."""
    body: bool = False
    """Send it under `secrets` in the request's body."""
    named: bool = False
    """Send it as a header called like the secret."""
    person: bool = False
    """Each person has a value of their own, and calls of others do not use it."""
    tools: tuple[str, ...] = ()
    """The server's own names of the tools whose calls get it; empty: all."""


class ServerSettings(Data):
    """What all servers share."""

    name: str
    enabled: bool = True
    env: dict[str, str | SecretName] = {}
    inject: tuple[Inject, ...] = ()
    timeout_s: float = 30.0
    """Seconds one call may take."""
    start_timeout_s: float = 30.0
    """Seconds until a started process must have said hello."""
    result_limit_bytes: int = RESULT_LIMIT_BYTES
    parallel_calls: int = 16
    memory_bytes: int = 0
    cpu_s: int = 0
    idle_s: float = 0.0
    """Stop the process after so many seconds without a call; 0: never."""
    pin: bool = True
    """Whether a reviewed tool whose definition changes must be reviewed again."""


class HostedSettings(ServerSettings, tag="hosted"):
    """A Python file of the operator. Serves all workspaces from one process; secrets come with each call."""

    path: str
    """Absolute."""
    content_hash: str = ""
    """Of the file: an edit makes these settings different, so the server is replaced."""
    pin: bool = False
    start_timeout_s: float = 120.0
    """Its packages may have to be fetched first."""
    files: tuple[str, ...] = ()
    """Further files whose edit replaces it."""


class CommandSettings(ServerSettings, tag="command"):
    """Any program that speaks MCP over its standard input and output. One process for each credential set."""

    argv: tuple[str, ...]
    cwd: str = ""
    start_timeout_s: float = 120.0
    """`npx` and `uvx` fetch packages at their first start."""


class OAuthSettings(Data):
    """How the server's authorization server is asked for tokens."""

    grant: Literal["authorization_code", "client_credentials"] = "authorization_code"
    client_id: str = ""
    """Of a client registered by hand; empty: our metadata document, or dynamic registration."""
    client_secret: str = ""
    """Name of the secret that holds the client's secret."""
    scopes: tuple[str, ...] = ()
    """Empty: those the server asks for."""
    person: bool = False
    """Each person connects an account of their own."""


class RemoteSettings(ServerSettings, tag="remote"):
    """A server reached over HTTP."""

    url: str
    transport: Literal["streamable-http", "sse"] = "streamable-http"
    headers: dict[str, str | SecretName] = {}
    allow_private: bool = False
    """Whether it may lie in a private network."""
    oauth: OAuthSettings | None = None
    start_timeout_s: float = 20.0


class ToolFilter(Data):
    """Allowed and refused tools by name or pattern. `deny` wins; `allow` of None admits what is not denied."""

    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()

    def admits(self, tool: str) -> bool:
        if any(fnmatchcase(tool, pattern) for pattern in self.deny):
            return False
        return self.allow is None or any(fnmatchcase(tool, pattern) for pattern in self.allow)


class Review(Data):
    """What an operator decided about a tool. Fields of None leave the matter to less exact patterns."""

    tool_class: Literal["read-only", "write", "destructive"] | None = None
    idempotent: bool | None = None
    approve: bool | None = None
    enabled: bool | None = None
    roles: tuple[str, ...] | None = None
    """Who may call it, whatever its class; None: every role whose classes allow it."""
    timeout_s: float | None = None
    approvers: tuple[str, ...] | None = None
    """Roles or people who may approve; None: those of the settings."""
    requires: Literal["verified", "verified_email", "verified_phone"] | None = None
    """What the person must have proved."""
    verified_within_s: float | None = None
    """How long ago at most; None: as long as it counts."""
    trusted_results: bool | None = None
    """Whether what it answers is the operator's own; None: where nobody says it, the kind of server decides."""


class TaintRules(Data):
    """What follows from reading what others wrote."""

    approve: tuple[ToolClass, ...] = ("write", "destructive")
    """Classes of tools that a person has to approve then; none: nothing follows."""
    exempt: tuple[str, ...] = ()
    """Tools or patterns that are called all the same."""
    results: bool = True
    """Whether results of tools count as read from others."""


class RoleRules(Data):
    """Rights of a role. A tool nobody reviewed counts as destructive."""

    classes: tuple[ToolClass, ...] = ("read-only", "write")
    tools: ToolFilter = ToolFilter()


BUILTIN_ROLES: dict[str, RoleRules] = {
    "admin": RoleRules(classes=("read-only", "write", "destructive")),
    "developer": RoleRules(classes=("read-only", "write", "destructive")),
    "member": RoleRules(classes=("read-only", "write")),
    "read-only": RoleRules(classes=("read-only",)),
    "guest": RoleRules(classes=("read-only",)),
}
"""Roles that exist without being declared."""


class BotRules(Data):
    """What a bot may use, whoever speaks to it."""

    workspace: str
    tools: ToolFilter = ToolFilter()
    memory: bool = False
    """Whether it keeps notes about people."""
    tools_mode: ToolsMode | Literal[""] = ""
    """How it is shown its tools; empty: as its workspace says."""


class WorkspaceSettings(Data):
    """A set of servers with reviewed tools and rights."""

    servers: tuple[str, ...] = ()
    """Names, or `*` for all."""
    workspaces: tuple[str, ...] = ()
    """Others whose tools are offered here too, under their names: `desk__orders__refund`."""
    reviews: dict[str, Review] = {}
    """By `server__tool` or pattern; the most exact wins, field by field."""
    roles: dict[str, ToolFilter] = {}
    """Narrows roles within this workspace."""
    calls_per_minute: int = 0
    """Of everybody together; 0: no limit."""
    calls_per_minute_each: int = 120
    """Of one token or person; 0: no limit."""
    calls_per_month: int = 0
    """Of everybody together in a calendar month; 0: no quota."""
    calls_per_month_each: int = 0
    """Of one token or person in a calendar month; 0: no quota."""

    title: str = ""
    """For people."""
    description: str = ""
    """What it is for; told to MCP clients."""
    transparent: bool = False
    """Show the only server under its own names, as if nothing were between."""
    tools_mode: ToolsMode = "full"
    """How tools are shown to bots and clients. All can be called in every mode."""
    functions: tuple[str, ...] = ()
    """Functions it offers, by key; empty: all of them, where it offers the server `functions`."""
    knowledge: bool = False
    """Whether it has files to look things up in."""
    knows: str = ""
    """What is found there, as models are told: of the sources that are for all its bots and people."""
    record_payloads: bool = False
    """Whether what calls carry is kept for auditors."""
    taint: TaintRules = TaintRules()
    """What is asked of people once a bot has read what others wrote."""

    def offers(self, server: str) -> bool:
        return server in self.servers or "*" in self.servers


class FunctionFile(Data):
    """A file of functions and how it is run."""

    path: str
    """Absolute."""
    key: str = ""
    """Its key in bots.yaml."""
    description: str = ""
    """Instead of the docstring of its function."""
    input_schema: dict[str, Any] = {}
    """Instead of the schema its annotations give."""
    timeout_s: float = 30.0
    memory_bytes: int = 256 << 20
    """Address space of a call, beside what Python itself takes."""
    env: dict[str, str | SecretName] = {}
    secrets: tuple[str, ...] = ()
    """Secrets it gets with each call."""


class FunctionsSettings(Data):
    """The functions of an instance."""

    folder: str = ""
    """Every Python file in it is one, also one dropped in later; empty: only those listed."""
    files: tuple[FunctionFile, ...] = ()
    """Those with settings of their own."""
    disabled: tuple[str, ...] = ()
    """Paths that are not offered."""


class GatewaySettings(Data):
    servers: tuple[HostedSettings | CommandSettings | RemoteSettings, ...] = ()
    workspaces: dict[str, WorkspaceSettings] = {}
    roles: dict[str, RoleRules] = {}
    """Added to the built-in ones, or in their place."""
    bots: dict[str, BotRules] = {}
    functions: FunctionsSettings = FunctionsSettings()
    timezone: str = "UTC"
    """In which a calendar month begins."""
