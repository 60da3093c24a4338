"""Every error botkit raises on purpose, as one tree.

    BotkitError
    ├── ConfigError              bots.yaml or the environment is wrong (exit code 2)
    ├── StoreError
    │   ├── StoreBusy            another process owns the home, or the database is locked
    │   ├── StoreFull            the disk is full
    │   ├── StoreCorrupt         the database file is damaged
    │   └── Fenced               this process lost its lease; its work was taken over
    ├── NotFound                 no such thing, or the caller may not know that it exists
    ├── Conflict                 somebody else decided first, or the name is taken
    ├── Denied                   the caller is known and has no right to do this
    ├── LimitReached             a rate, size, time, money or iteration limit
    │   └── BudgetUsedUp         no money, tokens or tool calls are left; the call was not made
    ├── ToolError                a tool or its server failed
    │   ├── ToolUnavailable      the server is down, unknown or starting; the call was never sent
    │   ├── ToolTimeout          the deadline passed with the call sent
    │   └── InvalidArguments     the arguments do not fit the tool's schema
    ├── ModelError               a model provider failed
    │   ├── ModelRateLimited     429 or overloaded
    │   ├── ModelUnavailable     5xx, connection, timeout, cut stream
    │   └── ModelRefused         4xx that a retry cannot mend: bad key, bad request, context too long
    ├── SecretError              a secret is missing, or cannot be opened with this master key
    └── AdapterError             a platform refused something
        ├── RateLimited          wait `retry_after_s`
        ├── SendUnknown          the request left and no answer came: it may have been delivered
        ├── SendFailed           the platform refused the message; it was not delivered
        ├── ChatGone             the bot was blocked or removed
        ├── ChannelFatal         token revoked, second poller, missing permission: a person must act
        └── BadSignature         an inbound request is not from the platform

Stopping, skipping and waiting are results, not errors.
"""

from __future__ import annotations

__all__ = [
    "AdapterError",
    "BadSignature",
    "BotkitError",
    "BudgetUsedUp",
    "ChannelFatal",
    "ChatGone",
    "ConfigError",
    "Conflict",
    "Denied",
    "Fenced",
    "InvalidArguments",
    "LimitReached",
    "ModelError",
    "ModelRateLimited",
    "ModelRefused",
    "ModelUnavailable",
    "NotFound",
    "Problem",
    "RateLimited",
    "SecretError",
    "SendFailed",
    "SendUnknown",
    "StoreBusy",
    "StoreCorrupt",
    "StoreError",
    "StoreFull",
    "ToolError",
    "ToolTimeout",
    "ToolUnavailable",
]

from dataclasses import dataclass
from typing import Any


class BotkitError(Exception):
    """The root. `str(error)` is one sentence for the operator: what happened, what to do next.

    Args:
        message: the sentence. Never contains a secret.
        facts: what a log line or a test needs (bot, tool, channel, run, limit …).
    """

    code: str = "botkit"
    """Stable identifier, safe to show and to match on."""
    retryable: bool = False
    """Whether the same call may succeed later without anybody changing anything."""
    retry_after_s: float | None = None
    """Seconds the other side asked us to wait, where it said so."""

    def __init__(self, message: str, *, retry_after_s: float | None = None, **facts: Any):
        super().__init__(message)
        self.facts = facts
        if retry_after_s is not None:
            self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Problem:
    """One located mistake in a file, ready to be printed as `file:line:column: path: message`."""

    message: str
    file: str = ""
    line: int = 0
    """1-based; 0 when the problem has no place."""
    column: int = 0
    """1-based."""
    path: str = ""
    """Dotted path inside the document, such as `bots.helper.model`."""
    hint: str = ""
    """The likely fix, such as the nearest valid name."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else f"{self.file}: " if self.file else ""
        path = f"{self.path}: " if self.path else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}{path}{self.message}{hint}"


class ConfigError(BotkitError):
    """Configuration is wrong. Carries every problem found, not only the first."""

    code = "config"

    def __init__(self, message: str, problems: tuple[Problem, ...] = (), **facts: Any):
        super().__init__(message, **facts)
        self.problems = problems

    def __str__(self) -> str:
        head = super().__str__()
        return "\n".join([head, *(str(p) for p in self.problems)]) if self.problems else head


class StoreError(BotkitError):
    code = "store"


class StoreBusy(StoreError):
    code = "store_busy"
    retryable = True


class StoreFull(StoreError):
    code = "store_full"
    retryable = True


class StoreCorrupt(StoreError):
    code = "store_corrupt"


class Fenced(StoreError):
    """Another process took this lane over. Drop the run without a word: the owner answers."""

    code = "fenced"


class NotFound(BotkitError):
    code = "not_found"


class Conflict(BotkitError):
    code = "conflict"


class Denied(BotkitError):
    code = "denied"


class LimitReached(BotkitError):
    """A limit ended the work. `facts["limit"]` names it, `facts["value"]` is its size."""

    code = "limit_reached"


class BudgetUsedUp(LimitReached):
    """A budget has no room for the call. `facts["value"]` names it, `facts["who"]` tells whose count it is."""

    code = "budget"


class ToolError(BotkitError):
    code = "tool"


class ToolUnavailable(ToolError):
    code = "tool_unavailable"
    retryable = True


class ToolTimeout(ToolError):
    code = "tool_timeout"


class InvalidArguments(ToolError):
    code = "invalid_arguments"

    def __init__(self, message: str, problems: tuple[Problem, ...] = (), **facts: Any):
        super().__init__(message, **facts)
        self.problems = problems


class ModelError(BotkitError):
    code = "model"


class ModelRateLimited(ModelError):
    code = "model_rate_limited"
    retryable = True


class ModelUnavailable(ModelError):
    code = "model_unavailable"
    retryable = True


class ModelRefused(ModelError):
    code = "model_refused"


class SecretError(BotkitError):
    code = "secret"


class AdapterError(BotkitError):
    code = "adapter"


class RateLimited(AdapterError):
    code = "rate_limited"
    retryable = True


class SendUnknown(AdapterError):
    code = "send_unknown"


class SendFailed(AdapterError):
    code = "send_failed"


class ChatGone(AdapterError):
    code = "chat_gone"


class ChannelFatal(AdapterError):
    code = "channel_fatal"


class BadSignature(AdapterError):
    code = "bad_signature"
