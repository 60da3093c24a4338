"""A raw Slack payload → events. Pure: no network, no clock, no exception for anything Slack sends.

    {"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": {"type": "message", "channel": "C1",
     "channel_type": "channel", "user": "U42", "text": "<@UBOT> hi", "ts": "1763600000.000100"}}
    → Event(kind="message", dedupe_key="message:C1:1763600000.000100", addressed="mention", text="@Desk hi", …)

A mention in a channel opens a thread: that is where it is answered, and what is said there later is the same
conversation. Slack tells of it twice, as `message` and as `app_mention`; both are one event.

Source: https://docs.slack.dev/reference/events/message
"""

from __future__ import annotations

__all__ = ["parse_payload"]

import html
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

import msgspec

from adapters.slack.blocks import FORM, MENU
from adapters.slack.known import Known
from botkit.sdk import Action, Attachment, Conversation, Event, ReplyTo, User, plain_json, quarantined

Raw = Mapping[str, Any]

_EXCERPT_CHARS = 280
_UNDATED = datetime.fromtimestamp(0, UTC)
_AUTHORISING = ("token", "response_url", "trigger_id")
_WRITTEN = frozenset({"", "file_share", "thread_broadcast", "bot_message", "me_message"})
"""Subtypes of messages that somebody wrote."""
_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
_PLACE = re.compile(r"<#([CG][A-Z0-9]+)(?:\|([^>]*))?>")
_GROUP = re.compile(r"<!(?:subteam\^[A-Z0-9]+\|)?(@?[^>|]+)(?:\|[^>]*)?>")
_LINK = re.compile(r"<((?:https?|mailto|tel):[^>|]+)(?:\|([^>]*))?>")
_MIMES = {"audio": "audio", "video": "video", "image": "image"}
EMOJI = {
    "+1": "👍",
    "-1": "👎",
    "thumbsup": "👍",
    "heart": "❤️",
    "eyes": "👀",
    "white_check_mark": "✅",
    "x": "❌",
    "hourglass_flowing_sand": "⏳",
    "warning": "⚠️",
    "tada": "🎉",
    "thinking_face": "🤔",
}


class _Reader(NamedTuple):
    channel: str
    known: Known
    payload: Raw

    def conversation(self, room: str, kind: str, thread: str) -> Conversation:
        return Conversation(
            channel=self.channel, room=room, thread=thread, kind="dm" if kind == "im" or room[:1] == "D" else "group"
        )

    def user(self, number: str, *, name: str = "", is_bot: bool = False) -> User:
        found = self.known.person(number)
        mine = self.known.me
        return User(
            id=number,
            name=_clean(found.name if found else name),
            username=found.username if found else name,
            is_bot=is_bot or bool(found and found.is_bot),
            is_self=bool(number) and number in {mine.user, mine.bot},
            locale=found.locale if found else "",
            timezone=found.timezone if found else "",
        )


def parse_payload(channel: str, known: Known, payload: Raw, now: datetime) -> list[Event]:
    """Events of one payload, usually one; none for what is nobody's word to anybody. Never raises: unreadable ones
    come back as `quarantined`.

    `now` is the time of what Slack does not date.
    """
    try:
        events = _parse(_Reader(channel, known, payload))
        return [msgspec.structs.replace(e, occurred_at=now) if e.occurred_at == _UNDATED else e for e in events]
    except Exception as error:
        return [quarantined(channel, _plain(payload), error, now)]


def _parse(r: _Reader) -> list[Event]:
    match r.payload.get("type"):
        case "event_callback":
            event = cast("Raw", r.payload["event"])
            reader = _EVENTS.get(str(event["type"]))
            return [] if reader is None else reader(r, event)
        case "block_actions":
            return [_pressed(r, action) for action in r.payload["actions"]]
        case "view_submission" if cast("Raw", r.payload["view"]).get("callback_id") == "form":
            return [_sent_form(r, cast("Raw", r.payload["view"]))]
        case None if "command" in r.payload:
            return [_command(r)]
        case _:
            return []


# --- messages -------------------------------------------------------------------------------------------------


def _message(r: _Reader, event: Raw) -> list[Event]:
    subtype = str(event.get("subtype") or "")
    if subtype == "message_changed":
        return _changed(r, event)
    if subtype == "message_deleted":
        gone = cast("Raw", event.get("previous_message") or {})
        base = _base(r, event, f"delete:{event['channel']}:{event['deleted_ts']}", gone, addressed="none")
        return [msgspec.structs.replace(base, kind="delete", message_id="", target_id=str(event["deleted_ts"]))]
    key = f"message:{event['channel']}:{event['ts']}"
    if subtype not in _WRITTEN:
        base = _base(r, event, key, event, addressed="none")
        return [msgspec.structs.replace(base, kind="unsupported", detail=f"service:{subtype}")]
    content = _content(r, event, event, key)
    if content.text or content.attachments or content.sender.is_self or content.sender.is_bot:
        return [content]
    return [msgspec.structs.replace(content, kind="unsupported", detail="empty message", raw=_plain(r.payload))]


def _changed(r: _Reader, event: Raw) -> list[Event]:
    """An edit by its author; previews that Slack adds by itself have no editor."""
    message = cast("Raw", event["message"])
    edited = cast("Raw | None", message.get("edited"))
    sender = str(message.get("user") or message.get("bot_id") or "")
    if not edited or sender in {r.known.me.user, r.known.me.bot}:
        return []
    key = f"edit:{event['channel']}:{message['ts']}:{edited['ts']}"
    content = _content(r, event, message, key)
    return [msgspec.structs.replace(content, kind="edit", target_id=content.message_id)]


def _content(r: _Reader, event: Raw, message: Raw, key: str) -> Event:
    raw_text = str(message.get("text") or "")
    named = tuple(dict.fromkeys(_MENTION.findall(raw_text)))
    room, thread = str(event["channel"]), str(message.get("thread_ts") or "")
    is_dm = event.get("channel_type") == "im" or room[:1] == "D"
    said = r.known.said(room, thread) if thread else None
    addressed = "none"
    if is_dm:
        addressed = "dm"
    elif r.known.me.user in named:
        addressed = "mention"
    elif said is not None and not named:
        addressed = "reply"  # in a thread the bot talks in, unless it is said to somebody else
    base = _base(r, event, key, message, addressed=addressed)
    return msgspec.structs.replace(
        base,
        text=_readable(raw_text, r),
        reply_to=ReplyTo(
            message_id=said.ts, sender_id=r.known.me.user, is_ours=True, excerpt=_clean(said.text)[:_EXCERPT_CHARS]
        )
        if said is not None and addressed in {"reply", "dm"}
        else None,
        attachments=tuple(_file(file) for file in cast("list[Raw]", message.get("files") or [])),
        mentions=named,
    )


def _base(r: _Reader, event: Raw, key: str, message: Raw, *, addressed: Any) -> Event:
    """Who, where and when. A mention outside of a thread begins one."""
    ts = str(message.get("ts") or event.get("deleted_ts") or event.get("ts") or "")
    room, thread = str(event["channel"]), str(message.get("thread_ts") or "")
    if addressed == "mention" and not thread:
        thread = ts
    is_bot = bool(message.get("bot_id"))
    number = str(message.get("user") or message.get("bot_id") or "")
    return Event(
        channel=r.channel,
        dedupe_key=key,
        kind="message",
        conversation=r.conversation(room, str(event.get("channel_type") or ""), thread),
        sender=r.user(number, name=str(message.get("username") or ""), is_bot=is_bot),
        occurred_at=_time(ts),
        addressed=addressed,
        message_id=ts,
    )


def _file(file: Raw) -> Attachment:
    mime = str(file.get("mimetype") or "")
    kind: Any = "voice" if file.get("subtype") == "slack_audio" else _MIMES.get(mime.partition("/")[0], "file")
    return Attachment(
        kind=kind,
        name=str(file.get("name") or file.get("title") or ""),
        mime=mime,
        size_bytes=int(file.get("size") or 0),
        duration_s=float(file.get("duration_ms") or 0) / 1000,
        width=int(file.get("original_w") or 0),
        height=int(file.get("original_h") or 0),
        remote=str(file.get("url_private_download") or file.get("url_private") or ""),
        text=str(file.get("alt_txt") or ""),
    )


def _readable(text: str, r: _Reader) -> str:
    """`<@U1> in <#C1|general> &amp; <https://x|here>` → `@Desk in #general & here (https://x)`."""

    def person(found: re.Match[str]) -> str:
        known = r.known.person(found[1])
        return f"@{known.name}" if known is not None and known.name else found[0]

    def link(found: re.Match[str]) -> str:
        label = found[2]
        return f"{label} ({found[1]})" if label and label != found[1].partition(":")[2].lstrip("/") else found[1]

    text = _MENTION.sub(person, text)
    text = _PLACE.sub(lambda found: f"#{found[2] or found[1]}", text)
    text = _LINK.sub(link, text)
    text = _GROUP.sub(lambda found: f"@{found[1].lstrip('@')}", text)
    return _clean(html.unescape(text))


# --- everything else ------------------------------------------------------------------------------------------


def _reaction(r: _Reader, event: Raw) -> list[Event]:
    item = cast("Raw", event["item"])
    if item.get("type") != "message" or event["user"] == r.known.me.user:
        return []  # our own say that we are at work
    name = str(event["reaction"]).partition("::")[0]
    added = event["type"] == "reaction_added"
    return [
        Event(
            channel=r.channel,
            dedupe_key=f"reaction:{r.payload['event_id']}",
            kind="reaction",
            conversation=r.conversation(str(item["channel"]), "", ""),
            sender=r.user(str(event["user"])),
            occurred_at=_time(str(event.get("event_ts") or "")),
            target_id=str(item["ts"]),
            status=EMOJI.get(name, f":{name}:") if added else "",
        )
    ]


def _assistant(r: _Reader, event: Raw) -> list[Event]:
    """Somebody opened a thread with the assistant, or looks at another channel beside it."""
    thread = cast("Raw", event["assistant_thread"])
    room, ts = str(thread["channel_id"]), str(thread["thread_ts"])
    started = event["type"] == "assistant_thread_started"
    return [
        Event(
            channel=r.channel,
            dedupe_key=f"thread:{room}:{ts}" if started else f"context:{r.payload['event_id']}",
            kind="thread_started" if started else "unsupported",
            conversation=r.conversation(room, "im", ts),
            sender=r.user(str(thread["user_id"])),
            occurred_at=_time(str(event.get("event_ts") or "")),
            detail="" if started else f"service:{event['type']}",
        )
    ]


def _stopped(r: _Reader, event: Raw) -> list[Event]:
    """The stop button of an agent's session."""
    room, thread = str(event["channel"]), str(event["thread_ts"])
    return [
        Event(
            channel=r.channel,
            dedupe_key=f"stop:{room}:{thread}:{event['event_ts']}",
            kind="stop_generation",
            conversation=r.conversation(room, "", thread),
            sender=r.user(str(event["user"])),
            occurred_at=_time(str(event["event_ts"])),
            addressed="command",
        )
    ]


def _joined(r: _Reader, event: Raw) -> list[Event]:
    number = str(event["user"])
    return [
        Event(
            channel=r.channel,
            dedupe_key=f"member:{r.payload['event_id']}",
            kind="member",
            conversation=r.conversation(str(event["channel"]), "", ""),
            sender=r.user(number),
            occurred_at=_UNDATED,
            status="added" if number == r.known.me.user else "joined",
            target_id=number,
        )
    ]


def _pressed(r: _Reader, action: Raw) -> Event:
    container = cast("Raw", r.payload.get("container") or {})
    message = cast("Raw", r.payload.get("message") or {})
    place = cast("Raw", r.payload.get("channel") or {})
    room = str(place.get("id") or container["channel_id"])
    ts = str(message.get("ts") or container["message_ts"])
    person = cast("Raw", r.payload["user"])
    name = str(action["action_id"])
    menu = name.removeprefix(MENU).partition("|")[2] if name.startswith(MENU) else ""
    options = [action["selected_option"]] if action.get("selected_option") else action.get("selected_options") or []
    chosen = tuple(_clean(str(option["value"])) for option in cast("list[Raw]", options))
    value = chosen[0] if chosen else _clean(str(action.get("value") or menu or name))
    kind = "im" if place.get("name") == "directmessage" else ""
    conversation = r.conversation(room, kind, str(message.get("thread_ts") or container.get("thread_ts") or ""))
    return Event(
        channel=r.channel,
        dedupe_key=f"action:{room}:{ts}:{person['id']}:{action['action_id']}:{action['action_ts']}",
        kind="action",
        conversation=conversation,
        sender=r.user(str(person["id"]), name=str(person.get("name") or person.get("username") or "")),
        occurred_at=_time(str(action["action_ts"])),
        addressed="dm" if conversation.kind == "dm" else "reply",
        action=Action(
            value=value,
            values=chosen,
            message_id=ts,
            handle=f"{room} {person['id']} {action['action_ts']} {r.payload.get('trigger_id') or ''}".strip(),
            opens=name.startswith(FORM),
        ),
    )


def _sent_form(r: _Reader, view: Raw) -> Event:
    """A dialog that was filled in; what it remembers says where its button was pressed."""
    kept = cast("Raw", json.loads(str(view["private_metadata"])))
    person = cast("Raw", r.payload["user"])
    conversation = r.conversation(str(kept["room"]), "im" if kept["dm"] else "", str(kept["thread"]))
    fields: dict[str, str | list[str]] = {}
    for name, block in cast("Raw", cast("Raw", view["state"])["values"]).items():
        for field in cast("Raw", block).values():
            answer = _answer(cast("Raw", field))
            if answer:
                fields[str(name)] = answer
    return Event(
        channel=r.channel,
        dedupe_key=f"view:{view['id']}:{view.get('hash', '')}",
        kind="action",
        conversation=conversation,
        sender=r.user(str(person["id"]), name=str(person.get("name") or person.get("username") or "")),
        occurred_at=_UNDATED,
        addressed="dm" if conversation.kind == "dm" else "reply",
        action=Action(
            value=_clean(str(kept["value"])),
            message_id=str(kept["ts"]),
            handle=f"{kept['room']} {person['id']} {view['id']}",
            fields=fields,
            sent=True,
        ),
    )


def _answer(field: Raw) -> str | list[str]:
    """One input of a dialog; empty when it was left empty."""
    several = [_clean(str(option["value"])) for option in cast("list[Raw]", field.get("selected_options") or [])]
    match field.get("type"):
        case "checkboxes":
            return "true" if several else "false"
        case "multi_static_select":
            return several
        case "static_select":
            return _clean(str(cast("Raw", field.get("selected_option") or {}).get("value") or ""))
        case "datepicker":
            return str(field.get("selected_date") or "")
        case _:
            return _clean(str(field.get("value") or ""))


def _command(r: _Reader) -> Event:
    """`/reset`, or `/desk reset` where the app has one command for all; `/desk where is it?` is a message."""
    name, text = str(r.payload["command"]).lstrip("/").lower(), _clean(str(r.payload.get("text") or "").strip())
    room = str(r.payload["channel_id"])
    conversation = r.conversation(room, "", "")
    if name not in r.known.commands:
        first, _, rest = text.partition(" ")
        name, text = (first.lower(), rest.strip()) if first.lower() in r.known.commands else ("", text)
    return Event(
        channel=r.channel,
        dedupe_key=f"command:{r.payload['trigger_id']}",
        kind="command" if name else "message",
        conversation=conversation,
        sender=r.user(str(r.payload["user_id"]), name=str(r.payload.get("user_name") or "")),
        occurred_at=_UNDATED,
        addressed="dm" if conversation.kind == "dm" else "command",
        command=name,
        text=text,
    )


_EVENTS = {
    "message": _message,
    "app_mention": _message,
    "reaction_added": _reaction,
    "reaction_removed": _reaction,
    "member_joined_channel": _joined,
    "assistant_thread_started": _assistant,
    "assistant_thread_context_changed": _assistant,
    "agent_session_stopped": _stopped,
}


# --- shared pieces --------------------------------------------------------------------------------------------


def _time(ts: str) -> datetime:
    return datetime.fromtimestamp(float(ts), UTC) if ts else _UNDATED


def _clean(text: str) -> str:
    """Lone surrogates cannot be stored as UTF-8."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _plain(payload: Raw) -> dict[str, Any]:
    """A copy that can be stored whatever it holds, without what authorises answers."""
    return plain_json(payload, without=_AUTHORISING)
