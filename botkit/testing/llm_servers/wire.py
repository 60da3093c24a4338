"""The face every wire format shows to the server."""

from __future__ import annotations

__all__ = ["Json", "Refusal", "Request", "Wire", "count_usage", "first_problem", "json_frame"]

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import ValidationError

from botkit.testing.llm_servers.script import Reply, Usage

Json = dict[str, Any]


@dataclass(slots=True, eq=False)
class Request:
    """One request as it arrived, kept for assertions."""

    provider: str
    path: str
    headers: Mapping[str, str]
    """Lower-case names."""
    query: Mapping[str, str]
    body: Json
    raw: bytes = field(default=b"", repr=False)
    """The body as it was sent."""
    connection: tuple[str, int] = ("", 0)
    """The client's end of the connection: the same for requests that share one."""
    model: str = ""
    streamed: bool = False
    number: int = 0
    """Counted from 1 in order of arrival; makes the ids of answers unique."""
    refusal: str = ""
    """Why the provider's own rules refused it; empty when the script answered it."""
    done: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the response ended, however it ended."""
    hung_up: bool = False
    """The client closed the connection before the response ended."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The provider's rules refuse the request."""

    status: int
    message: str


class Wire(Protocol):
    """One provider's format: pure functions from requests and scripted replies to JSON."""

    name: str

    def check(self, request: Request) -> Refusal | None:
        """Judge the request as the provider would. Fills `request.model` and `request.streamed`."""
        ...

    def render(self, reply: Reply, request: Request) -> Json:
        """The body of an answer that is not streamed."""
        ...

    def render_frames(self, reply: Reply, request: Request) -> Sequence[bytes]:
        """The server-sent events of a streamed answer, in order, the end marker included."""
        ...

    def render_error(self, status: int, message: str, retry_after_s: float | None) -> Json: ...

    def render_error_frame(self, message: str) -> bytes:
        """The event a provider sends when it fails in the middle of a stream."""
        ...


def json_frame(data: Mapping[str, Any], event: str = "") -> bytes:
    """One server-sent event."""
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def count_usage(reply: Reply, request: Request) -> Usage:
    """The scripted usage, or about four characters a token, as a stand-in for a tokenizer."""
    if reply.usage is not None:
        return reply.usage
    written = len(reply.text) + sum(len(call.name) + len(call.arguments_json) for call in reply.calls)
    return Usage(input_tokens=len(json.dumps(request.body)) // 4 + 1, output_tokens=written // 4 + 1)


def first_problem(error: ValidationError) -> tuple[str, str, str]:
    """The first mistake in a body as `(dotted path, kind, sentence)`."""
    first = error.errors(include_url=False, include_input=False)[0]
    return ".".join(str(part) for part in first["loc"]), first["type"], first["msg"]
