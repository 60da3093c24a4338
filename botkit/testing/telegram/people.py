"""What people do: write, press, edit, join, react, block. Every deed becomes the update Telegram would send."""

from __future__ import annotations

__all__ = ["People", "Who"]

from typing import Any

from botkit.core.data import JSON
from botkit.testing.telegram.media import media_json, store_file
from botkit.testing.telegram.parser import Entity, detect_entities
from botkit.testing.telegram.updates import UpdateQueue
from botkit.testing.telegram.world import FakeChat, FakeMessage, FakeUser, MemberStatus, World

Who = FakeUser | str
"""A person, or a first name: the same name is the same person, made at first use."""


class People:
    """The control side that acts as people. Times come from the world's clock."""

    def __init__(self, world: World, queue: UpdateQueue):
        self.world = world
        self.queue = queue
        self._named: dict[str, FakeUser] = {}

    # --- who and where ----------------------------------------------------------------------------------

    def user(self, who: Who, *, username: str = "", language: str = "en", is_bot: bool = False) -> FakeUser:
        """The person of that name, made at first use."""
        if isinstance(who, FakeUser):
            return who
        if who not in self._named:
            self._named[who] = self.world.add_user(who, username=username, language=language, is_bot=is_bot)
        return self._named[who]

    def dm(self, who: Who) -> FakeChat:
        """The private chat of a person with the bot."""
        return self.world.private_chat(self.user(who))

    def group(self, title: str = "Team", *, basic: bool = False, forum: bool = False) -> FakeChat:
        """A new group the bot is in: a supergroup, or a basic group, or one with topics."""
        return self.world.add_group(title, basic=basic, forum=forum)

    def topic(self, chat: FakeChat, name: str) -> int:
        """A topic made by a person in a forum (or in a private chat with topics); returns its thread id."""
        topic_id = self.world.next_message_id(chat)
        chat.topics[topic_id] = name
        return topic_id

    # --- messages ---------------------------------------------------------------------------------------

    def say(
        self,
        who: Who,
        text: str,
        chat: FakeChat | None = None,
        *,
        reply_to: FakeMessage | int = 0,
        thread: int = 0,
        entities: list[Entity] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> FakeMessage:
        """A person writes. Without `chat` it is their private chat; without `entities` Telegram's are found.

        `extra` adds Bot API fields (`forward_origin`, `via_bot` …).
        """
        message = self._message(who, chat, text=text, reply_to=reply_to, thread=thread, extra=extra)
        message.entities = detect_entities(text) if entities is None else entities
        return self._arrives(message)

    def send_file(
        self,
        who: Who,
        data: bytes = b"file",
        chat: FakeChat | None = None,
        *,
        kind: str = "document",
        name: str = "note.txt",
        mime: str = "",
        size: int = 0,
        duration: int = 3,
        caption: str = "",
        thread: int = 0,
        album: str = "",
    ) -> FakeMessage:
        """A person sends a file. `size` claims more bytes than there are; `album` joins several messages."""
        file = store_file(self.world, kind, data, name, mime, size=size)
        message = self._message(who, chat, text=caption, thread=thread)
        message.kind, message.file, message.album = kind, file, album
        message.media = media_json(kind, file, duration=duration)
        message.entities = detect_entities(caption)
        return self._arrives(message)

    def send_other(self, who: Who, kind: str, media: JSON, chat: FakeChat | None = None) -> FakeMessage:
        """A person sends anything else, such as `kind="dice", media={"emoji": "🎲", "value": 3}`."""
        message = self._message(who, chat)
        message.kind, message.media = kind, media
        return self._arrives(message)

    def edit(self, message: FakeMessage, text: str) -> FakeMessage:
        """The author changes a message."""
        message.edits.append(message.text)
        message.text, message.entities = text, detect_entities(text)
        message.edit_date = self.world.now()
        self._update("edited_message", self.world.message_json(message))
        return message

    def _message(
        self,
        who: Who,
        chat: FakeChat | None,
        *,
        text: str = "",
        reply_to: FakeMessage | int = 0,
        thread: int = 0,
        extra: dict[str, Any] | None = None,
    ) -> FakeMessage:
        user = self.user(who)
        place = chat or self.world.private_chat(user)
        place.members.add(user.id)
        answered = reply_to.message_id if isinstance(reply_to, FakeMessage) else reply_to
        return FakeMessage(
            place.id,
            self.world.next_message_id(place),
            user,
            self.world.now(),
            text,
            reply_to=answered,
            thread=thread,
            service=dict(extra or {}),
        )

    def _arrives(self, message: FakeMessage) -> FakeMessage:
        heard = self._bot_hears(message)
        self.world.store(message)
        if heard:
            self._update("message", self.world.message_json(message))
        return message

    def _bot_hears(self, message: FakeMessage) -> bool:
        """Membership, blocks and privacy mode decide what the bot is told.

        Source: https://core.telegram.org/bots/features#privacy-mode
        """
        chat = self.world.chats[message.chat_id]
        if chat.kind == "private":
            return not message.sender.blocked
        if chat.bot_status in {"left", "kicked"} or chat.migrated_to or message.sender.is_bot:
            return chat.bot_status == "member" and message.sender.is_bot and not self.world.privacy_mode
        if not self.world.privacy_mode or message.kind == "service":
            return True
        answered = self.world.find(chat.id, message.reply_to)
        if answered is not None and answered.sender is self.world.bot:
            return True
        name = f"@{self.world.bot.username}".lower()
        if name in message.text.lower():
            return True
        return message.text.startswith("/") and "@" not in message.text and chat.last_speaker_id == self.world.bot.id

    # --- buttons, reactions, streams --------------------------------------------------------------------

    def press(self, who: Who, message: FakeMessage, button: str) -> str:
        """Press the button with that label or value; returns the callback query's id.

        Raises:
            LookupError: the message shows no such button now.
        """
        found = next((b for b in message.buttons if button in {b["text"], b.get("callback_data")}), None)
        if found is None or message.deleted:
            raise LookupError(f"no button {button!r} on message {message.message_id}: it shows {message.labels}")
        if "callback_data" not in found:
            return ""
        query_id = f"{4242 * 10**12 + len(self.world.callbacks) + 1}"
        self.world.callbacks[query_id] = "open"
        query = {
            "id": query_id,
            "from": self.user(who).as_json(),
            "message": self.world.message_json(message),
            "chat_instance": f"-{abs(message.chat_id)}99",
            "data": found["callback_data"],
        }
        self._update("callback_query", query)
        return query_id

    def expire_callbacks(self) -> None:
        """All open callback queries become too old to answer."""
        for query_id, state in self.world.callbacks.items():
            if state == "open":
                self.world.callbacks[query_id] = "expired"

    def react(self, who: Who, message: FakeMessage, emoji: str) -> None:
        """Set a reaction; an empty emoji takes it back. Reaches bots that asked for `message_reaction`."""
        user = self.user(who)
        old = message.reactions.get(user.id, [])
        new: list[dict[str, Any]] = [{"type": "emoji", "emoji": emoji}] if emoji else []
        message.reactions[user.id] = new
        chat = self.world.chats[message.chat_id]
        self._update(
            "message_reaction",
            {
                "chat": chat.as_json(),
                "message_id": message.message_id,
                "user": user.as_json(),
                "date": self.world.now(),
                "old_reaction": old,
                "new_reaction": new,
            },
        )

    def stop_generation(self, who: Who, draft_id: int = 0) -> None:
        """Press the stop button of a draft that offers one (the newest, unless an id is given).

        Raises:
            LookupError: there is no live draft with a stop button.
        """
        chat = self.dm(who)
        for draft in reversed(list(self.world.drafts.values())):
            if draft.chat_id != chat.id or (draft_id and draft.draft_id != draft_id) or not draft.can_stop:
                continue
            if self.world.live_draft(chat.id, draft.draft_id) is None:
                continue
            draft.stopped = True
            stopped: dict[str, Any] = {"chat": chat.as_json(), "draft_id": draft.draft_id}
            if draft.thread:
                stopped["message_thread_id"] = draft.thread
            self._update("stopped_message_generation", stopped)
            return
        raise LookupError(f"no live draft with a stop button in chat {chat.id}")

    # --- membership -------------------------------------------------------------------------------------

    def join(self, who: Who, chat: FakeChat) -> FakeMessage:
        """A person joins a group: a service message, and `chat_member` for bots that asked."""
        user = self.user(who)
        self._chat_member("chat_member", user, chat, user, "left", "member")
        return self._service(user, chat, {"new_chat_members": [user.as_json()]})

    def leave(self, who: Who, chat: FakeChat) -> FakeMessage:
        user = self.user(who)
        self._chat_member("chat_member", user, chat, user, "member", "left")
        message = self._service(user, chat, {"left_chat_member": user.as_json()})
        chat.members.discard(user.id)
        return message

    def block(self, who: Who) -> None:
        """A person blocks the bot: sends answer 403 from now on."""
        user = self.user(who)
        self._chat_member("my_chat_member", user, self.dm(user), self.world.bot, "member", "kicked")
        user.blocked = True

    def unblock(self, who: Who) -> None:
        user = self.user(who)
        user.blocked = False
        self._chat_member("my_chat_member", user, self.dm(user), self.world.bot, "kicked", "member")

    def kick_bot(self, chat: FakeChat, by: Who = "Admin") -> None:
        """The bot is removed from a group."""
        chat.bot_status = "kicked"
        self._chat_member("my_chat_member", self.user(by), chat, self.world.bot, "member", "kicked")

    def migrate(self, chat: FakeChat, by: Who = "Admin") -> FakeChat:
        """A basic group becomes a supergroup; the old id is refused with `migrate_to_chat_id` from now on."""
        user = self.user(by)
        new = self.world.add_group(chat.title)
        new.members |= chat.members
        self._service(user, chat, {"migrate_to_chat_id": new.id})
        self._service(user, new, {"migrate_from_chat_id": chat.id})
        chat.migrated_to = new.id
        return new

    def _service(self, user: FakeUser, chat: FakeChat, fields: dict[str, Any]) -> FakeMessage:
        message = self._message(user, chat, extra=fields)
        message.kind = "service"
        return self._arrives(message)

    def _chat_member(
        self, kind: str, by: FakeUser, chat: FakeChat, user: FakeUser, old: MemberStatus, new: MemberStatus
    ) -> None:
        def member(status: MemberStatus) -> dict[str, Any]:
            return {"user": user.as_json(), "status": status} | ({"until_date": 0} if status == "kicked" else {})

        self._update(
            kind,
            {
                "chat": chat.as_json(),
                "from": by.as_json(),
                "date": self.world.now(),
                "old_chat_member": member(old),
                "new_chat_member": member(new),
            },
        )

    def _update(self, kind: str, content: dict[str, Any]) -> None:
        self.queue.push({kind: content})
