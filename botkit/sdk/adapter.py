"""The contract of a platform adapter.

An adapter is one class: a pure `parse` and a pure `render`, a signature check, and a thin shell that
starts, stops and sends. It never decides whether to answer, never retries, never splits work in memory:
the engine, the journal and the outbox do that for every platform alike.
"""

from __future__ import annotations

__all__ = ["Adapter", "AdapterHost", "Health", "HttpRequest", "HttpResponse", "Setup", "SetupFor"]

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol

from botkit.core.clock import Clock
from botkit.core.data import Data
from botkit.core.events import Attachment, Conversation, Event
from botkit.core.messages import Capabilities, Form, OutMessage, Part, Receipt, Rendered


class Health(Data):
    """How a channel is doing, judged by its transport, never by how recent the last message was."""

    state: Literal["off", "starting", "ok", "degraded", "fatal"]
    """`degraded` mends itself; `fatal` needs a person, and `detail` says what to do."""
    detail: str = ""
    since: int = 0
    """Microseconds, UTC."""


class HttpRequest(Data):
    """An inbound webhook request, as raw as the signature needs it."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Lower-case names."""
    query: Mapping[str, str] = {}
    body: bytes = b""
    url: str = ""
    """Public URL the platform called, built from BOTKIT_PUBLIC_URL, never from the Host header."""


class HttpResponse(Data):
    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = {}


class SetupFor(Data):
    """A channel that somebody sets up at its platform."""

    channel: str
    name: str
    """Of the bot, as people see it."""
    description: str = ""
    commands: tuple[tuple[str, str], ...] = ()
    """(name, one-line description) of every chat command."""
    address: str = ""
    """Where the platform posts to; empty when it does not, or when there is no public address yet."""


class Setup(Data):
    """What to do at the platform, in order."""

    steps: tuple[str, ...]
    document: str = ""
    """To paste there, such as a manifest."""


class AdapterHost(Protocol):
    """What botkit offers an adapter."""

    @property
    def clock(self) -> Clock: ...

    @property
    def public_url(self) -> str:
        """BOTKIT_PUBLIC_URL without a trailing slash; empty when the instance is not reachable from outside."""
        ...

    @property
    def commands(self) -> Sequence[tuple[str, str]]:
        """(name, one-line description) of every chat command, to register where the platform lists them."""
        ...

    @property
    def translated_commands(self) -> Mapping[str, Sequence[tuple[str, str]]]:
        """The same by language (ISO 639-1), besides English, for platforms that show people their own."""
        ...

    async def accept(self, event: Event) -> bool:
        """Store an event. When this returns it is durable and the platform may be acknowledged.

        False: it had been accepted before. Raises `StoreError` when it could not be stored: do not
        acknowledge, the platform will deliver it again.
        """
        ...

    async def converse(self, event: Event, timeout_s: float) -> Mapping[str, Any]:
        """Store an event and wait for what comes of it, for platforms that answer in the same request.

        Returns what `botkit chat --json` prints: `response`, `status`, `tool_calls`, `tokens`, `cost_cents`,
        `latency_ms`, `run_id` … With a `status` of `running` the time was up; the same event again waits on, or returns
        the answer that was given meanwhile. Raises `StoreError` when it could not be stored.
        """
        ...

    async def secret(self, name: str) -> str:
        """A live secret of the instance. Use it at once, keep it nowhere a log can reach."""
        ...

    def report(self, health: Health) -> None: ...

    async def load_file(self, attachment: Attachment) -> bytes:
        """Bytes of an outgoing attachment."""
        ...

    async def heard(self, limit: int = 500) -> Sequence[Event]:
        """The newest events of this channel, newest first.

        Where a platform does not deliver what was missed, it is asked for what came after these.
        """
        ...

    async def share_file(self, attachment: Attachment) -> str:
        """An address from which the platform itself may fetch an outgoing attachment for an hour.

        Raises `NotFound` when the instance has no public address, or the file was never stored.
        """
        ...


class Adapter(ABC):
    """One account on one platform.

    Subclasses set `platform` and implement the abstract methods; the optional ones declare themselves
    through `capabilities`.
    """

    platform: ClassVar[str]
    """As written in bots.yaml: `telegram`."""

    def __init__(self, channel: str, config: Any, host: AdapterHost):
        self.channel = channel
        """The account's name in bots.yaml."""
        self.config = config
        """The channel's validated model from `botkit.core.config`."""
        self.host = host

    @classmethod
    def setup(cls, config: Any, about: SetupFor) -> Setup | None:
        """What an operator does at the platform so that the channel works. Pure; None: nothing to add."""
        return None

    @abstractmethod
    async def start(self) -> None:
        """Connect and begin to deliver events to `host.accept`; return once running.

        Own every task you start. Raises `ChannelFatal` when a person must act first.
        """

    @abstractmethod
    async def stop(self) -> None:
        """Stop taking events, keep what was not acknowledged for the platform to deliver again, disconnect."""

    @abstractmethod
    def parse(self, payload: Mapping[str, Any]) -> Sequence[Event]:
        """Turn one platform payload into events. Pure; never raises for anything a platform may send:
        unknown kinds become `unsupported`, what cannot be understood becomes `quarantined` with its `raw`."""

    @abstractmethod
    def capabilities(self, conversation: Conversation) -> Capabilities: ...

    @abstractmethod
    def render(self, message: OutMessage, conversation: Conversation) -> Sequence[Rendered]:
        """Turn one message into the platform messages that show it, in order. Pure and deterministic: the
        results are stored before the first one is sent. Nothing is dropped in silence."""

    @abstractmethod
    async def send(self, part: Part) -> Receipt:
        """Deliver one part; with `part.edit_of`, `part.message_id` names the message to edit instead.

        Called in order per conversation, never twice at once for one part.

        Raises:
            RateLimited: nothing was delivered; wait `retry_after_s`.
            AdapterError with `retryable`: nothing was delivered (connect error); try again.
            SendUnknown: the request left and no answer came.
            SendFailed: refused for good.
            ChatGone: the bot was blocked or removed.
            ChannelFatal: no message can be sent until a person acts.
        """

    def direct_room(self, user_id: str) -> str:
        """The room of the private chat with a person; empty where that cannot be told from their id."""
        return ""

    async def find(self, part: Part) -> Receipt | None:
        """Look up whether a part arrived (`idempotent_send: lookup`); None when it did not."""
        return None

    async def typing(self, conversation: Conversation) -> None:
        """Show activity for `capabilities.typing_s` seconds. Errors are the adapter's to swallow."""
        return

    async def draft(self, conversation: Conversation, draft_id: int, text: str) -> None:
        """Show a passing preview (`stream: draft`). Repeating is safe; errors are the adapter's to swallow."""
        return

    async def update(self, part: Part, text: str) -> None:
        """Show intermediate text in a message already sent (`stream: edit` or `native`): all of it, not what is new.
        Errors are swallowed."""
        return

    async def acknowledge(self, event: Event, text: str = "") -> None:
        """Answer a button press within the platform's deadline, once. Errors are swallowed."""
        return

    async def open_form(self, event: Event, form: Form) -> bool:
        """Show the form whose button was pressed (`Action.opens`), within the platform's deadline.

        False: there are no forms, or it is too late for this one; its fields are asked for in the chat then.
        """
        return False

    async def react(self, conversation: Conversation, message_id: str, emoji: str) -> None:
        """Add a reaction of ours; an empty emoji removes it. Errors are swallowed."""
        return

    async def fetch(self, attachment: Attachment) -> AsyncGenerator[bytes]:
        """Download an incoming file. Raises `LimitReached` above the platform's or our cap, `NotFound`
        when the link expired."""
        raise NotImplementedError(f"{self.platform} has no files")
        yield b""  # pragma: no cover - makes this an async generator

    async def webhook(self, request: HttpRequest) -> HttpResponse:
        """Verify, parse, accept, then answer. Raises `BadSignature` before anything is stored."""
        return HttpResponse(status=404)
