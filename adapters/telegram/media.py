"""Files: what a message carries, and which method sends what."""

from __future__ import annotations

__all__ = [
    "DOWNLOAD_LIMIT_BYTES",
    "PHOTO_LIMIT_BYTES",
    "UPLOAD_LIMIT_BYTES",
    "attachments_of",
    "human_size",
    "sending_method",
]

from collections.abc import Mapping
from typing import Any, cast

from botkit.sdk import Attachment

DOWNLOAD_LIMIT_BYTES = 20 * 1024 * 1024
"""https://core.telegram.org/bots/api#getfile"""
UPLOAD_LIMIT_BYTES = 50 * 1024 * 1024
"""https://core.telegram.org/bots/api#sending-files"""
PHOTO_LIMIT_BYTES = 10 * 1024 * 1024

_PHOTO_MIMES = frozenset({"image/jpeg", "image/png", "image/webp"})
_VOICE_MIMES = frozenset({"audio/ogg", "audio/opus", "audio/mpeg", "audio/mp4", "audio/x-m4a"})
"""https://core.telegram.org/bots/api#sendvoice"""
_NAMES = {
    "photo": ("photo.jpg", "image/jpeg"),
    "voice": ("voice.ogg", "audio/ogg"),
    "video_note": ("video.mp4", "video/mp4"),
    "sticker": ("sticker.webp", "image/webp"),
}
_KINDS = {
    "animation": "video",  # before `document`, which Telegram repeats for old clients
    "photo": "image",
    "voice": "voice",
    "audio": "audio",
    "video": "video",
    "video_note": "video",
    "sticker": "sticker",
    "document": "file",
}


def attachments_of(message: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """The files, place or contact of a message; empty for plain text and for kinds that are none of these."""
    for key, kind in _KINDS.items():
        if key in message:
            return (_file(key, kind, message[key]),)
    venue = cast("Mapping[str, Any]", message.get("venue") or {})
    place = cast("Mapping[str, Any] | None", venue.get("location") or message.get("location"))
    if place is not None:
        text = ", ".join(str(venue[name]) for name in ("title", "address") if venue.get(name))
        return (
            Attachment(
                kind="location", latitude=float(place["latitude"]), longitude=float(place["longitude"]), text=text
            ),
        )
    if "contact" in message:
        contact = cast("Mapping[str, Any]", message["contact"])
        name = " ".join(str(contact[part]) for part in ("first_name", "last_name") if contact.get(part))
        return (Attachment(kind="contact", name=name, text=str(contact.get("phone_number", ""))),)
    return ()


def _file(key: str, kind: Any, media: Any) -> Attachment:
    sizes = cast("list[Mapping[str, Any]]", media) if isinstance(media, list) else []
    file = cast("Mapping[str, Any]", sizes[-1] if sizes else media)
    name, mime = _NAMES.get(key, ("", ""))
    return Attachment(
        kind=kind,
        name=str(file.get("file_name") or name),
        mime=str(file.get("mime_type") or mime),
        size_bytes=int(file.get("file_size") or 0),
        duration_s=float(file.get("duration") or 0),
        width=int(file.get("width") or file.get("length") or 0),
        height=int(file.get("height") or file.get("length") or 0),
        remote=str(file["file_id"]),
        text=str(file.get("emoji") or "") if key == "sticker" else "",
    )


def sending_method(attachment: Attachment) -> tuple[str, str]:
    """(`sendPhoto`, `photo`): the method that shows a file best, and its parameter."""
    match attachment.kind:
        case "image" if attachment.mime in _PHOTO_MIMES and attachment.size_bytes <= PHOTO_LIMIT_BYTES:
            return "sendPhoto", "photo"
        case "voice" if attachment.mime in _VOICE_MIMES:
            return "sendVoice", "voice"
        case "audio" | "voice" if attachment.mime in {"audio/mpeg", "audio/mp3", "audio/mp4", "audio/x-m4a"}:
            return "sendAudio", "audio"
        case "video" if attachment.mime == "video/mp4":
            return "sendVideo", "video"
        case _:
            return "sendDocument", "document"


def human_size(size_bytes: int) -> str:
    return f"{size_bytes / 1024 / 1024:.0f} MB" if size_bytes >= 1024 * 1024 else f"{max(1, size_bytes // 1024)} kB"
