"""What every adapter's `parse` needs for payloads that nobody understands."""

from __future__ import annotations

__all__ = ["form_fields", "payload_key", "plain_json", "quarantined"]

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from botkit.core.events import Conversation, Event, User


def plain_json(payload: object, *, without: Collection[str] = ()) -> dict[str, Any]:
    """A copy of a payload that can be stored whatever it holds: what JSON cannot say is shown by its `repr`.

    Args:
        without: keys of the object that are left out, such as tokens that authorise answers.
    """
    kept: object = payload
    if isinstance(payload, Mapping):
        kept = {key: value for key, value in cast("Mapping[Any, Any]", payload).items() if key not in without}
    value: object = json.loads(json.dumps(kept, sort_keys=True, default=repr))
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {"value": value}


def form_fields(given: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """Answers of a form as front ends of one's own send them, the way `Action.fields` holds them: numbers and flags as
    text, lists of texts; what is empty is left out."""
    found: dict[str, str | list[str]] = {}
    for name, value in given.items():
        if isinstance(value, list | tuple):
            found[str(name)] = [_worded(one) for one in cast("Sequence[object]", value)]
        elif value is not None and value != "":
            found[str(name)] = _worded(value)
    return {name: value for name, value in found.items() if value}


def _worded(value: object) -> str:
    return "true" if value is True else "false" if value is False else str(value)


def payload_key(raw: Mapping[str, Any]) -> str:
    """A dedupe key for a payload without an id of its own: the same for its redelivery."""
    return f"raw:{hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()[:32]}"


def quarantined(
    channel: str, raw: Mapping[str, Any], error: Exception, now: datetime, *, dedupe_key: str = ""
) -> Event:
    """The event of a payload that has not the documented shape: kept with its `raw`, and the stream goes on.

    Args:
        raw: as `plain_json` gives it.
        dedupe_key: `payload_key` when empty.
    """
    return Event(
        channel=channel,
        dedupe_key=dedupe_key or payload_key(raw),
        kind="quarantined",
        conversation=Conversation(channel=channel, room=""),
        sender=User(id=""),
        occurred_at=now,
        detail=f"{type(error).__name__} while reading the payload",
        raw=dict(raw),
    )
