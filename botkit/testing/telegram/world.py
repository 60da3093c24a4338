"""What exists at the fake: people, chats, messages, files, and their Bot API JSON."""

from __future__ import annotations

__all__ = ["BOT_ID", "FakeChat", "FakeDraft", "FakeFile", "FakeMessage", "FakeUser", "World"]

from dataclasses import dataclass, field
from typing import Any, Literal

from botkit.core.clock import Clock
from botkit.testing.telegram.parser import Entity

BOT_ID = 4242
MemberStatus = Literal["creator", "member", "left", "kicked"]
DRAFT_LIFE_S = 30.0
"""A draft disappears by itself after this; https://core.telegram.org/bots/api#sendmessagedraft."""


@dataclass(slots=True)
class FakeUser:
    id: int
    first_name: str
    username: str = ""
    language_code: str = "en"
    is_bot: bool = False
    blocked: bool = False
    """This person blocked the bot."""
    deactivated: bool = False

    def as_json(self) -> dict[str, Any]:
        user: dict[str, Any] = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        if self.username:
            user["username"] = self.username
        if self.language_code and not self.is_bot:
            user["language_code"] = self.language_code
        return user


@dataclass(slots=True)
class FakeChat:
    id: int
    kind: Literal["private", "group", "supergroup"]
    title: str = ""
    user: FakeUser | None = None
    """The other side of a private chat."""
    members: set[int] = field(default_factory=set[int])
    is_forum: bool = False
    topics: dict[int, str] = field(default_factory=dict[int, str])
    closed_topics: set[int] = field(default_factory=set[int])
    bot_status: MemberStatus = "member"
    migrated_to: int = 0
    last_message_id: int = 0
    last_speaker_id: int = 0

    def as_json(self) -> dict[str, Any]:
        if self.user is not None:
            chat: dict[str, Any] = {"id": self.id, "type": "private", "first_name": self.user.first_name}
            if self.user.username:
                chat["username"] = self.user.username
            return chat
        chat = {"id": self.id, "type": self.kind, "title": self.title}
        if self.is_forum:
            chat["is_forum"] = True
        return chat


@dataclass(slots=True)
class FakeFile:
    """A stored file. `size` may claim more than `data` holds, so that a test of a limit stays small."""

    file_id: str
    data: bytes
    name: str = ""
    mime: str = "application/octet-stream"
    size: int = 0
    path: str = ""
    expired: bool = False


@dataclass(slots=True)
class FakeMessage:
    """A message as a person sees it now, with what it was before."""

    chat_id: int
    message_id: int
    sender: FakeUser
    date: int
    text: str = ""
    """Text or caption, without markup."""
    entities: list[Entity] = field(default_factory=list[Entity])
    kind: str = "text"
    """`text`, `photo`, `document`, … : the key of `media` in the Bot API object."""
    media: Any = None
    file: FakeFile | None = None
    reply_to: int = 0
    thread: int = 0
    markup: dict[str, Any] | None = None
    """The inline keyboard."""
    edits: list[str] = field(default_factory=list[str])
    """Earlier texts, oldest first."""
    edit_date: int = 0
    deleted: bool = False
    silent: bool = False
    album: str = ""
    via: str = ""
    """The API method that made it; empty for a person's message."""
    service: dict[str, Any] = field(default_factory=dict[str, Any])
    """Extra Bot API fields (new_chat_members, forward_origin …)."""
    reactions: dict[int, list[dict[str, Any]]] = field(default_factory=dict[int, list[dict[str, Any]]])

    @property
    def buttons(self) -> list[dict[str, Any]]:
        """All inline buttons, row after row."""
        rows: list[list[dict[str, Any]]] = (self.markup or {}).get("inline_keyboard", [])
        return [button for row in rows for button in row]

    @property
    def labels(self) -> list[str]:
        return [str(button["text"]) for button in self.buttons]


@dataclass(slots=True)
class FakeDraft:
    """A streamed preview in a private chat."""

    chat_id: int
    draft_id: int
    thread: int
    text: str
    updated_at: float
    """Seconds since 1970 by the injected clock."""
    can_stop: bool = False
    keep_on_stop: bool = False
    stopped: bool = False


class World:
    """All state of one bot's Telegram, without any HTTP."""

    def __init__(self, *, clock: Clock, bot_username: str, privacy_mode: bool):
        self.clock = clock
        self.bot = FakeUser(BOT_ID, "Desk", bot_username, "", is_bot=True)
        self.privacy_mode = privacy_mode
        self.users: dict[int, FakeUser] = {BOT_ID: self.bot}
        self.chats: dict[int, FakeChat] = {}
        self.messages: dict[tuple[int, int], FakeMessage] = {}
        self.order: list[FakeMessage] = []
        self.files: dict[str, FakeFile] = {}
        self.drafts: dict[tuple[int, int], FakeDraft] = {}
        self.draft_history: list[FakeDraft] = []
        self.commands: dict[str, list[dict[str, str]]] = {}
        self.callbacks: dict[str, Literal["open", "answered", "expired"]] = {}
        self.callback_answers: list[dict[str, Any]] = []
        self.actions: list[dict[str, Any]] = []
        self._account_messages = 0
        self._next_user = 700_001
        self._next_group = 1

    def now(self) -> int:
        return int(self.clock.now().timestamp())

    # --- people and chats -------------------------------------------------------------------------------

    def add_user(self, name: str, *, username: str = "", language: str = "en", is_bot: bool = False) -> FakeUser:
        user = FakeUser(self._next_user, name, username, language, is_bot)
        self._next_user += 1
        self.users[user.id] = user
        return user

    def private_chat(self, user: FakeUser) -> FakeChat:
        """The chat of a person with the bot; its id is the person's id, as at Telegram."""
        chat = self.chats.get(user.id)
        if chat is None:
            chat = self.chats[user.id] = FakeChat(user.id, "private", user=user, members={user.id, BOT_ID})
        return chat

    def add_group(self, title: str, *, basic: bool = False, forum: bool = False) -> FakeChat:
        number = self._next_group
        self._next_group += 1
        chat_id = -5_000_000 - number if basic else -1_001_000_000_000 - number
        chat = FakeChat(chat_id, "group" if basic else "supergroup", title, is_forum=forum, members={BOT_ID})
        self.chats[chat_id] = chat
        return chat

    # --- messages ---------------------------------------------------------------------------------------

    def next_message_id(self, chat: FakeChat) -> int:
        """Supergroups count for themselves; private chats and basic groups share the account's counter."""
        if chat.kind == "supergroup":
            chat.last_message_id += 1
            return chat.last_message_id
        self._account_messages += 1
        chat.last_message_id = self._account_messages
        return self._account_messages

    def store(self, message: FakeMessage) -> FakeMessage:
        self.messages[message.chat_id, message.message_id] = message
        self.order.append(message)
        self.chats[message.chat_id].last_speaker_id = message.sender.id
        return message

    def find(self, chat_id: int, message_id: int) -> FakeMessage | None:
        message = self.messages.get((chat_id, message_id))
        return None if message is None or message.deleted else message

    def live_draft(self, chat_id: int, draft_id: int) -> FakeDraft | None:
        draft = self.drafts.get((chat_id, draft_id))
        if draft is None or self.clock.now().timestamp() - draft.updated_at >= DRAFT_LIFE_S:
            return None
        return draft

    def message_json(self, message: FakeMessage, *, depth: int = 1) -> dict[str, Any]:
        """The Bot API `Message`; a reply carries the message it answers, but not that one's own."""
        chat = self.chats[message.chat_id]
        found: dict[str, Any] = {
            "message_id": message.message_id,
            "from": message.sender.as_json(),
            "chat": chat.as_json(),
            "date": message.date,
        }
        found |= _content_json(message)
        if message.edit_date:
            found["edit_date"] = message.edit_date
        if message.thread:
            found["message_thread_id"] = message.thread
            if message.thread in chat.topics:
                found["is_topic_message"] = True
        if message.markup is not None and "inline_keyboard" in message.markup:
            found["reply_markup"] = message.markup
        if message.album:
            found["media_group_id"] = message.album
        answered = self.messages.get((message.chat_id, message.reply_to)) if message.reply_to else None
        if answered is not None and depth:
            found["reply_to_message"] = self.message_json(answered, depth=depth - 1)
        return found | message.service


def _content_json(message: FakeMessage) -> dict[str, Any]:
    if message.kind == "service":
        return {}
    text_key, entity_key = ("text", "entities") if message.kind == "text" else ("caption", "caption_entities")
    content: dict[str, Any] = {}
    if message.kind != "text":
        content[message.kind] = message.media
    if message.kind == "rich_message":
        return content
    if message.text:
        content[text_key] = message.text
    if message.entities:
        content[entity_key] = message.entities
    return content
