"""Twilio's webhook forms → events. Pure.

    {"MessageSid": "SM…", "From": "whatsapp:+15550001", "Body": "hello", "ProfileName": "Ada", "NumMedia": "0"}
    {"MessageSid": "SM…", "MessageStatus": "undelivered", "ErrorCode": "63016", "part": "run_1.0"}

`part` is ours: it comes back in the query of the address that status reports go to.

Source: https://www.twilio.com/docs/messaging/guides/webhook-request
"""

from __future__ import annotations

__all__ = ["parse_twilio"]

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapters.whatsapp.cloud_parsing import COMMAND
from botkit.sdk import Action, Attachment, Conversation, Event, ReplyTo, User, plain_json, quarantined

_PREFIX = "whatsapp:"
_KINDS = {"image": "image", "video": "video", "audio": "audio"}
_STATES = {"queued": "queued", "accepted": "queued", "sending": "queued", "undelivered": "failed"}
_MEDIA_LIMIT = 10


def parse_twilio(channel: str, form: Mapping[str, Any], now: datetime) -> list[Event]:
    """The event of one webhook call; what has not the documented shape is kept as `quarantined`."""
    try:
        if form.get("MessageStatus") and form.get("SmsStatus") != "received":
            return [_status(channel, form, now)]
        return [_message(channel, form, now)]
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        return [quarantined(channel, plain_json(form), error, now)]


def _message(channel: str, form: Mapping[str, Any], now: datetime) -> Event:
    sid, who = str(form["MessageSid"]), _address(form["From"])
    name = str(form.get("ProfileName") or "")
    replied = str(form.get("OriginalRepliedMessageSid") or "")
    base: dict[str, Any] = {
        "channel": channel,
        "dedupe_key": f"msg:{sid}",
        "conversation": Conversation(channel=channel, room=who, kind="dm", title=name),
        "sender": User(id=who, name=name),
        "occurred_at": now,
        "message_id": sid,
        "addressed": "dm",
    }
    text = str(form.get("Body") or "")
    pressed = str(form.get("ButtonPayload") or form.get("ListId") or "")
    if pressed:
        return Event(kind="action", action=Action(value=pressed, message_id=replied), text=text, **base)
    if replied:
        ours = _address(form.get("OriginalRepliedMessageSender") or "") == _address(form.get("To") or "")
        base["reply_to"] = ReplyTo(message_id=replied, is_ours=ours)
    files = _files(form)
    found = COMMAND.match(text)
    if found is not None and not files:
        rest = text[found.end() :]
        base["addressed"] = "command"
        return Event(kind="command", command=found[1].lower(), text=rest, **base)
    if not text and not files:
        return Event(kind="unsupported", detail="a message without text or file", raw=dict(form), **base)
    return Event(kind="message", text=text, attachments=files, **base)


def _files(form: Mapping[str, Any]) -> tuple[Attachment, ...]:
    if form.get("Latitude") and form.get("Longitude"):
        text = ", ".join(str(form[key]) for key in ("Label", "Address") if form.get(key))
        return (
            Attachment(
                kind="location", latitude=float(form["Latitude"]), longitude=float(form["Longitude"]), text=text
            ),
        )
    count = min(int(form.get("NumMedia") or 0), _MEDIA_LIMIT)
    return tuple(_file(str(form[f"MediaUrl{i}"]), str(form.get(f"MediaContentType{i}") or "")) for i in range(count))


def _file(url: str, mime: str) -> Attachment:
    mime = mime.partition(";")[0].strip()
    major, _, minor = mime.partition("/")
    if mime in ("text/vcard", "text/x-vcard"):
        return Attachment(kind="contact", name="contact.vcf", mime=mime, remote=url)
    kind: Any = "voice" if mime == "audio/ogg" else _KINDS.get(major, "file")
    return Attachment(kind=kind, name=f"{kind}.{minor.rpartition('.')[2] or 'bin'}", mime=mime, remote=url)


def _status(channel: str, form: Mapping[str, Any], now: datetime) -> Event:
    sid, state = str(form["MessageSid"]), str(form["MessageStatus"])
    who = _address(form.get("To") or "")
    code = str(form.get("ErrorCode") or "")
    words = str(form.get("ErrorMessage") or form.get("ChannelStatusMessage") or "")
    return Event(
        channel=channel,
        dedupe_key=f"status:{sid}:{state}",
        kind="delivery_status",
        conversation=Conversation(channel=channel, room=who, kind="dm"),
        sender=User(id=who),
        occurred_at=now,
        target_id=sid,
        status=_STATES.get(state, state),
        detail=f"{code}: {words}" if code else "",
        text=str(form.get("part") or ""),
    )


def _address(value: Any) -> str:
    """`whatsapp:+15550001` → `+15550001`."""
    return str(value).removeprefix(_PREFIX)
