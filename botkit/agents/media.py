"""Files for providers: references in messages become content parts at the call, as far as the model takes them.

    {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,…"}}
    {"type": "input_audio", "input_audio": {"data": "…", "format": "wav"}}
    {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,…"}}

LiteLLM turns these into what each provider wants. Bytes are known by how they begin, not by what somebody called them:
a provider refuses the whole request for a picture that is not what it says.

Source: https://docs.litellm.ai/docs/completion/vision, /audio and /document_understanding
"""

from __future__ import annotations

__all__ = ["MediaFiller", "ReadFile", "audio_formats", "has_files", "takes_by_table", "without_files"]

import asyncio
import base64
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any, cast

import msgspec
import structlog

from botkit.agents.price_list import facts_of
from botkit.core.errors import BotkitError
from botkit.core.media import FILE_PART, FileKind, Message, MessagePart, as_text
from botkit.core.models import ModelRequest
from botkit.core.sound import sound_mime

ReadFile = Callable[[str], Awaitable[bytes]]
"""The bytes behind a file id. Raises `BotkitError` when they are gone."""

_log = structlog.get_logger("botkit.models")

FILES_LIMIT = 20
"""In one request."""
REQUEST_LIMIT_BYTES = 14_000_000
"""Gemini takes 20 MB in one request, encoded; others more."""
_FILE_LIMITS: dict[FileKind, int] = {"image": 14_000_000, "audio": 14_000_000, "document": 14_000_000}
_SMALL_IMAGES = {"anthropic": 3_900_000, "bedrock": 3_700_000}
"""Providers that take pictures of at most 5 MB, counted as they are encoded."""
_MANY_SOUNDS = frozenset({"wav", "mp3", "ogg", "flac", "aac", "aiff"})
_FEW_SOUNDS = frozenset({"wav", "mp3"})
_SOUND_OF_MIME = {
    "audio/ogg": "ogg",
    "audio/opus": "ogg",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/flac": "flac",
    "audio/x-flac": "flac",
    "audio/aac": "aac",
    "audio/aiff": "aiff",
    "audio/x-aiff": "aiff",
}


def takes_by_table(model: str) -> frozenset[FileKind]:
    """What LiteLLM's table says that a model reads besides text. Without the network."""
    facts = facts_of(model)
    takes: dict[FileKind, object] = {
        "image": facts.supports_vision,
        "audio": facts.supports_audio_input,
        "document": facts.supports_pdf_input,
    }
    return frozenset(kind for kind, is_taken in takes.items() if is_taken is True)


def audio_formats(model: str) -> frozenset[str]:
    """Formats of sound that the provider of a model hears: `ogg` is what chats send."""
    return _MANY_SOUNDS if model.partition("/")[0] in ("gemini", "vertex_ai", "vertex_ai_beta") else _FEW_SOUNDS


def sound_format(mime: str) -> str:
    """`ogg` for `audio/ogg`; empty for a kind that no provider is known to hear."""
    return _SOUND_OF_MIME.get(mime, "")


def has_files(messages: Iterable[Message]) -> bool:
    """Whether any message refers to a file."""
    return any(part.get("type") == FILE_PART for message in messages for part in _parts(message))


def without_files(request: ModelRequest) -> ModelRequest:
    """The request in words alone: contents that are lists become their texts."""
    if not any(isinstance(message.get("content"), list) for message in request.messages):
        return request
    messages = tuple(_in_words(message) for message in request.messages)
    return msgspec.structs.replace(request, messages=messages)


class MediaFiller:
    """Puts bytes in place of references.

    Args:
        read: None where there are no files: every reference is left out.
    """

    def __init__(self, read: ReadFile | None):
        self._read = read

    async def fill(
        self, request: ModelRequest, model: str, takes: Collection[FileKind]
    ) -> tuple[ModelRequest, tuple[str, ...]]:
        """The request as a provider gets it, and the ids of the files in it.

        What the model does not take, what is too large, gone or not what it says is left out: the message names it in
        words. The newest files come first when there are too many.
        """
        if not has_files(request.messages):
            return without_files(request), ()
        given: dict[str, MessagePart] = {}
        left = REQUEST_LIMIT_BYTES
        for part in reversed([part for message in request.messages for part in _parts(message)]):
            if part.get("type") != FILE_PART or str(part["file_id"]) in given or len(given) >= FILES_LIMIT:
                continue
            if part["kind"] not in takes or self._read is None or int(part["size_bytes"]) > left:
                continue
            filled = await self._filled(self._read, part, model, left)
            if filled is not None:
                size_bytes, given[str(part["file_id"])] = filled
                left -= size_bytes
        messages = tuple(_with_parts(message, given) for message in request.messages)
        return msgspec.structs.replace(request, messages=messages), tuple(given)

    async def _filled(self, read: ReadFile, part: MessagePart, model: str, left: int) -> tuple[int, MessagePart] | None:
        file_id, kind = str(part["file_id"]), cast("FileKind", part["kind"])
        try:
            data = await read(file_id)
        except BotkitError as error:
            _log.warning("file_not_shown", file=file_id, model=model, code=error.code)
            return None
        if not data or len(data) > min(left, _limit(kind, model)):
            _log.info("file_not_shown", file=file_id, model=model, code="too_large", size_bytes=len(data))
            return None
        shown = await asyncio.to_thread(_as_provider_part, kind, data, str(part["mime"]), str(part["name"]), model)
        if shown is None:
            _log.info("file_not_shown", file=file_id, model=model, code="format", mime=part["mime"])
            return None
        return len(data), shown


def _limit(kind: FileKind, model: str) -> int:
    if kind == "image":
        return _SMALL_IMAGES.get(model.partition("/")[0], _FILE_LIMITS[kind])
    return _FILE_LIMITS[kind]


def _as_provider_part(kind: FileKind, data: bytes, mime: str, name: str, model: str) -> MessagePart | None:
    if kind == "image":
        known = _image_mime(data)
        return {"type": "image_url", "image_url": {"url": _data_url(known, data)}} if known else None
    if kind == "audio":
        form = sound_format(sound_mime(data)) or sound_format(mime)
        if form not in audio_formats(model):
            return None
        return {"type": "input_audio", "input_audio": {"data": base64.b64encode(data).decode(), "format": form}}
    if not data[:1024].lstrip().startswith(b"%PDF-"):
        return None
    return {
        "type": "file",
        "file": {"filename": name or "document.pdf", "file_data": _data_url("application/pdf", data)},
    }


def _data_url(mime: str, data: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def _image_mime(data: bytes) -> str:
    """By how the file begins; empty for what providers do not take."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return ""


def _parts(message: Message) -> list[MessagePart]:
    content = message.get("content")
    return cast("list[MessagePart]", content) if isinstance(content, list) else []


def _with_parts(message: Message, given: dict[str, MessagePart]) -> Message:
    parts = _parts(message)
    if not parts:
        return message
    filled: list[Any] = []
    for part in parts:
        if part.get("type") != FILE_PART:
            filled.append(part)
        elif shown := given.get(str(part["file_id"])):
            filled.append(shown)
    if all(part.get("type") == "text" for part in filled):
        return _in_words(message)
    return {**message, "content": filled}


def _in_words(message: Message) -> Message:
    content = message.get("content")
    return {**message, "content": as_text(content)} if isinstance(content, list) else message
