"""What a fake model provider answers with, and what it can do wrong on the way."""

from __future__ import annotations

__all__ = [
    "Call",
    "Cut",
    "Garbage",
    "Hang",
    "MidStreamError",
    "Reply",
    "Status",
    "Step",
    "Trouble",
    "Usage",
    "pieces",
]

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """What the provider bills for one request, in tokens."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Part of `input_tokens` that was read from the provider's prompt cache."""
    cache_write_tokens: int = 0
    """Another part, that was put into it; Anthropic alone tells."""


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call the model asks for."""

    name: str
    arguments: Mapping[str, object] | str
    """A mapping, or a string sent exactly as it is (broken JSON, an empty string).

    Gemini's wire format carries an object, so there a string must hold a JSON object."""
    id: str = ""
    """The provider's id for the call; invented when empty."""

    @property
    def arguments_json(self) -> str:
        return self.arguments if isinstance(self.arguments, str) else json.dumps(dict(self.arguments))


@dataclass(frozen=True, slots=True)
class Cut:
    """Close the connection after `after` stream frames, without the end of the stream."""

    after: int = 1


@dataclass(frozen=True, slots=True)
class Hang:
    """Send `after` stream frames (0: not even headers), then nothing until `until` is set."""

    until: asyncio.Event
    after: int = 0


@dataclass(frozen=True, slots=True)
class Garbage:
    """Send `after` stream frames, then bytes that are not JSON, then end normally."""

    after: int = 0


@dataclass(frozen=True, slots=True)
class MidStreamError:
    """Send `after` stream frames, then the provider's own error frame (overloaded)."""

    after: int = 1
    message: str = "Overloaded"


Trouble = Cut | Hang | Garbage | MidStreamError


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `Reply()` is the empty answer: no text, no tool call."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    usage: Usage | None = None
    """Counted from the bytes of the request and reply when left out."""
    finish: str = ""
    """`stop`, `tool_calls`, `length` or `content_filter`; follows from the content when empty."""
    piece_chars: int = 8
    """Characters per streamed delta, for text and for tool arguments."""
    trouble: Trouble | None = None

    @property
    def finish_reason(self) -> str:
        return self.finish or ("tool_calls" if self.calls else "stop")


@dataclass(frozen=True, slots=True)
class Status:
    """Refuse the request with an HTTP status and the provider's error body."""

    code: int
    retry_after_s: float | None = None
    """Sent as `Retry-After`, and in Gemini's body as `RetryInfo` as Google does."""
    message: str = ""


Step = Reply | Status


def pieces(text: str, size: int) -> list[str]:
    """Cut `text` into streamed deltas of `size` characters; nothing for an empty text."""
    return [text[i : i + size] for i in range(0, len(text), max(1, size))]
