"""Albums: Telegram sends each file of one as a message of its own; they are one message to everybody else."""

from __future__ import annotations

__all__ = ["album_of", "merge_album"]

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from botkit.sdk import Event

Raw = Mapping[str, Any]


def album_of(update: object) -> str:
    """The album a message belongs to; empty for anything else."""
    message = cast("Raw", update).get("message") if isinstance(update, Mapping) else None
    if not isinstance(message, Mapping):
        return ""
    group = cast("Raw", message).get("media_group_id")
    chat = cast("Raw", message).get("chat")
    return f"{cast('Raw', chat).get('id')}:{group}" if group and isinstance(chat, Mapping) else ""


def merge_album(events: Sequence[Event], album: str) -> Event:
    """Make one message of an album: all its files, its captions as text. Keyed by album and first message,
    so that a redelivery of the whole album is the same event."""
    first = events[0]
    addressed = next((e.addressed for e in events if e.addressed != "none"), "none")
    return msgspec.structs.replace(
        first,
        dedupe_key=f"album:{album}:{first.message_id}",
        text="\n".join(e.text for e in events if e.text),
        addressed=addressed,
        attachments=tuple(attachment for e in events for attachment in e.attachments),
        mentions=tuple(dict.fromkeys(name for e in events for name in e.mentions)),
    )
