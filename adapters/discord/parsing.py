"""A raw gateway event or interaction → events. Pure: no network, no clock, no exception for anything Discord sends.

Payloads are read as the dicts they are, not through discord.py's models: one field that is missing or new must not
make a message unreadable.

    {"t": "MESSAGE_CREATE", "s": 7, "session": "ab12", "d": {"id": "99", "channel_id": "5", "guild_id": "3",
     "author": {"id": "42", "username": "ada"}, "content": "<@4242> hi", "mentions": [{"id": "4242", …}], …}}
    → Event(kind="message", dedupe_key="message:99", addressed="mention", text="@Desk hi", …)

Source: https://docs.discord.com/developers/events/gateway-events
"""

from __future__ import annotations

__all__ = ["HANDLED", "Me", "parse_payload"]

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

import msgspec

from adapters.discord.components import FORM, LIST
from adapters.discord.interactions import handle_of
from adapters.discord.media import attachments_of
from adapters.discord.places import Places
from botkit.sdk import Action, Conversation, Event, ReplyTo, User, plain_json, quarantined

Raw = Mapping[str, Any]

_EXCERPT_CHARS = 280
_EPOCH_MS = 1_420_070_400_000
_UNDATED = datetime.fromtimestamp(0, UTC)
_CONVERSATIONAL = frozenset({0, 19})
"""Message types that people write: plain ones and replies."""
_OWN_ANSWERS = frozenset({20, 23})
"""What the bot shows in answer to a command."""
_USER_MENTION = re.compile(r"<@!?(\d+)>")
_ROLE_MENTION = re.compile(r"<@&(\d+)>")
_CHANNEL_MENTION = re.compile(r"<#(\d+)>")
_EMOJI = re.compile(r"<a?:(\w+):\d+>")
_FORWARD = 1


class Me(NamedTuple):
    """The bot's own account."""

    id: str = ""
    name: str = ""
    reads_content: bool = True
    """False: the Message Content intent is off."""


class _Reader(NamedTuple):
    channel: str
    me: Me
    places: Places
    payload: Raw
    data: Raw

    def conversation(self, channel_id: str, guild_id: str) -> Conversation:
        if not guild_id:
            return Conversation(channel=self.channel, room=channel_id, kind="dm")
        place = self.places.get(channel_id)
        if place is None or not place.is_thread:
            return Conversation(channel=self.channel, room=channel_id, kind="group", title=place.name if place else "")
        return Conversation(channel=self.channel, room=place.parent, thread=channel_id, kind="group", title=place.name)

    def base(self, key: str, sender: User, *, at: datetime = _UNDATED) -> Event:
        """Who, where and when; what happened is filled in by the caller."""
        channel_id, guild_id = str(self.data["channel_id"]), str(self.data.get("guild_id") or "")
        return Event(
            channel=self.channel,
            dedupe_key=key,
            kind="message",
            conversation=self.conversation(channel_id, guild_id),
            sender=sender,
            occurred_at=at,
        )

    @property
    def number(self) -> str:
        """Of this event in its gateway session, where it has no id of its own."""
        return f"{self.payload.get('session', '')}:{self.payload.get('s', '')}"


def parse_payload(channel: str, me: Me, places: Places, payload: Raw, now: datetime) -> list[Event]:
    """Events of one payload, usually one; none for what is nobody's word to anybody. Never raises: unreadable ones
    come back as `quarantined`.

    `now` is the time of what Discord does not date.
    """
    try:
        data: object = payload["d"]
        reader = _READERS.get(str(payload.get("t")))
        if reader is None:
            return []
        events = reader(_Reader(channel, me, places, payload, cast("Raw", data)))
        return [msgspec.structs.replace(e, occurred_at=now) if e.occurred_at == _UNDATED else e for e in events]
    except Exception as error:
        return [quarantined(channel, _plain(payload), error, now)]


# --- messages -------------------------------------------------------------------------------------------------


def _created(r: _Reader) -> list[Event]:
    message = r.data
    kind = int(message["type"])
    base = r.base(f"message:{message['id']}", _author(r.me, message), at=_time(message["timestamp"]))
    base = msgspec.structs.replace(base, message_id=str(message["id"]))
    if kind in _OWN_ANSWERS and base.sender.is_self:
        kind = 0
    if kind not in _CONVERSATIONAL:
        return [msgspec.structs.replace(base, kind="unsupported", detail=f"service:{kind}")]
    content = _content(base, r, message)
    if content.text or content.attachments or content.sender.is_bot:
        return [content]
    if not r.me.reads_content and base.conversation.kind == "group":
        hidden = "hidden: the Message Content intent is off"
        return [msgspec.structs.replace(base, kind="unsupported", detail=hidden)]
    unknown = next(
        (name for name in ("poll", "activity", "embeds", "components") if message.get(name)), "empty message"
    )
    return [msgspec.structs.replace(content, kind="unsupported", detail=unknown, raw=_plain(r.payload))]


def _updated(r: _Reader) -> list[Event]:
    """An edit by its author; previews that Discord adds by itself have no time of editing."""
    message = r.data
    edited = message.get("edited_timestamp")
    if not edited or "author" not in message or str(message["author"]["id"]) == r.me.id:
        return []
    base = r.base(f"edit:{message['id']}:{edited}", _author(r.me, message), at=_time(edited))
    content = _content(msgspec.structs.replace(base, message_id=str(message["id"])), r, message)
    return [msgspec.structs.replace(content, kind="edit", target_id=content.message_id)]


def _content(base: Event, r: _Reader, message: Raw) -> Event:
    source = _forwarded(message) or message
    raw_text = str(source.get("content") or "")
    reply_to = _reply_to(r, message)
    users = {str(user["id"]): user for user in cast("list[Raw]", message.get("mentions") or [])}
    named = set(_USER_MENTION.findall(raw_text))
    by_role = any(r.places.is_my_role(str(role)) for role in message.get("mention_roles") or ())
    addressed = "none"
    if base.conversation.kind == "dm":
        addressed = "dm"
    elif r.me.id in named or by_role:
        addressed = "mention"
    elif reply_to is not None and reply_to.is_ours:
        addressed = "reply"
    elif r.me.id in users:
        addressed = "mention"
    return msgspec.structs.replace(
        base,
        text=_readable(raw_text, users, r),
        addressed=addressed,
        reply_to=reply_to,
        attachments=attachments_of(source if source is message else {**source, "channel_id": "", "id": ""}),
        mentions=tuple(users),
        forwarded="" if source is message else "somebody",
    )


def _forwarded(message: Raw) -> Raw | None:
    """What somebody forwarded; it has no words of their own then."""
    reference = cast("Raw", message.get("message_reference") or {})
    snapshots = cast("list[Raw]", message.get("message_snapshots") or [])
    return cast("Raw", snapshots[0]["message"]) if reference.get("type") == _FORWARD and snapshots else None


def _readable(text: str, users: Mapping[str, Raw], r: _Reader) -> str:
    """`<@4242> in <#7>` → `@Desk in #general`, as people read it."""

    def user(found: re.Match[str]) -> str:
        known = users.get(found[1])
        return f"@{_name(known)}" if known is not None else found[0]

    def place(found: re.Match[str]) -> str:
        known = r.places.get(found[1])
        return f"#{known.name}" if known is not None and known.name else found[0]

    def role(found: re.Match[str]) -> str:
        return f"@{r.me.name}" if r.places.is_my_role(found[1]) else found[0]

    text = _USER_MENTION.sub(user, text)
    text = _ROLE_MENTION.sub(role, _CHANNEL_MENTION.sub(place, text))
    return _clean(_EMOJI.sub(r":\1:", text))


def _reply_to(r: _Reader, message: Raw) -> ReplyTo | None:
    reference = cast("Raw", message.get("message_reference") or {})
    if message.get("type") != 19 or not reference.get("message_id"):
        return None
    answered = cast("Raw", message.get("referenced_message") or {})
    sender_id = str(cast("Raw", answered.get("author") or {}).get("id", ""))
    return ReplyTo(
        message_id=str(reference["message_id"]),
        sender_id=sender_id,
        is_ours=bool(r.me.id) and sender_id == r.me.id,
        excerpt=_clean(str(answered.get("content") or ""))[:_EXCERPT_CHARS],
    )


def _deleted(r: _Reader) -> list[Event]:
    ids = [str(number) for number in r.data.get("ids") or [r.data["id"]]]
    return [
        msgspec.structs.replace(r.base(f"delete:{number}", User(id="")), kind="delete", target_id=number)
        for number in ids
    ]


# --- everything else ------------------------------------------------------------------------------------------


def _reaction(r: _Reader) -> list[Event]:
    """The emoji added; empty when it was taken away."""
    emoji = cast("Raw", r.data["emoji"])
    member = cast("Raw", r.data.get("member") or {})
    user = cast("Raw", member.get("user") or {"id": r.data["user_id"]})
    sender = _user(r.me, user, nick=member.get("nick"))
    added = r.payload["t"] == "MESSAGE_REACTION_ADD"
    return [
        msgspec.structs.replace(
            r.base(f"reaction:{r.number}", sender),
            kind="reaction",
            target_id=str(r.data["message_id"]),
            status=_clean(str(emoji.get("name") or "")) if added else "",
        )
    ]


def _thread(r: _Reader) -> list[Event]:
    thread = r.data
    if not thread.get("newly_created") or not thread.get("parent_id"):
        return []
    conversation = Conversation(
        channel=r.channel,
        room=str(thread["parent_id"]),
        thread=str(thread["id"]),
        kind="group",
        title=_clean(str(thread.get("name") or "")),
    )
    return [
        Event(
            channel=r.channel,
            dedupe_key=f"thread:{thread['id']}",
            kind="thread_started",
            conversation=conversation,
            sender=User(id=str(thread.get("owner_id") or "")),
            occurred_at=_time_of_id(str(thread["id"])),
            text=conversation.title,
        )
    ]


def _removed(r: _Reader) -> list[Event]:
    """The bot was removed from a server; one that is merely unreachable says so."""
    if r.data.get("unavailable"):
        return []
    number = str(r.data["id"])
    return [
        Event(
            channel=r.channel,
            dedupe_key=f"removed:{r.number}",
            kind="member",
            conversation=Conversation(channel=r.channel, room="", kind="group"),
            sender=User(id=""),
            occurred_at=_UNDATED,
            status="removed",
            target_id=r.me.id,
            detail=f"server {number}",
        )
    ]


def _interaction(r: _Reader) -> list[Event]:
    """A pressed button, a chosen option, a sent form or a slash command."""
    data = cast("Raw", r.data.get("data") or {})
    member = cast("Raw", r.data.get("member") or {})
    user = cast("Raw", member.get("user") or r.data["user"])
    channel = cast("Raw", r.data.get("channel") or {})
    if channel:
        r.places.learn_channel(channel, str(r.data.get("guild_id") or ""))
    sender = _user(r.me, user, nick=member.get("nick"), locale=str(r.data.get("locale") or ""))
    number = str(r.data["id"])
    base = r.base(f"interaction:{number}", sender, at=_time_of_id(number))
    is_dm = base.conversation.kind == "dm"
    match r.data["type"]:
        case 2:
            return [
                msgspec.structs.replace(
                    base,
                    kind="command",
                    command=str(data["name"]).lower(),
                    text=_options(data),
                    addressed="dm" if is_dm else "command",
                    message_id=number,
                )
            ]
        case 3 | 5:
            message = cast("Raw", r.data.get("message") or {})
            chosen = tuple(_clean(str(value)) for value in cast("list[Any]", data.get("values") or ()))
            name = _clean(str(data["custom_id"]))
            action = Action(
                value=chosen[0] if chosen else name.removeprefix(FORM),
                values=chosen,
                message_id=str(message.get("id", "")),
                handle=handle_of(r.data),
                fields=_fields(data),
                sent=r.data["type"] == 5,
                opens=name.startswith(FORM),
            )
            return [msgspec.structs.replace(base, kind="action", addressed="dm" if is_dm else "reply", action=action)]
        case kind:
            return [msgspec.structs.replace(base, kind="unsupported", detail=f"interaction {kind}")]


def _options(data: Raw) -> str:
    options = cast("list[Raw]", data.get("options") or [])
    return _clean(" ".join(str(option["value"]) for option in options if "value" in option))


def _fields(data: Raw) -> dict[str, str | list[str]]:
    """The answers of a form, by the ids of its inputs; those left empty are left out."""
    found: dict[str, str | list[str]] = {}
    waiting = list(cast("list[Raw]", data.get("components") or []))
    while waiting:
        component = waiting.pop(0)
        waiting += cast("list[Raw]", component.get("components") or [])
        inner = cast("Raw | None", component.get("component"))
        waiting += [inner] if inner else []
        name, value = str(component.get("custom_id") or ""), component.get("value")
        values = [_clean(str(one)) for one in cast("list[Any]", component.get("values") or ())]
        if isinstance(value, bool):
            found[name] = "true" if value else "false"
        elif value not in (None, ""):
            found[name] = _clean(str(value))
        elif values:
            found[name.removeprefix(LIST)] = values if name.startswith(LIST) else values[0]
    return found


_READERS = {
    "MESSAGE_CREATE": _created,
    "MESSAGE_UPDATE": _updated,
    "MESSAGE_DELETE": _deleted,
    "MESSAGE_DELETE_BULK": _deleted,
    "MESSAGE_REACTION_ADD": _reaction,
    "MESSAGE_REACTION_REMOVE": _reaction,
    "THREAD_CREATE": _thread,
    "GUILD_DELETE": _removed,
    "INTERACTION_CREATE": _interaction,
}
HANDLED = frozenset(_READERS)
"""Names of the gateway events that become events of ours."""


# --- shared pieces --------------------------------------------------------------------------------------------


def _author(me: Me, message: Raw) -> User:
    """Who wrote it; a webhook is nobody the bot should talk with."""
    member = cast("Raw", message.get("member") or {})
    sender = _user(me, cast("Raw", message["author"]), nick=member.get("nick"))
    return msgspec.structs.replace(sender, is_bot=True) if message.get("webhook_id") and not sender.is_self else sender


def _user(me: Me, user: Raw, *, nick: object = None, locale: str = "") -> User:
    number = str(user["id"])
    return User(
        id=number,
        name=_clean(str(nick or "")) or _name(user),
        username=str(user.get("username") or ""),
        is_bot=bool(user.get("bot")),
        is_self=bool(me.id) and number == me.id,
        locale=locale,
    )


def _name(user: Raw) -> str:
    return _clean(str(user.get("global_name") or user.get("username") or ""))


def _time(text: object) -> datetime:
    at = datetime.fromisoformat(str(text))
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _time_of_id(number: str) -> datetime:
    """Ids contain the time they were made."""
    return datetime.fromtimestamp(((int(number) >> 22) + _EPOCH_MS) / 1000, UTC)


def _clean(text: str) -> str:
    """Lone surrogates cannot be stored as UTF-8."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _plain(payload: Raw) -> dict[str, Any]:
    """A copy that can be stored whatever it holds, without the token of an interaction."""
    value = plain_json(payload)
    data: object = value.get("d")
    if isinstance(data, dict):
        cast("dict[str, Any]", data).pop("token", None)
    return value
