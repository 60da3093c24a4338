"""What a platform tells us: one event model for every platform.

A parsed message from a Telegram group looks like this:

    Event(channel="support_tg", dedupe_key="update:1001", kind="message",
          conversation=Conversation(channel="support_tg", room="-100123", thread="7", kind="group"),
          sender=User(id="42", name="Ada"), text="@desk where is ORD-1042?", addressed="mention",
          message_id="55", occurred_at=datetime(…, tzinfo=UTC))
"""

from __future__ import annotations

__all__ = [
    "Action",
    "Addressed",
    "Attachment",
    "AttachmentKind",
    "Conversation",
    "ConversationKind",
    "Event",
    "EventKind",
    "ReplyTo",
    "User",
]

from datetime import datetime
from typing import Any, Literal

from botkit.core.data import Data
from botkit.core.ids import join_key, split_key

EventKind = Literal[
    "message",
    "edit",
    "delete",
    "action",
    "command",
    "reaction",
    "member",
    "delivery_status",
    "stop_generation",
    "thread_started",
    "unsupported",
    "quarantined",
    "wake",
    "trigger",
]
"""`wake` is ours: a decision, an answer or a timer for a paused run. `trigger` is what begins a run without a chat:
a webhook, a schedule. `quarantined` is a payload that no
parser understood, kept with its `raw`."""

ConversationKind = Literal["dm", "group"]
Addressed = Literal["dm", "mention", "reply", "command", "name", "none"]
AttachmentKind = Literal["image", "audio", "voice", "video", "file", "sticker", "location", "contact"]


class Conversation(Data):
    """One place to talk: a direct chat, a room, or a thread in a room."""

    channel: str
    """The account's name in bots.yaml."""
    room: str
    """The platform's id of the chat."""
    thread: str = ""
    """The platform's id of the thread or topic; empty outside of one."""
    kind: ConversationKind = "dm"
    title: str = ""
    """As the platform shows it; for people, never a key."""

    @property
    def key(self) -> str:
        """`{channel}:{room}:{thread}`, escaped, stable: what rows are keyed by."""
        return join_key(self.channel, self.room, self.thread)

    @classmethod
    def from_key(cls, key: str, kind: ConversationKind = "dm") -> Conversation:
        channel, room, thread = split_key(key)
        return cls(channel=channel, room=room, thread=thread, kind=kind)


class User(Data):
    """Who did it, as the platform knows them."""

    id: str
    """The platform's stable id. Never a phone number or a username where anything better exists."""
    name: str = ""
    """Display name."""
    username: str = ""
    is_bot: bool = False
    is_self: bool = False
    """The event is our own message coming back."""
    locale: str = ""
    """IETF tag such as `de` or `pt-BR`; empty when unknown."""
    timezone: str = ""
    """IANA name; empty when unknown."""
    aliases: dict[str, str] = {}
    """Other ids of the same account, such as `{"phone": "+15551230000"}`."""


class Attachment(Data):
    """A file that came or goes with a message. Bytes live behind the file store, never in the event."""

    kind: AttachmentKind
    name: str = ""
    mime: str = ""
    size_bytes: int = 0
    """0 when the platform does not say."""
    duration_s: float = 0.0
    width: int = 0
    height: int = 0
    remote: str = ""
    """What `Adapter.fetch` needs to download it; opaque, serialisable, not a secret."""
    file_id: str = ""
    """The id in our file store once it was fetched or produced; empty before."""
    latitude: float = 0.0
    longitude: float = 0.0
    text: str = ""
    """Transcript of a voice note, caption of a contact, alternative text of an image, what stands in a document."""
    problem: str = ""
    """Why nobody could read or hear it, where that was tried: the end of a sentence, for models and traces."""


class ReplyTo(Data):
    """The message this one answers."""

    message_id: str
    sender_id: str = ""
    is_ours: bool = False
    """It answers a message of the bot."""
    excerpt: str = ""


class Action(Data):
    """A pressed button, a choice, or a form that was sent. The same on every platform."""

    value: str
    """What the button or the first chosen option carried, or the form: a token of ours, at most 64 bytes."""
    values: tuple[str, ...] = ()
    """Every chosen option of a menu, in its order; empty for a button."""
    message_id: str = ""
    """The message the button sits on."""
    handle: str = ""
    """What `Adapter.acknowledge` needs; short-lived."""
    fields: dict[str, str | list[str]] = {}
    """Answers of a form by the names of its fields: text as it was typed, numbers too; `YYYY-MM-DD` for dates,
    `true` or `false` for checkboxes, the option's value for choices and a list of them where several may be chosen.
    Fields left empty are left out."""
    sent: bool = False
    """A form was sent: `fields` are its answers."""
    opens: bool = False
    """The button of a form was pressed: `Adapter.open_form` is expected."""

    @property
    def chosen(self) -> tuple[str, ...]:
        """The values of what was chosen, by a menu or by a button."""
        return self.values or ((self.value,) if self.value and not self.sent and not self.opens else ())


class Event(Data):
    """One thing that happened on a platform, or to a paused run."""

    channel: str
    dedupe_key: str
    """Unique for this event within its channel; a redelivery carries the same one."""
    kind: EventKind
    conversation: Conversation
    sender: User
    occurred_at: datetime
    """By the platform's clock; ours when it does not say."""
    text: str = ""
    addressed: Addressed = "none"
    """Why the bot should answer; `none` for overheard group talk."""
    command: str = ""
    """Without slash and bot name, lower case: `reset`. Set when `kind` is `command`; `text` is the rest."""
    message_id: str = ""
    target_id: str = ""
    """The message that was edited, deleted, reacted to or delivered."""
    reply_to: ReplyTo | None = None
    attachments: tuple[Attachment, ...] = ()
    album: str = ""
    """Messages of a conversation that carry the same value are one message that the platform sent in pieces."""
    action: Action | None = None
    status: str = ""
    """For `delivery_status`: sent, delivered, read, failed. For `reaction`: the emoji."""
    detail: str = ""
    """Why it is `unsupported` or `quarantined`, or the code of a failed delivery."""
    mentions: tuple[str, ...] = ()
    """Platform ids of the users mentioned."""
    raw: dict[str, Any] | None = None
    """The payload, kept only when it could not be normalised."""
    forwarded: str = ""
    """Whose words these are where the sender passes them on: a name, or `somebody`; empty: the sender's own."""
    route: str = ""
    """The bot the sender chose, where the channel lets people choose (the sandbox); empty elsewhere."""
    signal: dict[str, Any] | None = None
    """For `wake`: `{"run_id", "wait_id", "key", "kind", …answer}`. For a message that may hold a code: `{"sealed"}`,
    its text as nobody reads it in the database."""
