"""The model port: one chat completion, streamed.

Messages and tools use the OpenAI chat-completions shapes, which is what LiteLLM speaks:

    {"role": "system" | "user" | "assistant" | "tool", "content": "…",
     "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "notes__add", "arguments": "{…}"}}],
     "tool_call_id": "c1"}
    {"type": "function", "function": {"name": "notes__add", "description": "…", "parameters": {…}}}

Source: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

__all__ = [
    "Escalation",
    "Model",
    "ModelDelta",
    "ModelReply",
    "ModelRequest",
    "RequestedCall",
    "Signal",
    "Usage",
]

from collections.abc import AsyncIterator
from typing import Any, Literal, Protocol

from botkit.core.data import Data


class Usage(Data):
    """Tokens and money of one or several model calls."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Input tokens the provider served from its prompt cache; part of `input_tokens`."""
    cache_write_tokens: int = 0
    """Input tokens the provider put into its prompt cache, where it says so; part of `input_tokens` too."""
    cost_micros: int = 0
    """Millionths of `settings.currency`."""
    estimated: bool = False
    """The provider did not report usage (a cut stream): tokens were counted here."""
    unpriced: bool = False
    """Nobody knows the price of the model, or of one of them: it cost more than `cost_micros` says."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            cost_micros=self.cost_micros + other.cost_micros,
            estimated=self.estimated or other.estimated,
            unpriced=self.unpriced or other.unpriced,
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
    stable_chars: int = 0
    """How much of the first message is the same in every turn: as far as a provider may keep it in its prompt cache."""
    timeout_s: float = 60.0
    trace_id: str = ""
    workspace: str = ""
    """On whose behalf: its own keys are used where it has some. Empty: those of the instance."""
    person_id: str = ""
    """For whom; answers kept for identical calls are kept for each person."""


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
    seen: tuple[str, ...] = ()
    """Ids of the files it was given."""
    reused: bool = False
    """No model was asked: it answered the identical call before."""


Signal = Literal["invalid", "filtered", "length", "unsure", "tool_failures"]
"""Why an answer is not good enough: it does not fit its schema, the provider's filter stopped it, it was cut at its
length, it says itself that it is not sure, or tools failed round after round."""


class Escalation(Data):
    """The stronger model behind a model."""

    to: str
    """Alias or LiteLLM name."""
    on: tuple[Signal, ...]
    confidence: float = 0.5
    """`unsure` below this."""
    tool_failures: int = 2
    """Rounds in a row in which every call failed."""
    most: int = 3
    """Calls of the stronger model for one message."""


class Model(Protocol):
    def window_tokens(self, model: str) -> int:
        """Tokens that model can read at once, or 0 when nobody knows."""
        ...

    def escalation(self, model: str) -> Escalation | None:
        """Which model is asked where the answer of this one is not good enough, if any."""
        ...

    def stream(self, request: ModelRequest) -> AsyncIterator[ModelDelta | ModelReply]:
        """Yield deltas, then one `ModelReply`. Closing the iterator closes the provider's connection.

        Raises:
            ModelRateLimited, ModelUnavailable: after all retries and fallbacks.
            ModelRefused: bad key, bad request, context too long.
        """
        ...
