"""Meta's webhook payloads → events. Pure.

    {"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages", "value":
        {"metadata": {"phone_number_id": "…"}, "contacts": […], "messages": […], "statuses": […]}}]}]}

A person is known by their business-scoped id (`user_id`); a phone number, which people may hide, is an alias.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/payload-examples
"""

from __future__ import annotations

__all__ = ["COMMAND", "parse_cloud"]

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from botkit.sdk import Action, Attachment, Conversation, Event, ReplyTo, User, payload_key, plain_json, quarantined

COMMAND = re.compile(r"/([A-Za-z][A-Za-z0-9_]{0,31})(?:\s+|$)")
"""WhatsApp has no commands of its own: a text that begins like one is one."""
_FILES = {
    "image": ("image", "image.jpg"),
    "video": ("video", "video.mp4"),
    "audio": ("audio", "audio.ogg"),
    "document": ("file", "document"),
    "sticker": ("sticker", "sticker.webp"),
}


def parse_cloud(channel: str, number_id: str, payload: Mapping[str, Any], now: datetime) -> list[Event]:
    """All events of one webhook call; what has not the documented shape is kept as `quarantined`."""
    try:
        changes = list(_changes(payload))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        return [quarantined(channel, plain_json(payload), error, now)]
    events: list[Event] = []
    for change in changes:
        value = cast("Mapping[str, Any]", change.get("value") or {})
        if change.get("field") != "messages":
            events.append(_other(channel, change, now))
            continue
        try:
            metadata = _object(value.get("metadata"))
            if str(metadata.get("phone_number_id") or number_id) != number_id:
                continue  # another number of the same app; its own channel gets it
            contacts = [_object(one) for one in cast("list[Any]", value.get("contacts") or [])]
            messages, statuses = list(value.get("messages") or []), list(value.get("statuses") or [])
        except (TypeError, ValueError, AttributeError) as error:
            events.append(quarantined(channel, plain_json(change), error, now))
            continue
        own = str(metadata.get("display_phone_number") or "")
        for index, message in enumerate(messages):
            contact = contacts[min(index, len(contacts) - 1)] if contacts else {}
            events.append(_safely(_message, channel, message, now, contact, own))
        events += [_safely(_status, channel, status, now) for status in statuses]
    return events


def _changes(payload: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for entry in payload["entry"]:
        for change in entry["changes"]:
            yield _object(change)


def _safely(parse: Any, channel: str, piece: Any, now: datetime, *rest: Any) -> Event:
    try:
        return parse(channel, _object(piece), now, *rest)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError, OSError) as error:
        return quarantined(channel, plain_json(piece), error, now)


def _message(
    channel: str, message: Mapping[str, Any], now: datetime, contact: Mapping[str, Any], own_number: str
) -> Event:
    sender = _sender(message, contact)
    kind = str(message["type"])
    content = _object(message.get(kind))
    context = _object(message.get("context"))
    base: dict[str, Any] = {
        "channel": channel,
        "dedupe_key": f"msg:{message['id']}",
        "conversation": Conversation(channel=channel, room=sender.id, kind="dm", title=sender.name),
        "sender": sender,
        "occurred_at": _time(message.get("timestamp"), now),
        "message_id": str(message["id"]),
        "addressed": "dm",
        "reply_to": _reply_to(context, own_number),
        "forwarded": "somebody" if context.get("forwarded") or context.get("frequently_forwarded") else "",
    }
    match kind:
        case "text":
            return _text(base, str(content["body"]))
        case "interactive" | "button":
            return _pressed(base, kind, content, context)
        case "reaction":
            return Event(
                kind="reaction", target_id=str(content["message_id"]), status=str(content.get("emoji") or ""), **base
            )
        case "location" | "contacts":
            return Event(kind="message", attachments=_places(kind, message[kind]), **base)
        case "system":
            return _system(base, content)
        case _ if kind in _FILES:
            caption = str(content.get("caption") or "")
            return Event(kind="message", text=caption, attachments=(_file(kind, content),), **base)
        case _:
            problems = [_object(one) for one in cast("list[Any]", message.get("errors") or [])]
            why = "; ".join(str(one.get("title") or one.get("code")) for one in problems)
            return Event(kind="unsupported", detail=why or f"a message of the kind {kind}", raw=dict(message), **base)


def _sender(message: Mapping[str, Any], contact: Mapping[str, Any]) -> User:
    phone = str(message.get("from") or contact.get("wa_id") or "")
    scoped = str(message.get("from_user_id") or contact.get("user_id") or "")
    profile = _object(contact.get("profile"))
    if not (scoped or phone):
        raise ValueError("no sender")
    return User(
        id=scoped or phone,
        name=str(profile.get("name") or ""),
        username=str(profile.get("username") or contact.get("username") or ""),
        aliases={"phone": phone} if phone and scoped else {},
    )


def _text(base: dict[str, Any], text: str) -> Event:
    found = COMMAND.match(text)
    if found is None:
        return Event(kind="message", text=text, **base)
    base = {**base, "addressed": "command"}
    return Event(kind="command", command=found[1].lower(), text=text[found.end() :], **base)


def _pressed(base: dict[str, Any], kind: str, content: Mapping[str, Any], context: Mapping[str, Any]) -> Event:
    on = str(context.get("id") or "")
    if kind == "button":  # the quick reply of a template
        action = Action(value=str(content.get("payload") or content.get("text") or ""), message_id=on)
        return Event(kind="action", action=action, text=str(content.get("text") or ""), **base)
    reply = str(content["type"])
    chosen = _object(content[reply])
    if reply in ("button_reply", "list_reply"):
        action = Action(value=str(chosen["id"]), message_id=on)
        return Event(kind="action", action=action, text=str(chosen.get("title") or ""), **base)
    if reply == "nfm_reply":
        answers = json.loads(str(chosen.get("response_json") or "{}"))
        fields = {str(key): _answer(value) for key, value in _object(answers).items() if key != "flow_token"}
        token = str(_object(answers).get("flow_token") or "")
        action = Action(value=token, message_id=on, fields=fields, sent=True)
        return Event(kind="action", action=action, **base)
    return Event(kind="unsupported", detail=f"an answer of the kind {reply}", raw=dict(content), **base)


def _answer(value: Any) -> str | list[str]:
    """One field of a flow, as every platform's forms give it."""
    if isinstance(value, list):
        return [str(one) for one in cast("list[Any]", value)]
    return "true" if value is True else "false" if value is False else str(value)


def _system(base: dict[str, Any], content: Mapping[str, Any]) -> Event:
    """The person changed their number: the conversation goes on under the new one."""
    new = str(content.get("user_id") or content.get("wa_id") or content.get("new_wa_id") or "")
    if new and content.get("type") in ("user_changed_number", "customer_changed_number", "user_changed_user_id"):
        return Event(kind="member", status="migrated", target_id=new, detail=str(content.get("body") or ""), **base)
    return Event(kind="unsupported", detail=str(content.get("body") or "a system message"), raw=dict(content), **base)


def _file(kind: str, content: Mapping[str, Any]) -> Attachment:
    found, name = _FILES[kind]
    if kind == "audio" and content.get("voice"):
        found, name = "voice", "voice.ogg"
    return Attachment(
        kind=cast("Any", found),
        name=str(content.get("filename") or name),
        mime=str(content.get("mime_type") or "").partition(";")[0],
        size_bytes=int(content.get("file_size") or 0),
        duration_s=float(content.get("duration") or 0),
        remote=str(content["id"]),
    )


def _places(kind: str, content: Any) -> tuple[Attachment, ...]:
    if kind == "location":
        place = _object(content)
        text = ", ".join(str(place[name]) for name in ("name", "address") if place.get(name))
        return (
            Attachment(
                kind="location", latitude=float(place["latitude"]), longitude=float(place["longitude"]), text=text
            ),
        )
    found: list[Attachment] = []
    for one in cast("list[Any]", content):
        contact = _object(one)
        phones = [str(_object(phone).get("phone") or "") for phone in cast("list[Any]", contact.get("phones") or [])]
        name = str(_object(contact.get("name")).get("formatted_name") or "")
        found.append(Attachment(kind="contact", name=name, text=", ".join(phone for phone in phones if phone)))
    return tuple(found)


def _reply_to(context: Mapping[str, Any], own_number: str) -> ReplyTo | None:
    if not context.get("id"):
        return None
    sender = str(context.get("from") or "")
    return ReplyTo(message_id=str(context["id"]), sender_id=sender, is_ours=bool(sender) and sender == own_number)


def _status(channel: str, status: Mapping[str, Any], now: datetime) -> Event:
    """What became of a message of ours. `text` is the part's id, which came along with the message."""
    message_id, state = str(status["id"]), str(status["status"])
    problems = [_object(one) for one in cast("list[Any]", status.get("errors") or [])]
    detail = "; ".join(
        f"{one.get('code')}: {_object(one.get('error_data')).get('details') or one.get('title') or ''}"
        for one in problems
    )
    who = str(status.get("recipient_user_id") or status.get("user_id") or status.get("recipient_id") or "")
    return Event(
        channel=channel,
        dedupe_key=f"status:{message_id}:{state}",
        kind="delivery_status",
        conversation=Conversation(channel=channel, room=who, kind="dm"),
        sender=User(id=who),
        occurred_at=_time(status.get("timestamp"), now),
        target_id=message_id,
        status=state,
        detail=detail,
        text=str(status.get("biz_opaque_callback_data") or ""),
    )


def _other(channel: str, change: Mapping[str, Any], now: datetime) -> Event:
    field, raw = str(change.get("field")), plain_json(change)
    return Event(
        channel=channel,
        dedupe_key=payload_key(raw),
        kind="unsupported",
        conversation=Conversation(channel=channel, room="account", kind="group"),
        sender=User(id="whatsapp", is_bot=True),
        occurred_at=now,
        detail=f"a notice about {field}",
        raw=raw,
    )


def _time(stamp: Any, now: datetime) -> datetime:
    return datetime.fromtimestamp(int(stamp), UTC) if stamp else now


def _object(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"expected an object, got {type(value).__name__}")
    return dict(cast("Mapping[str, Any]", value))
