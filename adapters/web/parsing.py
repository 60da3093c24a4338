"""A visitor's request → an event. Pure.

    {"id": "k3…", "user": "anon-…", "kind": "message", "text": "hello", "locale": "de", "files": [{…}]}
    {"id": "k4…", "user": "anon-…", "kind": "press", "value": "ok:y:…", "target": "run_….0"}
    {"id": "k5…", "user": "anon-…", "kind": "choose", "value": "s:…", "values": ["d:…"], "target": "run_….0"}
    {"id": "k6…", "user": "anon-…", "kind": "open", "value": "in:f:…", "target": "run_….0"}
    {"id": "k7…", "user": "anon-…", "kind": "form", "value": "in:f:…", "fields": {"city": "Paris"}, "target": "run_….0"}
    {"id": "k8…", "user": "anon-…", "kind": "stop" | "delete" | "feedback", "target": "…", "value": "👍"}

`id` is made by the browser: sent again after a lost answer, it is the same event. It counts within one visitor, so
nobody can be kept from speaking by a stranger who used an id first.
"""

from __future__ import annotations

__all__ = ["KINDS", "MESSAGE_CHARS", "parse_payload", "problem_with", "room_of"]

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from botkit.sdk import Action, Attachment, Conversation, Event, User, form_fields

MESSAGE_CHARS = 16_000
KINDS = {
    "message": "message",
    "press": "action",
    "choose": "action",
    "open": "action",
    "form": "action",
    "stop": "stop_generation",
    "delete": "delete",
    "feedback": "reaction",
}
_ID_CHARS = 100
_TARGET_CHARS = 300
_MOST_FILES = 10
_MOST_VALUES = 100
_MOST_FIELDS = 100
_NAME_CHARS = 100
_ANSWER_CHARS = 4000
_LIMITS = {
    "id": _ID_CHARS,
    "kind": 40,
    "text": MESSAGE_CHARS,
    "value": 300,
    "target": _TARGET_CHARS,
    "locale": 35,
    "timezone": 64,
}


def room_of(channel: str, user_id: str) -> Conversation:
    """A visitor's own room: there is none with two."""
    return Conversation(channel=channel, room=user_id, kind="dm")


def problem_with(payload: object) -> str:
    """What is wrong with what a browser sent; empty when nothing is."""
    if not isinstance(payload, dict):
        return "the body is not a JSON object"
    fields = cast("dict[str, Any]", payload)
    for name, limit in _LIMITS.items():
        value = fields.get(name, "")
        if not isinstance(value, str) or len(value) > limit or not _is_plain(value):
            return f"{name} is a text of at most {limit} characters"
    if not fields.get("id") or not str(fields["id"]).isascii():
        return "id is missing"
    files = fields.get("files", [])
    if not isinstance(files, list) or not all(isinstance(one, str) for one in cast("list[object]", files)):
        return "files is a list of tickets"
    if len(cast("list[str]", files)) > _MOST_FILES:
        return f"a message has at most {_MOST_FILES} files"
    kind = fields.get("kind")
    if kind == "message" and not (str(fields.get("text") or "").strip() or files):
        return "text is missing"
    if kind in ("choose", "open", "form") and not fields.get("value"):
        return "value is missing"
    if not _are_words(fields.get("values", [])):
        return f"values is a list of at most {_MOST_VALUES} texts"
    if not _are_answers(fields.get("fields", {})):
        return f"fields is an object of at most {_MOST_FIELDS} texts, flags and lists of texts"
    if kind in ("delete", "feedback") and not fields.get("target"):
        return "target is missing"
    return ""


def parse_payload(channel: str, payload: Mapping[str, Any], now: datetime) -> Event:
    """Raises whatever a payload of another shape makes it raise; kinds of a newer widget become `unsupported`."""
    user, said = str(payload["user"]), str(payload["kind"])
    message_id = str(payload["id"])
    kind = KINDS.get(said, "unsupported")
    text = str(payload.get("text") or "")
    name, _, rest = text[1:].partition(" ")
    command = name.lower() if kind == "message" and text.startswith("/") and name.isidentifier() else ""
    value, target = str(payload.get("value") or ""), str(payload.get("target") or "")
    pressed = None
    if kind == "action":
        values = tuple(str(one) for one in payload.get("values") or ()) if said == "choose" else ()
        pressed = Action(
            value=values[0] if values else value,
            values=values,
            message_id=target,
            handle=message_id,
            fields=form_fields(payload.get("fields") or {}) if said == "form" else {},
            sent=said == "form",
            opens=said == "open",
        )
    return Event(
        channel=channel,
        dedupe_key=f"{user}/{message_id}",
        kind=cast("Any", "command" if command else kind),
        conversation=room_of(channel, user),
        sender=User(
            id=user,
            name=str(payload.get("name") or ""),
            locale=str(payload.get("locale") or ""),
            timezone=str(payload.get("timezone") or ""),
        ),
        occurred_at=now,
        text=rest.lstrip() if command else text,
        command=command,
        addressed="command" if command else "dm",
        message_id=message_id,
        target_id=target if kind in ("delete", "reaction") else "",
        attachments=tuple(Attachment(**one) for one in payload.get("files") or ()),
        action=pressed,
        status=value if kind == "reaction" else "",
        detail=said if kind == "unsupported" else "",
    )


def _are_words(value: object) -> bool:
    """A list of short texts."""
    if not isinstance(value, list) or len(cast("list[object]", value)) > _MOST_VALUES:
        return False
    return all(
        isinstance(one, str) and len(one) <= _LIMITS["value"] and _is_plain(one) for one in cast("list[Any]", value)
    )


def _are_answers(value: object) -> bool:
    """What a form holds."""
    if not isinstance(value, dict) or len(cast("dict[object, object]", value)) > _MOST_FIELDS:
        return False
    return all(
        len(name) <= _NAME_CHARS
        and _is_plain(name)
        and (
            isinstance(one, bool)
            or (isinstance(one, str) and len(one) <= _ANSWER_CHARS and _is_plain(one))
            or _are_words(one)
        )
        for name, one in cast("dict[str, object]", value).items()
    )


def _is_plain(text: str) -> bool:
    """Neither NUL nor halves of surrogate pairs, which no database takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text
