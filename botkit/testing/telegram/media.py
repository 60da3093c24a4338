"""Files in and out: uploads, re-use by id, albums, `getFile` and its size limits."""

from __future__ import annotations

__all__ = ["DOWNLOAD_LIMIT_BYTES", "PHOTO_LIMIT_BYTES", "UPLOAD_LIMIT_BYTES", "media_json", "store_file"]

import hashlib
import mimetypes
from typing import Any

from botkit.core.data import JSON
from botkit.testing.telegram.checks import CAPTION_LIMIT, api, read_text, writable_chat
from botkit.testing.telegram.messages import deliver
from botkit.testing.telegram.params import ApiError, Call, Upload, bad_request
from botkit.testing.telegram.parser import Formatted
from botkit.testing.telegram.world import FakeFile, World

UPLOAD_LIMIT_BYTES = 50 * 1024 * 1024
PHOTO_LIMIT_BYTES = 10 * 1024 * 1024
DOWNLOAD_LIMIT_BYTES = 20 * 1024 * 1024
_FOLDERS = {"photo": "photos", "voice": "voice", "video": "videos", "audio": "music", "sticker": "stickers"}


def store_file(world: World, kind: str, data: bytes, name: str, mime: str = "", *, size: int = 0) -> FakeFile:
    """Keep a file and give it an id and a path. `size` may claim more bytes than `data` has."""
    number = len(world.files) + 1
    digest = hashlib.sha256(data + name.encode()).hexdigest()[:24]
    mime = mime or mimetypes.guess_type(name)[0] or "application/octet-stream"
    suffix = name.rsplit(".", 1)[-1] if "." in name else "bin"
    file = FakeFile(f"{kind[:3].upper()}{number:04d}{digest}", data, name, mime, size or len(data))
    file.path = f"{_FOLDERS.get(kind, 'documents')}/file_{number}.{suffix}"
    world.files[file.file_id] = file
    return file


def media_json(kind: str, file: FakeFile, *, duration: int = 3, width: int = 640, height: int = 480) -> JSON:
    """The Bot API object of a stored file, such as `Document`; photos come in several sizes."""
    core: dict[str, Any] = {"file_id": file.file_id, "file_unique_id": f"u{file.file_id}", "file_size": file.size}
    named: dict[str, Any] = {"file_name": file.name, "mime_type": file.mime}
    match kind:
        case "photo":
            small = {**core, "file_id": f"{file.file_id}s", "file_unique_id": f"s{file.file_id}", "file_size": 900}
            return [{**small, "width": 90, "height": 67}, {**core, "width": width, "height": height}]
        case "voice":
            return {**core, "duration": duration, "mime_type": file.mime}
        case "audio":
            return {**core, **named, "duration": duration}
        case "video" | "animation":
            return {**core, **named, "duration": duration, "width": width, "height": height}
        case "video_note":
            return {**core, "duration": duration, "length": width}
        case "sticker":
            return {
                **core,
                "type": "regular",
                "width": 512,
                "height": 512,
                "is_animated": False,
                "is_video": False,
                "emoji": "🙂",
            }
        case _:
            return {**core, **named}


def _check_upload(kind: str, upload: Upload) -> None:
    if len(upload.data) > UPLOAD_LIMIT_BYTES:
        raise ApiError(413, "Request Entity Too Large")
    if not upload.data:
        raise bad_request("file must be non-empty")
    if kind == "photo" and len(upload.data) > PHOTO_LIMIT_BYTES:
        raise bad_request(f"too big for a photo: {len(upload.data)} bytes")


def _resolve(world: World, call: Call, kind: str, reference: str, upload: Upload | None) -> FakeFile:
    if upload is not None:
        _check_upload(kind, upload)
        return store_file(world, kind, upload.data, upload.name, upload.mime)
    if not reference:
        raise bad_request(f"there is no {kind.replace('_', ' ')} in the request")
    if reference.startswith(("http://", "https://")):
        raise bad_request("failed to get HTTP URL content")
    file = world.files.get(reference)
    if file is None:
        raise bad_request("wrong file identifier/HTTP URL specified")
    return file


_KINDS = {
    "sendphoto": "photo",
    "senddocument": "document",
    "sendvoice": "voice",
    "sendaudio": "audio",
    "sendvideo": "video",
    "sendanimation": "animation",
    "sendvideonote": "video_note",
    "sendsticker": "sticker",
}


@api(
    "sendPhoto", "sendDocument", "sendVoice", "sendAudio", "sendVideo", "sendAnimation", "sendVideoNote", "sendSticker"
)
def send_file(world: World, call: Call) -> dict[str, Any]:
    kind = _KINDS[call.method.lower()]
    caption = read_text(call, "caption", limit=CAPTION_LIMIT, empty_ok=True)
    file = _resolve(world, call, kind, call.text(kind), call.upload(kind))
    chat = writable_chat(world, call)
    media = media_json(kind, file, duration=call.integer("duration", 3))
    return world.message_json(deliver(world, call, chat, caption, kind=kind, media=media, file=file))


@api("sendMediaGroup")
def send_media_group(world: World, call: Call) -> list[dict[str, Any]]:
    items = call.items("media", "InputMedia")
    if not items:
        raise bad_request("there are no messages to send")
    if len(items) > 10:
        raise bad_request("too many messages to send as an album")
    chat = writable_chat(world, call)
    prepared: list[tuple[str, FakeFile, Formatted]] = []
    for item in items:
        kind = str(item.get("type", ""))
        if kind not in {"photo", "video", "audio", "document", "live_photo"}:
            raise bad_request(f"can't parse InputMedia: type \"{kind}\" can't be used in sendMediaGroup")
        inner = Call(call.method, item, call.uploads)
        reference = inner.text("media")
        caption = read_text(inner, "caption", limit=CAPTION_LIMIT, empty_ok=True)
        prepared.append((kind, _resolve(world, inner, kind, reference, inner.upload("media")), caption))
    album = f"album{chat.id}-{len(world.order)}" if len(prepared) > 1 else ""
    return [
        world.message_json(
            deliver(world, call, chat, caption, kind=kind, media=media_json(kind, file), file=file, album=album)
        )
        for kind, file, caption in prepared
    ]


@api("sendLocation")
def send_location(world: World, call: Call) -> dict[str, Any]:
    try:
        place = {"latitude": float(call.text("latitude")), "longitude": float(call.text("longitude"))}
    except ValueError as error:
        raise bad_request("latitude is empty" if not call.text("latitude") else "longitude is empty") from error
    chat = writable_chat(world, call)
    return world.message_json(deliver(world, call, chat, Formatted(""), kind="location", media=place))


@api("getFile")
def get_file(world: World, call: Call) -> dict[str, Any]:
    file_id = call.text("file_id")
    file = world.files.get(file_id) or world.files.get(file_id.removesuffix("s"))
    if file is None:
        raise bad_request("invalid file_id")
    if file.expired:
        raise bad_request("wrong file_id or the file is temporarily unavailable")
    if file.size > DOWNLOAD_LIMIT_BYTES:
        raise bad_request("file is too big")
    return {
        "file_id": file.file_id,
        "file_unique_id": f"u{file.file_id}",
        "file_size": file.size,
        "file_path": file.path,
    }
