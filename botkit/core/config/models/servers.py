"""`servers:`, the MCP servers whose tools workspaces offer."""

from __future__ import annotations

__all__ = [
    "CommandServer",
    "HostedServer",
    "InjectRule",
    "RemoteServer",
    "Server",
    "ServerLimits",
    "ServerOAuth",
    "ServerSpec",
]

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, cast
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from botkit.core.config.models.base import (
    Bool,
    Float,
    Int,
    Model,
    ProjectPath,
    SecretName,
    SecretRef,
    Text,
    TextOrSecret,
    Url,
    problem,
)
from botkit.core.tools import RESULT_LIMIT_BYTES

_TARGETS = ("header", "query", "bearer", "env", "body", "as")


class InjectRule(Model, frozen=True):
    """Where a secret is put when the server is called. Without a target: `as: prefixed`, and for a program the
    variable called like the secret. A program takes secrets in its environment only."""

    secret: SecretName
    """Name of the secret."""
    header: str | None = Field(default=None, pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")
    """Send it as this HTTP header."""
    query: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.~-]{1,100}$")
    """Send it as this query parameter."""
    bearer: Literal[True] | None = None
    """Send it as `Authorization: Bearer …`; a value that begins with `Bearer ` is sent as it is."""
    env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")
    """Put it into this variable of the server's process."""
    body: Literal[True] | None = None
    """Add it to the body of a call, beside its parameters, under `secrets`."""
    as_: Literal["prefixed", "named"] | None = Field(default=None, alias="as")
    """`prefixed`: header `X-Mcp-Secret-NAME`; `named`: a header called like the secret."""
    person: Bool = False
    """Each person has a value of their own, which only their calls use; whoever has none gets a private link."""

    @model_validator(mode="before")
    @classmethod
    def _one_target(cls, value: object) -> object:
        given = [key for key in _TARGETS if isinstance(value, Mapping) and key in value]
        if len(given) > 1:
            raise problem(f"choose one place for the secret: {' or '.join(given)}")
        return cast("object", value)


class ServerLimits(Model, frozen=True):
    """What one process of the server may use."""

    memory_mb: Int | None = Field(default=None, ge=16, le=1_048_576)
    """Address space in MiB; the process fails to allocate beyond it."""
    cpu_s: Int | None = Field(default=None, ge=1, le=86_400)
    """Seconds of processor time in the life of one process; then it is replaced."""
    result_bytes: Int = Field(default=RESULT_LIMIT_BYTES, ge=1024, le=67_108_864)
    """Largest result a call may return; longer text is cut and marked."""
    parallel_calls: Int = Field(default=16, ge=1, le=1000)
    """Calls answered at once by one process; more wait."""


class Server(Model, frozen=True):
    """What all kinds of servers share."""

    kind: ClassVar[str] = ""

    description: str = ""
    """For people: what it is for."""
    enabled: Bool = True
    """`false` takes its tools away everywhere."""
    inject: tuple[InjectRule, ...] = ()
    """Secrets the server gets with each call or in its environment."""
    timeout_s: Float = Field(default=30.0, gt=0, le=3600)
    """Seconds one call may take."""
    limits: ServerLimits = ServerLimits()
    """Caps on its process and its results."""
    stop_when_idle_s: Float | None = Field(default=None, gt=0)
    """Stop the process after so many seconds without a call; it starts again by itself. Empty: never."""


class HostedServer(Server, frozen=True):
    """A Python file of this project, run and supervised by botkit."""

    kind: ClassVar[str] = "run"

    run: ProjectPath = Field(pattern=r"\.py$")
    """The file, relative to the project, such as `workspace/servers/notes.py`."""
    env: Mapping[str, TextOrSecret] = {}
    """Variables of its process."""
    discovered: Bool = False
    """Set by botkit for a file found in `workspace/servers/` that the file does not list."""


class CommandServer(Server, frozen=True):
    """Any MCP server that speaks over standard input and output."""

    kind: ClassVar[str] = "command"

    command: Text
    """The program, such as `npx` or `uvx`."""
    args: tuple[str, ...] = ()
    """Its arguments."""
    env: Mapping[str, TextOrSecret] = {}
    """Variables of its process: text or `{secret: NAME}`."""
    cwd: ProjectPath | None = None
    """Folder it starts in, relative to the project."""


class ServerOAuth(Model, frozen=True):
    """How tokens for the server are got. `{}` is enough where it takes clients it does not know."""

    grant: Literal["authorization_code", "client_credentials"] = "authorization_code"
    """`authorization_code`: a person logs in once; `client_credentials`: botkit itself is the user."""
    client_id: Text | None = None
    """Of a client registered by hand. Empty: our metadata document or, failing that, dynamic registration."""
    client_secret: SecretRef | None = None
    """`{secret: NAME}` of that client."""
    scopes: tuple[str, ...] = ()
    """Empty: those the server asks for."""
    person: Bool = False
    """Each person connects an account of their own, and only their calls use it."""

    @model_validator(mode="after")
    def _credentials(self) -> ServerOAuth:
        if self.grant == "client_credentials" and (self.client_id is None or self.client_secret is None):
            raise problem("client_credentials needs a client_id and a client_secret")
        if self.grant == "client_credentials" and self.person:
            raise problem("with client_credentials botkit is the user; person: true needs authorization_code")
        return self


class RemoteServer(Server, frozen=True):
    """An MCP server reached over HTTP."""

    kind: ClassVar[str] = "url"

    url: Url
    """Its address. HTTPS, unless it is this machine or `allow_insecure` is set."""
    headers: Mapping[str, TextOrSecret] = {}
    """Headers sent with every request: text or `{secret: NAME}`."""
    transport: Literal["streamable-http", "sse"] = "streamable-http"
    """`sse` for servers of the first generation."""
    allow_insecure: Bool = False
    """Permit plain HTTP to another machine. Secrets then travel unprotected."""
    allow_private: Bool = False
    """Permit addresses of private networks. Without it only public ones are contacted, whatever a name resolves to."""
    oauth: ServerOAuth | None = None
    """The server wants tokens of an authorization server: `botkit mcp login` gets the first one."""

    @model_validator(mode="after")
    def _https(self) -> RemoteServer:
        parts = urlsplit(self.url)
        if parts.scheme != "https" and not self.allow_insecure and not _is_loopback(parts.hostname or ""):
            raise problem("use https:// for another machine, or say allow_insecure: true")
        return self


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


_TRANSPORTS = {
    "http": "streamable-http",
    "streamable-http": "streamable-http",
    "streamableHttp": "streamable-http",
    "streamable_http": "streamable-http",
    "sse": "sse",
}


def _read_pasted(value: object) -> object:
    """Accept a block as Claude, Cursor, VS Code and Windsurf write it.

    Sources: https://code.claude.com/docs/en/mcp, https://cursor.com/docs/context/mcp
    """
    if not isinstance(value, Mapping):
        return value
    block = dict(cast("Mapping[str, Any]", value))
    for theirs in ("serverUrl", "httpUrl"):
        if theirs in block and "url" not in block:
            block["url"] = block.pop(theirs)
    if "disabled" in block and "enabled" not in block and isinstance(block["disabled"], bool):
        block["enabled"] = not block.pop("disabled")
    if "type" in block:
        _read_type(block)
    return block


def _read_type(block: dict[str, Any]) -> None:
    kind = block.pop("type")
    if kind == "stdio":
        if "url" in block:
            raise problem("type: stdio needs a command, and this block has a url")
    elif isinstance(kind, str) and kind in _TRANSPORTS:
        if "url" not in block:
            raise problem(f"type: {kind} needs a url")
        block.setdefault("transport", _TRANSPORTS[kind])
    else:
        raise problem("type is one of stdio, http or sse")


def _kind_of(value: object) -> str | None:
    if isinstance(value, Server):
        return f"({value.kind})"
    if isinstance(value, Mapping):
        kinds = [kind for kind in ("run", "command", "url") if kind in value]
        return f"({kinds[0]})" if kinds else None
    return None


ServerSpec = Annotated[
    Annotated[HostedServer, Tag("(run)")]
    | Annotated[CommandServer, Tag("(command)")]
    | Annotated[RemoteServer, Tag("(url)")],
    Discriminator(
        _kind_of,
        custom_error_type="botkit",
        custom_error_message="a server needs one of run (a Python file), command (a program) or url",
    ),
    BeforeValidator(_read_pasted),
]
"""One server; which kind is told by its key `run`, `command` or `url`."""
