"""What the web page may ask of a running instance.

The page (`botkit.console`) knows only this port; `botkit.app` fills it. Who may open the page is decided
before a request reaches it (loopback in `dev`, an access token elsewhere, with Host and Origin checks), so
nothing here takes credentials: whoever gets through is the operator.

A chat on the page is a room of the `sandbox` channel. The page invents the room's name and keeps it; the
server keeps no state per tab.
"""

from __future__ import annotations

__all__ = [
    "BotInfo",
    "ChannelInfo",
    "ChatEntry",
    "ConsoleApi",
    "Overview",
    "PersonInfo",
    "Sent",
    "ServerInfo",
    "TraceView",
    "WaitView",
]

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol

from botkit.core.data import Data
from botkit.core.events import Attachment
from botkit.core.live import LiveEvent
from botkit.core.stores import RunSummary, Trace


class BotInfo(Data, omit_defaults=False):
    """A bot one may talk to."""

    name: str
    """Its key in bots.yaml, which `ConsoleApi.send` takes."""
    title: str = ""
    """Display name; the key when bots.yaml gives none."""
    description: str = ""
    model: str = ""
    workspace: str = ""
    welcome: str = ""
    examples: tuple[str, ...] = ()
    """Messages worth trying."""
    offline: bool = False
    """Answered by the built-in demo model."""


class PersonInfo(Data, omit_defaults=False):
    """Somebody one may speak as. Any other name is a new guest."""

    name: str
    title: str = ""
    roles: tuple[str, ...] = ()


class ChannelInfo(Data, omit_defaults=False):
    name: str
    platform: str
    state: Literal["off", "starting", "ok", "degraded", "fatal"]
    detail: str = ""
    """Why it is not `ok`, and what to do."""
    since: int = 0
    """Microseconds, UTC."""
    parts_pending: int = 0
    parts_unknown: int = 0
    """Messages that may or may not have arrived: an operator should look."""


class ServerInfo(Data, omit_defaults=False):
    """A tool server of the gateway."""

    name: str
    state: str
    """`ok`, `starting`, `stopped`, `failed`, `off`."""
    detail: str = ""
    tools: tuple[str, ...] = ()
    """Qualified names."""


class Overview(Data, omit_defaults=False):
    """Everything the first view of the page shows."""

    version: str
    mode: Literal["dev", "run"]
    revision: str
    """Of bots.yaml, the one that runs."""
    config_error: str = ""
    """Why the file on disk is not the one that runs; empty when it is."""
    bots: tuple[BotInfo, ...] = ()
    people: tuple[PersonInfo, ...] = ()
    channels: tuple[ChannelInfo, ...] = ()
    servers: tuple[ServerInfo, ...] = ()
    warnings: tuple[str, ...] = ()
    """What an operator should act on, each a sentence with its remedy."""
    counts: dict[str, int] = {}
    """As `Records.counts`."""


class Sent(Data, omit_defaults=False):
    """A message was stored and will be answered."""

    conversation: str
    """Conversation key: what live events and runs of this chat carry."""
    message_id: str
    new: bool = True
    """False: a message with this id was stored before; nothing happens twice."""


class ChatEntry(Data, omit_defaults=False):
    """One thing said in a chat, for showing it again after a reload."""

    role: Literal["user", "assistant", "tool", "note"]
    text: str
    at: int
    """Microseconds, UTC."""
    name: str = ""
    """Who spoke; for `tool` the tool's name."""
    run_id: str = ""
    """What was said outside of a run has an id of its own here: a command and its answer share one."""
    seq: int = 0
    message_id: str = ""
    """Outside of a run: the id the page gave a message when it sent it, or that of the notice (without the number of
    its part)."""


class WaitView(Data, omit_defaults=False):
    """Something a person has to decide."""

    id: str
    kind: str
    """`approval`, `reply`, `reconcile` …"""
    run_id: str
    bot: str = ""
    conversation: str = ""
    person: str = ""
    """Who asked for it."""
    title: str = ""
    """One line: what is asked."""
    tool: str = ""
    arguments: dict[str, Any] = {}
    reason: str = ""
    details: dict[str, Any] = {}
    """What reviewers should see, of a workflow's handoff."""
    edit: dict[str, Any] = {}
    """Values that may be changed with the decision, as they are proposed."""
    form: dict[str, Any] = {}
    """Of a question that is one: `{"title", "fields": [{"name", "label", "kind", …}]}`, as `core.messages.Form`."""
    part_id: str = ""
    """The outbox part that asks in chat; the page shows the decision itself instead of that message."""
    created_at: int = 0
    expires_at: int = 0


class TraceView(Data, omit_defaults=False):
    """One run from platform event to delivered part."""

    trace: Trace
    person: str = ""
    latency_ms: float = 0.0
    cost_cents: float = 0.0


class ConsoleApi(Protocol):
    """Every method raises `BotkitError` with a sentence fit to be shown; ids that do not exist are `NotFound`."""

    async def overview(self) -> Overview: ...

    async def attach(self, name: str, data: bytes) -> Attachment:
        """Store a file for the next message. Raises `LimitReached`."""
        ...

    async def send(
        self,
        room: str,
        *,
        bot: str,
        person: str,
        text: str,
        message_id: str = "",
        files: Sequence[Attachment] = (),
    ) -> Sent:
        """Say something in a sandbox room. Commands (`/reset`) are messages that begin with a slash.

        Durable when it returns; the answer arrives by `watch`. Repeating with the same `message_id` is safe.

        Args:
            files: as `attach` returned them.

        Raises:
            NotFound: no such bot.
            LimitReached: the text is larger than a message may be.
        """
        ...

    async def press(self, room: str, *, bot: str, person: str, value: str, message_id: str = "") -> Sent:
        """Press a button that a message of the bot carries."""
        ...

    def watch(self, room: str) -> AbstractAsyncContextManager[AsyncIterator[LiveEvent]]:
        """Live events of a sandbox room from now on; `""`: of every conversation.

        Ends by itself when the instance shuts down, so a response that streams it ends too. Watch first,
        send after: nothing is missed then.
        """
        ...

    async def history(self, room: str, *, limit: int = 100) -> Sequence[ChatEntry]:
        """What was said in a sandbox room, oldest first."""
        ...

    async def stop(self, room: str, *, bot: str, person: str) -> None:
        """Stop the answer being written; what was shown stays, marked as stopped."""
        ...

    async def runs(
        self, *, bot: str = "", state: str = "", conversation: str = "", limit: int = 50, before: str = ""
    ) -> Sequence[RunSummary]:
        """Newest first, of all channels or of one conversation key; `before` is a run id to page on."""
        ...

    async def trace(self, run_id: str) -> TraceView:
        """A run by id or unambiguous prefix."""
        ...

    async def waits(self) -> Sequence[WaitView]:
        """What waits for a decision, oldest first."""
        ...

    async def decide(self, wait_id: str, *, approved: bool, comment: str = "") -> WaitView:
        """Approve or reject, once. Raises `Conflict` when somebody decided first."""
        ...

    async def answer(self, wait_id: str, *, fields: Mapping[str, Any]) -> WaitView:
        """Answer the question of a tool by the fields of its form, once. Raises `Conflict` when it was answered."""
        ...

    async def resolve(self, wait_id: str, *, action: Literal["retry", "result", "fail"], text: str = "") -> WaitView:
        """Tell what became of an effect nobody could confirm: do it (again), it gave this result, it did not happen.

        Raises:
            NotFound: nothing of that id waits to be resolved.
            Conflict: somebody was faster.
        """
        ...

    async def cancel(self, run_id: str) -> None:
        """End a run that is waiting or running."""
        ...
