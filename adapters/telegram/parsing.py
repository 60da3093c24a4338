"""A raw Telegram update → events. Pure: no network, no clock, no exception for anything Telegram may send.

Updates are read as the dicts they are, not through aiogram's models: one field of a newer Bot API must not
make a message unreadable.

    {"update_id": 9, "message": {"message_id": 5, "date": 1763600000, "text": "@desk_bot hi",
     "from": {"id": 42, "first_name": "Ada"}, "chat": {"id": -1001, "type": "supergroup"},
     "entities": [{"type": "mention", "offset": 0, "length": 9}]}}
    → Event(kind="message", dedupe_key="update:9", addressed="mention", …)

Source: https://core.telegram.org/bots/api#update
"""

from __future__ import annotations

__all__ = ["Me", "parse_update"]

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

import msgspec

from adapters.telegram.media import attachments_of
from botkit.sdk import Action, Conversation, Event, ReplyTo, User, plain_json, quarantined

Raw = Mapping[str, Any]

_EXCERPT_CHARS = 280
_UNDATED = datetime.fromtimestamp(0, UTC)
_MESSAGES = {"message": "message", "edited_message": "edit"}
_SERVICE = frozenset(
    {
        *("pinned_message", "forum_topic_edited", "forum_topic_closed", "forum_topic_reopened", "new_chat_title"),
        *("new_chat_photo", "delete_chat_photo", "group_chat_created", "supergroup_chat_created"),
        *("migrate_from_chat_id", "message_auto_delete_timer_changed", "general_forum_topic_hidden"),
        *("general_forum_topic_unhidden", "write_access_allowed", "video_chat_started", "video_chat_ended"),
        *("video_chat_scheduled", "video_chat_participants_invited", "boost_added", "chat_background_set"),
    }
)
"""Notices about the chat that nobody wrote to anybody."""
_ENVELOPE = frozenset(
    {
        *("message_id", "from", "sender_chat", "chat", "date", "edit_date", "message_thread_id", "is_topic_message"),
        *("reply_to_message", "reply_markup", "via_bot", "has_protected_content", "author_signature"),
    }
)


class Me(NamedTuple):
    """The bot's own account, from `getMe`."""

    id: str = ""
    username: str = ""
    reads_groups: bool = True
    """False: privacy mode is on."""


class _Spans:
    """The entities of a text, with the words they cover."""

    def __init__(self, message: Raw):
        self.text = _clean(str(message.get("text") or message.get("caption") or ""))
        units = str(message.get("text") or message.get("caption") or "").encode("utf-16-le", "surrogatepass")
        found = cast("list[Raw]", message.get("entities") or message.get("caption_entities") or [])
        self.found = [
            (str(e["type"]), units[2 * e["offset"] : 2 * (e["offset"] + e["length"])].decode("utf-16-le", "replace"), e)
            for e in found
        ]

    def mentions(self) -> tuple[str, ...]:
        """Ids of mentioned people; `@name` where Telegram gives no id."""
        return tuple(
            str(entity["user"]["id"]) if kind == "text_mention" else word
            for kind, word, entity in self.found
            if kind in {"mention", "text_mention"}
        )

    def command(self, me: Me) -> tuple[str, str] | None:
        """(`reset`, the rest) when the text begins with a command that is not another bot's."""
        for kind, word, entity in self.found:
            if kind == "bot_command" and entity["offset"] == 0:
                name, _, bot = word[1:].partition("@")
                if bot and bot.lower() != me.username.lower():
                    return None
                return name.lower(), self.text[len(word) :].strip()
        return None


def parse_update(channel: str, me: Me, update: Raw, now: datetime) -> list[Event]:
    """Events of one update, usually one. Never raises: unreadable ones come back as `quarantined`.

    `now` is the time of what Telegram does not date, such as a pressed button.
    """
    try:
        events = _parse(channel, me, update)
        return [msgspec.structs.replace(e, occurred_at=now) if e.occurred_at == _UNDATED else e for e in events]
    except Exception as error:
        return [quarantined(channel, plain_json(update), error, now, dedupe_key=_key(update))]


def _parse(channel: str, me: Me, update: Raw) -> list[Event]:
    for name, content in update.items():
        if name == "update_id":
            continue
        if name in _MESSAGES:
            return _message_events(channel, me, update, content, is_edit=name == "edited_message")
        reader = _READERS.get(name)
        return [_unsupported(channel, update, content, name) if reader is None else reader(channel, update, content)]
    raise ValueError("an update without content")


# --- messages ---------------------------------------------------------------------------------------------


def _message_events(channel: str, me: Me, update: Raw, message: Raw, *, is_edit: bool) -> list[Event]:
    if "new_chat_members" in message:
        return [_member(channel, update, message, user, "joined") for user in message["new_chat_members"]]
    if "left_chat_member" in message:
        return [_member(channel, update, message, message["left_chat_member"], "left")]
    base = _base(channel, update, message)
    if "forum_topic_created" in message:
        title = str(message["forum_topic_created"].get("name", ""))
        return [msgspec.structs.replace(base, kind="thread_started", text=title)]
    if "migrate_to_chat_id" in message:
        return [
            msgspec.structs.replace(
                base, kind="member", status="migrated", target_id=str(message["migrate_to_chat_id"])
            )
        ]
    notice = next((name for name in message if name in _SERVICE), "")
    if notice:
        return [msgspec.structs.replace(base, kind="unsupported", detail=f"service:{notice}")]
    attachments = attachments_of(message)
    spans = _Spans(message)
    if not spans.text and not attachments:
        unknown = next((name for name in message if name not in _ENVELOPE), "empty message")
        reply_to = _reply_to(me, message)
        addressed = "dm" if base.conversation.kind == "dm" else "reply" if reply_to and reply_to.is_ours else "none"
        return [
            msgspec.structs.replace(
                base,
                kind="unsupported",
                detail=unknown,
                raw=plain_json(update),
                reply_to=reply_to,
                addressed="none" if is_edit else addressed,
            )
        ]
    return [_content(base, me, message, spans, attachments, is_edit=is_edit)]


def _content(base: Event, me: Me, message: Raw, spans: _Spans, attachments: Sequence[Any], *, is_edit: bool) -> Event:
    reply_to = _reply_to(me, message)
    mentions = spans.mentions()
    command = None if is_edit else spans.command(me)
    named = {word.lower() for word in mentions}
    addressed = "none"
    if base.conversation.kind == "dm":
        addressed = "dm"
    elif command is not None:
        addressed = "command"
    elif me.id in mentions or (me.username and f"@{me.username.lower()}" in named):
        addressed = "mention"
    elif reply_to is not None and reply_to.is_ours:
        addressed = "reply"
    return msgspec.structs.replace(
        base,
        kind="edit" if is_edit else "command" if command is not None else "message",
        text=command[1] if command is not None else spans.text,
        command=command[0] if command is not None else "",
        addressed=addressed,
        target_id=base.message_id if is_edit else "",
        reply_to=reply_to,
        attachments=tuple(attachments),
        album="" if is_edit else str(message.get("media_group_id") or ""),
        mentions=mentions,
        sender=msgspec.structs.replace(base.sender, is_self=base.sender.id == me.id),
    )


def _reply_to(me: Me, message: Raw) -> ReplyTo | None:
    answered = cast("Raw | None", message.get("reply_to_message"))
    if answered is None or "forum_topic_created" in answered:
        return None  # every message of a topic "replies" to the notice that opened it
    sender = cast("Raw", answered.get("from") or {})
    sender_id = str(sender.get("id", ""))
    quoted = cast("Raw", message.get("quote") or {}).get("text")
    excerpt = str(quoted or answered.get("text") or answered.get("caption") or "")
    return ReplyTo(
        message_id=str(answered["message_id"]),
        sender_id=sender_id,
        is_ours=bool(me.id) and sender_id == me.id,
        excerpt=_clean(excerpt)[:_EXCERPT_CHARS],
    )


def _member(channel: str, update: Raw, message: Raw, user: Raw, status: str) -> Event:
    return msgspec.structs.replace(
        _base(channel, update, message),
        dedupe_key=f"{_key(update)}:{user['id']}",
        kind="member",
        status=status,
        target_id=str(user["id"]),
        detail=_name(user),
    )


# --- everything else --------------------------------------------------------------------------------------


def _callback(channel: str, update: Raw, query: Raw) -> Event:
    message = cast("Raw | None", query.get("message"))
    if message is None or "data" not in query:
        return _unsupported(channel, update, query, "callback_query without message or data")
    return msgspec.structs.replace(
        _base(channel, update, {"date": 0, **message, "from": query["from"], "sender_chat": None}),
        kind="action",
        addressed="dm" if message["chat"]["type"] == "private" else "reply",
        occurred_at=_UNDATED,
        message_id="",
        action=Action(value=_clean(str(query["data"])), message_id=str(message["message_id"]), handle=str(query["id"])),
    )


def _reaction(channel: str, update: Raw, change: Raw) -> Event:
    emojis = [str(item.get("emoji") or item.get("custom_emoji_id") or "") for item in change["new_reaction"]]
    sender = {"from": change.get("user"), "sender_chat": change.get("actor_chat")}
    return msgspec.structs.replace(
        _base(channel, update, {**change, **sender}),
        kind="reaction",
        message_id="",
        target_id=str(change["message_id"]),
        status=emojis[0] if emojis else "",
    )


def _my_member(channel: str, update: Raw, change: Raw) -> Event:
    new = str(change["new_chat_member"]["status"])
    present = new in {"member", "administrator", "creator", "restricted"}
    dm = change["chat"]["type"] == "private"
    status = ("unblocked" if present else "blocked") if dm else ("added" if present else "removed")
    return msgspec.structs.replace(
        _base(channel, update, {"message_id": "", **change}),
        kind="member",
        status=status,
        target_id=str(change["new_chat_member"]["user"]["id"]),
    )


def _stop(channel: str, update: Raw, stopped: Raw) -> Event:
    threaded = {"is_topic_message": True} if stopped.get("message_thread_id") else {}
    person = {"from": {"id": stopped["chat"]["id"], "first_name": stopped["chat"].get("first_name", "")}}
    return msgspec.structs.replace(
        _base(channel, update, {"message_id": "", "date": 0, **stopped, **threaded, **person}),
        kind="stop_generation",
        addressed="dm",
        target_id=str(stopped["draft_id"]),
    )


_READERS = {
    "callback_query": _callback,
    "message_reaction": _reaction,
    "my_chat_member": _my_member,
    "stopped_message_generation": _stop,
}


def _unsupported(channel: str, update: Raw, content: Any, name: str) -> Event:
    """A kind we do not handle: kept whole, and placed in its conversation where it has one."""
    source: Raw = cast("Raw", content) if isinstance(content, Mapping) else {}
    placed = "chat" in source and ("from" in source or "sender_chat" in source)
    base = (
        _base(channel, update, {"message_id": "", "date": 0, **source})
        if placed
        else Event(
            channel=channel,
            dedupe_key=_key(update),
            kind="unsupported",
            conversation=Conversation(channel=channel, room=""),
            sender=_user(cast("Raw", source.get("from") or {})),
            occurred_at=_UNDATED,
        )
    )
    return msgspec.structs.replace(base, kind="unsupported", detail=name, raw=plain_json(update))


# --- shared pieces ----------------------------------------------------------------------------------------


def _base(channel: str, update: Raw, message: Raw) -> Event:
    """Who, where and when; what happened is filled in by the caller."""
    chat = cast("Raw", message["chat"])
    is_dm = chat["type"] == "private"
    sender_chat = cast("Raw | None", message.get("sender_chat"))
    if sender_chat is not None:
        sender = User(id=str(sender_chat["id"]), name=_clean(str(sender_chat.get("title") or _name(sender_chat))))
    else:
        sender = _user(cast("Raw", message["from"]))
    thread = message.get("message_thread_id") if message.get("is_topic_message") else None
    return Event(
        channel=channel,
        dedupe_key=_key(update),
        kind="message",
        conversation=Conversation(
            channel=channel,
            room=str(chat["id"]),
            thread=str(thread or ""),
            kind="dm" if is_dm else "group",
            title=_clean(str(chat.get("title") or _name(chat))),
        ),
        sender=sender,
        occurred_at=datetime.fromtimestamp(int(message.get("edit_date") or message["date"]), UTC),
        message_id=str(message["message_id"]),
        forwarded=_forwarded(message),
    )


def _forwarded(message: Raw) -> str:
    """Whose message somebody passed on. Source: https://core.telegram.org/bots/api#messageorigin"""
    origin = cast("Raw", message.get("forward_origin") or {})
    if not origin:
        return ""
    who = cast("Raw", origin.get("sender_user") or origin.get("sender_chat") or origin.get("chat") or {})
    return _clean(str(origin.get("sender_user_name") or who.get("title") or "")) or _name(who) or "somebody"


def _user(user: Raw) -> User:
    return User(
        id=str(user.get("id", "")),
        name=_name(user),
        username=str(user.get("username") or ""),
        is_bot=bool(user.get("is_bot")),
        locale=str(user.get("language_code") or ""),
    )


def _name(user: Raw) -> str:
    return _clean(" ".join(str(user[key]) for key in ("first_name", "last_name") if user.get(key)))


def _clean(text: str) -> str:
    """Lone surrogates cannot be stored as UTF-8."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _key(update: Raw) -> str:
    """Empty for what has no number of its own."""
    update_id = update.get("update_id") if isinstance(cast("object", update), Mapping) else None
    return f"update:{update_id}" if isinstance(update_id, int) else ""
