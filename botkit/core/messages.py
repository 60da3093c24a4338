"""What we tell a platform: messages, their rendered parts, receipts, and what a conversation can show."""

from __future__ import annotations

__all__ = [
    "Button",
    "Capabilities",
    "Card",
    "Fact",
    "FieldKind",
    "Form",
    "FormField",
    "Mention",
    "Option",
    "OutMessage",
    "Part",
    "PartState",
    "Receipt",
    "Rendered",
    "Select",
    "StreamKind",
    "Template",
]

from typing import Any, Literal

from botkit.core.data import Data
from botkit.core.events import Attachment, Conversation

StreamKind = Literal["draft", "edit", "native", "none"]
"""`draft`: a passing preview beside the message. `edit`: the message is edited again and again, with a cursor at its
end. `native`: the platform knows messages that grow; the first words are sent as `OutMessage.streaming`, what follows
comes as `Adapter.update` with the whole text so far, and the final text as a part with the message's id, as for
`edit`."""
PartState = Literal["pending", "sending", "sent", "unknown", "failed", "dropped"]
"""`unknown`: it left and no answer came. `dropped`: an operator or a policy decided not to send it."""


class Button(Data):
    label: str
    value: str
    """Comes back as `Action.value`; at most 64 bytes."""
    style: Literal["default", "primary", "danger"] = "default"
    url: str = ""
    """Opens a link instead of sending an action."""


class Option(Data):
    """One thing to choose."""

    label: str
    value: str
    """Comes back in `Action.values`; at most 64 bytes."""
    about: str = ""
    """A line below the label, where there is room for one."""


class Select(Data):
    """A choice among options: a menu, else buttons, else a numbered list."""

    value: str
    """Comes back as `Action.value` when nothing was chosen, which `least` of 0 allows; at most 64 bytes."""
    options: tuple[Option, ...]
    label: str = ""
    """What is asked, and what the menu says before anything is chosen."""
    least: int = 1
    most: int = 1
    """How many options may be chosen."""
    hint: str = ""
    """How to answer where the options are only a list: a sentence in the language of the conversation."""

    @property
    def is_single(self) -> bool:
        return self.least == self.most == 1


FieldKind = Literal["text", "paragraph", "number", "date", "choice", "checkbox"]


class FormField(Data):
    """One question of a form."""

    name: str
    """Key of the answer in `Action.fields`; at most 64 bytes."""
    label: str
    kind: FieldKind = "text"
    required: bool = False
    about: str = ""
    """A line of explanation."""
    initial: str = ""
    """What stands there already; for a choice the value of an option, for a checkbox `true`."""
    least: float | None = None
    most: float | None = None
    """Of a number its range, of text its characters, of a choice how many options; None: any."""
    options: tuple[Option, ...] = ()
    """Of a `choice`."""
    many: bool = False
    """Of a `choice`: several options may be chosen; the answer is a list of their values."""


class Form(Data):
    """Questions answered together: a dialog, else asked in the chat. Answers arrive as one `Action` with `fields`."""

    value: str
    """Comes back as `Action.value`; at most 64 bytes."""
    title: str
    fields: tuple[FormField, ...]
    open_label: str = "Fill in"
    """On the button that opens the dialog."""
    send_label: str = "Send"


class Fact(Data):
    """A line of a card: `Status: on its way`."""

    label: str
    value: str


class Card(Data):
    """A thing to look at: a product, an order, an appointment. Several in one message are a carousel."""

    title: str = ""
    text: str = ""
    """CommonMark."""
    image: Attachment | None = None
    facts: tuple[Fact, ...] = ()
    buttons: tuple[tuple[Button, ...], ...] = ()
    url: str = ""
    """What the title leads to."""


class Mention(Data):
    """Somebody this message may ring. `<@ID>` in the text is where they are named; nobody else is rung."""

    id: str
    """The platform's id of the person."""
    name: str
    """What is written where the platform cannot link to people."""


class Template(Data):
    """A message the platform approved beforehand (WhatsApp), sent in place of the text. Elsewhere the text is sent."""

    name: str
    """Cloud API: its name. Twilio: the sid of its content (`HX…`)."""
    language: str = "en"
    variables: tuple[str, ...] = ()


class OutMessage(Data):
    """One message as the engine means it; the adapter renders it to what the platform shows best."""

    text: str = ""
    """CommonMark with tables and strike-through. Mentions in it are inert."""
    reply_to: str = ""
    """Platform id of the message this one answers, shown as a quote where the platform has that."""
    buttons: tuple[tuple[Button, ...], ...] = ()
    """Rows of buttons."""
    selects: tuple[Select, ...] = ()
    form: Form | None = None
    cards: tuple[Card, ...] = ()
    mentions: tuple[Mention, ...] = ()
    """Whom it may ring; nobody by default, whatever the text says."""
    template: Template | None = None
    attachments: tuple[Attachment, ...] = ()
    visible_to: str = ""
    """Platform id of the only person who should see it, where the platform can do that."""
    silent: bool = False
    """Deliver without a sound."""
    edit_of: str = ""
    """Id of the part whose message this one replaces (decided approvals, finished streams)."""
    streaming: bool = False
    """The first words of a message that will grow (`stream: native`)."""
    asked_by: str = ""
    """With `streaming`: platform id of the person it answers; empty when nobody asked."""


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
    button_limit: int = 25
    """How many buttons one message holds."""
    selects: int = 0
    """How many options a menu holds; 0: there are no menus."""
    multi_selects: bool = False
    """Whether several options of a menu can be chosen."""
    forms: int = 0
    """How many fields a form has that is filled in at once (a dialog); 0: there are none."""
    form_choices: int = 25
    """How many options a field of such a form holds."""
    cards: int = 0
    """How many cards one message holds; 0: cards are shown as text with an image."""
    mentions: bool = False
    """Whether people can be named so that it rings them."""
    templates: bool = False
    window_s: float = 0.0
    """How long after the last message of a person others than approved templates reach them; 0: always."""
    threads: bool = False
    reactions: bool = False
    files: bool = False
    file_in_limit_bytes: int = 0
    file_out_limit_bytes: int = 0
    ephemeral: bool = False
    idempotent_send: Literal["native", "lookup", "none"] = "none"
    """`native`: the same part id sent twice shows once. `lookup`: `Adapter.find` can tell whether it arrived."""
    commands: bool = False
