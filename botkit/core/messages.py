"""What we tell a platform: messages, their rendered parts, receipts, and what a conversation can show."""

from __future__ import annotations

__all__ = ["Button", "Capabilities", "OutMessage", "Part", "PartState", "Receipt", "Rendered", "StreamKind"]

from typing import Any, Literal

from botkit.core.data import Data
from botkit.core.events import Attachment, Conversation

StreamKind = Literal["draft", "edit", "native", "none"]
PartState = Literal["pending", "sending", "sent", "unknown", "failed", "dropped"]
"""`unknown`: it left and no answer came. `dropped`: an operator or a policy decided not to send it."""


class Button(Data):
    label: str
    value: str
    """Comes back as `Action.value`; at most 64 bytes."""
    style: Literal["default", "primary", "danger"] = "default"
    url: str = ""
    """Opens a link instead of sending an action."""


class OutMessage(Data):
    """One message as the engine means it; the adapter renders it to what the platform shows best."""

    text: str = ""
    """CommonMark with tables and strike-through. Mentions in it are inert."""
    reply_to: str = ""
    """Platform id of the message this one answers, shown as a quote where the platform has that."""
    buttons: tuple[tuple[Button, ...], ...] = ()
    """Rows of buttons."""
    attachments: tuple[Attachment, ...] = ()
    visible_to: str = ""
    """Platform id of the only person who should see it, where the platform can do that."""
    silent: bool = False
    """Deliver without a sound."""
    edit_of: str = ""
    """Id of the part whose message this one replaces (decided approvals, finished streams)."""


class Rendered(Data):
    """One platform message, ready to send: the result of the pure `Adapter.render`."""

    payload: dict[str, Any]
    """Platform-specific, JSON only, without conversation ids or credentials."""
    text: str = ""
    """What a person will read, for transcripts and the console."""


class Part(Data):
    """One row of the outbox: one platform message with an id that is the same at every attempt."""

    id: str
    run_id: str = ""
    conversation: Conversation
    index: int = 0
    """Position within its message."""
    payload: dict[str, Any]
    """`Rendered.payload`."""
    text: str = ""
    state: PartState = "pending"
    message_id: str = ""
    """The platform's id once it is known (also of an open stream that will be edited to the final text)."""
    edit_of: str = ""
    """Part id: edit that part's message instead of sending a new one."""
    attempts: int = 0
    error: str = ""
    created_at: int = 0
    """Microseconds, UTC."""


class Receipt(Data):
    """The platform took it."""

    message_id: str
    conversation: Conversation | None = None
    """Set when the platform moved the chat (a Telegram group that became a supergroup)."""


class Capabilities(Data):
    """What one conversation on one platform can do. The engine degrades by these, never by platform name."""

    text_limit: int = 4096
    text_unit: Literal["utf16", "codepoints", "bytes"] = "codepoints"
    stream: StreamKind = "none"
    stream_interval_s: float = 1.0
    """Least time between two updates of one streamed message."""
    typing_s: float = 0.0
    """How long one typing signal lasts; 0 when there is none."""
    edit: bool = False
    delete: bool = False
    buttons: bool = False
    button_value_bytes: int = 64
    threads: bool = False
    reactions: bool = False
    files: bool = False
    file_in_limit_bytes: int = 0
    file_out_limit_bytes: int = 0
    ephemeral: bool = False
    idempotent_send: Literal["native", "lookup", "none"] = "none"
    """`native`: the same part id sent twice shows once. `lookup`: `Adapter.find` can tell whether it arrived."""
    commands: bool = False
