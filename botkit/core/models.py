"""The model port: one chat completion, streamed.

Messages and tools use the OpenAI chat-completions shapes, which is what LiteLLM speaks:

    {"role": "system" | "user" | "assistant" | "tool", "content": "…",
     "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "notes__add", "arguments": "{…}"}}],
     "tool_call_id": "c1"}
    {"type": "function", "function": {"name": "notes__add", "description": "…", "parameters": {…}}}

Source: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

__all__ = ["Model", "ModelDelta", "ModelReply", "ModelRequest", "RequestedCall", "Usage"]

from collections.abc import AsyncIterator
from typing import Any, Literal, Protocol

from botkit.core.data import Data


class Usage(Data):
    """Tokens and money of one or several model calls."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Input tokens the provider served from its prompt cache; part of `input_tokens`."""
    cost_micros: int = 0
    """Millionths of a US dollar."""
    estimated: bool = False
    """The provider did not report usage (a cut stream): tokens were counted here."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cost_micros=self.cost_micros + other.cost_micros,
            estimated=self.estimated or other.estimated,
        )


class RequestedCall(Data):
    """A tool call as the model wrote it; `arguments` may be broken JSON."""

    id: str
    name: str
    arguments: str = "{}"


class ModelRequest(Data):
    model: str
    """Alias from bots.yaml `models`, or a LiteLLM name such as `anthropic/claude-sonnet-4-6`."""
    messages: tuple[dict[str, Any], ...]
    tools: tuple[dict[str, Any], ...] = ()
    tool_choice: Literal["auto", "none"] = "auto"
    """`none`: answer in words. Providers want `tools` also then, when the messages hold tool calls."""
    max_output_tokens: int = 8192
    temperature: float | None = None
    params: dict[str, Any] = {}
    """Passed to the provider as they are."""
    response_schema: dict[str, Any] | None = None
    """JSON Schema the answer must fit: told to providers that can be held to one."""
    timeout_s: float = 60.0
    trace_id: str = ""


class ModelDelta(Data):
    """A piece of text as it arrives. Ephemeral: after a retry `reset` says that earlier text is void."""

    text: str = ""
    reset: bool = False


class ModelReply(Data):
    """The whole answer; the last item of the stream."""

    text: str = ""
    calls: tuple[RequestedCall, ...] = ()
    usage: Usage = Usage()
    model: str = ""
    """The one that really answered, after fallbacks."""
    finish: Literal["stop", "tool_calls", "length", "filtered", "cut"] = "stop"
    latency_ms: float = 0.0
    attempts: int = 1


class Model(Protocol):
    def window_tokens(self, model: str) -> int:
        """Tokens that model can read at once, or 0 when nobody knows."""
        ...

    def stream(self, request: ModelRequest) -> AsyncIterator[ModelDelta | ModelReply]:
        """Yield deltas, then one `ModelReply`. Closing the iterator closes the provider's connection.

        Raises:
            ModelRateLimited, ModelUnavailable: after all retries and fallbacks.
            ModelRefused: bad key, bad request, context too long.
        """
        ...
