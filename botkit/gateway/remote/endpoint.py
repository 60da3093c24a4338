"""Where a remote server is and what is sent to it beside the protocol, as one frozen record."""

from __future__ import annotations

__all__ = ["Credentials", "Endpoint", "SchemaOf"]

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

SchemaOf = Callable[[str], "Mapping[str, Any] | None"]
"""A tool's input schema by the server's own name for it; None when it is not known."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Secrets in the places where the server wants them. Equal credentials share connections."""

    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    query: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    body: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Put under `secrets` beside a request's `params`."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server reached over HTTP."""

    url: str
    transport: Literal["streamable-http", "sse"] = "streamable-http"
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """From the configuration, without secrets."""
    credentials: Credentials = field(default_factory=Credentials)
    allow_private: bool = False
    connections: int = 32
    schema_of: SchemaOf = lambda _: None
    authorize: Callable[[bool], Awaitable[str]] | None = None
    """Gives the value of `Authorization` for each request; asked with True after the server refused the last one."""
