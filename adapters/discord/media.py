"""Files: what a message carries, and the limits of what may go in and out."""

from __future__ import annotations

__all__ = [
    "DOWNLOAD_LIMIT_BYTES",
    "FILES_LIMIT",
    "UPLOAD_LIMIT_BYTES",
    "VOICE_MESSAGE",
    "attachments_of",
    "human_size",
    "is_voice_message",
    "remote_parts",
]

from collections.abc import Mapping
from typing import Any, cast

from botkit.sdk import Attachment

Raw = Mapping[str, Any]

DOWNLOAD_LIMIT_BYTES = 25 * 1024 * 1024
"""Ours: people with a subscription may send far more than a bot should load."""
UPLOAD_LIMIT_BYTES = 10 * 1024 * 1024
"""What every server allows; https://docs.discord.com/developers/reference#uploading-files"""
FILES_LIMIT = 10
"""Files in one message."""
VOICE_MESSAGE = 1 << 13
"""Flag of a message that is one recording and nothing else."""
_KINDS = {"image": "image", "audio": "audio", "video": "video"}


def attachments_of(message: Raw) -> tuple[Attachment, ...]:
    """The files and stickers of a message."""
    is_voice = bool(int(message.get("flags") or 0) & VOICE_MESSAGE)
    where = f"{message.get('channel_id', '')}/{message.get('id', '')}"
    files = cast("list[Raw]", message.get("attachments") or [])
    stickers = cast("list[Raw]", message.get("sticker_items") or [])
    return (
        *(_file(file, where, is_voice=is_voice) for file in files),
        *(Attachment(kind="sticker", name=str(sticker.get("name", ""))) for sticker in stickers),
    )


def _file(file: Raw, where: str, *, is_voice: bool) -> Attachment:
    mime = str(file.get("content_type") or "").partition(";")[0]
    kind: Any = "voice" if is_voice else _KINDS.get(mime.partition("/")[0], "file")
    return Attachment(
        kind=kind,
        name=str(file.get("title") or file.get("filename") or ""),
        mime=mime,
        size_bytes=int(file.get("size") or 0),
        duration_s=float(file.get("duration_secs") or 0),
        width=int(file.get("width") or 0),
        height=int(file.get("height") or 0),
        remote=f"{where}/{file['id']} {file['url']}",
        text=str(file.get("description") or ""),
    )


def is_voice_message(attachment: Attachment) -> bool:
    """Whether a file can be sent as a voice message: Ogg with Opus, of a known length."""
    return attachment.kind == "voice" and attachment.mime == "audio/ogg" and attachment.duration_s > 0


def remote_parts(remote: str) -> tuple[str, str, str, str]:
    """(channel, message, attachment, address) of `Attachment.remote`. The address expires after a day; the ids
    get a fresh one."""
    place, _, url = remote.partition(" ")
    channel, message, attachment = (*place.split("/"), "", "", "")[:3]
    return channel, message, attachment, url


def human_size(size_bytes: int) -> str:
    return f"{size_bytes / 1024 / 1024:.0f} MB" if size_bytes >= 1024 * 1024 else f"{max(1, size_bytes // 1024)} kB"
