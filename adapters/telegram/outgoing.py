"""Outgoing files → the calls that send them: one by one, or together as an album. Pure.

    {"method": "sendMediaGroup", "args": {"media": [{"type": "photo", "caption": …}, …]}, "attachments": […, …]}

Source: https://core.telegram.org/bots/api#sendmediagroup
"""

from __future__ import annotations

__all__ = ["ALBUM_LIMIT", "file_drafts", "is_album"]

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from adapters.telegram.media import UPLOAD_LIMIT_BYTES, human_size, sending_method
from botkit.sdk import Attachment

ALBUM_LIMIT = 10
_FAMILIES = {"sendPhoto": "seen", "sendVideo": "seen", "sendDocument": "document", "sendAudio": "audio"}
"""Pictures and videos go together; documents and audio only with their like."""


def is_album(draft: Mapping[str, Any]) -> bool:
    return draft["method"] == "sendMediaGroup"


def file_drafts(attachments: Sequence[Attachment], *, keep_last_apart: bool) -> list[dict[str, Any]]:
    """The calls for these files, in order. `seen` is what a person will read of each.

    Args:
        keep_last_apart: the last one must not be in an album: an album cannot carry buttons.
    """
    drafts: list[dict[str, Any]] = []
    run: list[Attachment] = []

    def close() -> None:
        if len(run) > 1:
            drafts.append(_album(run))
        else:
            drafts.extend(_file(attachment) for attachment in run)
        run.clear()

    for number, attachment in enumerate(attachments):
        apart = keep_last_apart and number == len(attachments) - 1
        if not _joins(run, attachment) or apart:
            close()
        run.append(attachment)
    close()
    return drafts


def _joins(run: Sequence[Attachment], attachment: Attachment) -> bool:
    family = _family(attachment)
    if not run or not family or family != _family(run[0]) or len(run) >= ALBUM_LIMIT:
        return False
    return sum(item.size_bytes for item in run) + attachment.size_bytes <= UPLOAD_LIMIT_BYTES


def _family(attachment: Attachment) -> str:
    if attachment.kind in {"location", "contact"} or attachment.size_bytes > UPLOAD_LIMIT_BYTES:
        return ""
    return _FAMILIES.get(sending_method(attachment)[0], "")


def _album(attachments: Sequence[Attachment]) -> dict[str, Any]:
    return {
        "method": "sendMediaGroup",
        "args": {"media": [{"type": sending_method(attachment)[1]} for attachment in attachments]},
        "attachments": [msgspec.to_builtins(attachment) for attachment in attachments],
        "seen": "\n".join(_shown(attachment) for attachment in attachments),
    }


def _file(attachment: Attachment) -> dict[str, Any]:
    if attachment.kind == "location":
        place = {"latitude": attachment.latitude, "longitude": attachment.longitude}
        return {"method": "sendLocation", "args": place, "seen": attachment.text or "📍"}
    if attachment.kind == "contact":
        text = " ".join(part for part in (attachment.name, attachment.text) if part)
        return {"method": "sendMessage", "args": {"text": text or "?"}, "seen": text}
    if attachment.size_bytes > UPLOAD_LIMIT_BYTES:
        size, limit = human_size(attachment.size_bytes), human_size(UPLOAD_LIMIT_BYTES)
        note = f"📎 {attachment.name or attachment.kind} is too large for Telegram ({size}; at most {limit})."
        return {"method": "sendMessage", "args": {"text": note}, "seen": note}
    method, _ = sending_method(attachment)
    return {"method": method, "args": {}, "attachment": msgspec.to_builtins(attachment), "seen": _shown(attachment)}


def _shown(attachment: Attachment) -> str:
    return f"📎 {attachment.name or attachment.kind}"
