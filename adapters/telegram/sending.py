"""One rendered part → one call, with the few answers that are not failures."""

from __future__ import annotations

__all__ = ["edit_text", "send_part"]

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

import msgspec
import structlog
from aiogram import methods
from aiogram.methods import EditMessageCaption, EditMessageReplyMarkup, EditMessageText
from aiogram.types import (
    BufferedInputFile,
    InputMediaAudio,
    InputMediaDocument,
    InputMediaPhoto,
    InputMediaVideo,
    LinkPreviewOptions,
)

from adapters.telegram.api import Refused, TelegramApi
from adapters.telegram.formatting import Text
from adapters.telegram.media import sending_method
from botkit.sdk import Attachment, Part, SendFailed

_log = structlog.get_logger("botkit.telegram")

_METHODS: dict[str, Any] = {
    method.__api_method__: method
    for method in (
        methods.SendMessage,
        methods.SendRichMessage,
        methods.SendPhoto,
        methods.SendDocument,
        methods.SendVoice,
        methods.SendAudio,
        methods.SendVideo,
        methods.SendLocation,
        methods.SendMediaGroup,
    )
}
_MEDIA: dict[str, Any] = {
    "photo": InputMediaPhoto,
    "video": InputMediaVideo,
    "document": InputMediaDocument,
    "audio": InputMediaAudio,
}
_NOT_MODIFIED = "message is not modified"
_UNEDITABLE = ("message to edit not found", "message can't be edited", "MESSAGE_ID_INVALID")
_BAD_FORMAT = ("can't parse entities", "entity", "Entity", "ENTITY")

LoadFile = Callable[[Attachment], Awaitable[bytes]]


async def send_part(api: TelegramApi, part: Part, room: str, load_file: LoadFile) -> str:
    """Send or edit one part; returns the platform's message id.

    A part with a `message_id` edits that message: unchanged counts as done, and a stream whose message was
    deleted meanwhile is sent anew. Raises what `TelegramApi.call` raises.
    """
    if part.message_id:
        try:
            return await _edit(api, part, room)
        except Refused as error:
            if part.edit_of or not any(phrase in error.description for phrase in _UNEDITABLE):
                raise
    return await _send(api, part, room, load_file)


async def _send(api: TelegramApi, part: Part, room: str, load_file: LoadFile) -> str:
    name, args = str(part.payload.get("method", "")), _args(part.payload)
    if "attachment" in part.payload:
        attachment = msgspec.convert(part.payload["attachment"], Attachment)
        data = await load_file(attachment)
        args[sending_method(attachment)[1]] = BufferedInputFile(data, attachment.name or "file")
    if "attachments" in part.payload:
        args["media"] = await _album(part.payload, load_file)
    where = {"chat_id": int(room), "message_thread_id": int(part.conversation.thread or 0) or None}
    try:
        result = await api.call(_build(name, {**args, **where}))
    except Refused as error:
        simpler = _simpler(name, args, part.payload, error)
        if simpler is None:
            raise
        _log.warning("telegram_sent_simpler", part=part.id, method=name, detail=error.description)
        result = await api.call(_build(simpler[0], {**simpler[1], **where}))
    # An album is answered with the list of its messages; the first one stands for it.
    first = cast("Sequence[Mapping[str, Any]]", result)[0] if name == "sendMediaGroup" else result
    return str(cast("Mapping[str, Any]", first)["message_id"])


async def _album(payload: Mapping[str, Any], load_file: LoadFile) -> list[Any]:
    items: list[Any] = []
    described = cast("Sequence[Mapping[str, Any]]", _args(payload)["media"])
    for item, raw in zip(described, payload["attachments"], strict=True):
        attachment = msgspec.convert(raw, Attachment)
        file = BufferedInputFile(await load_file(attachment), attachment.name or "file")
        items.append(_MEDIA[str(item["type"])](media=file, **{key: item[key] for key in item if key != "type"}))
    return items


def _args(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the arguments; entities are ours, so no parse mode may interfere."""
    return dict(cast("Mapping[str, Any]", payload.get("args", {})))


def _build(name: str, args: dict[str, Any]) -> Any:
    method = _METHODS.get(name)
    if method is None:
        raise SendFailed(f"a stored part names the unknown method {name!r}; it cannot be sent")
    return method(**args)


def _simpler(name: str, args: dict[str, Any], payload: Mapping[str, Any], error: Refused) -> Any:
    """What to send instead of a refused rich or formatted message; None when nothing is simpler."""
    if name == "sendRichMessage":
        extra = {key: args[key] for key in ("reply_markup", "reply_parameters", "disable_notification") if key in args}
        return "sendMessage", {**payload["plain"], **extra}
    formatted = [key for key in ("entities", "caption_entities") if key in args]
    if formatted and any(phrase in error.description for phrase in _BAD_FORMAT):
        return name, {key: value for key, value in args.items() if key not in formatted}
    return None


async def _edit(api: TelegramApi, part: Part, room: str) -> str:
    args = _args(part.payload)
    target: dict[str, Any] = {"chat_id": int(room), "message_id": int(part.message_id)}
    markup = args.get("reply_markup")
    plain = dict(part.payload.get("plain") or args)
    if "text" in plain:
        keep = {key: plain[key] for key in ("text", "entities", "link_preview_options") if key in plain}
        method: Any = EditMessageText(**target, **keep, reply_markup=markup)
    elif "caption" in plain:
        keep = {key: plain[key] for key in ("caption", "caption_entities") if key in plain}
        method = EditMessageCaption(**target, **keep, reply_markup=markup)
    else:
        method = EditMessageReplyMarkup(**target, reply_markup=markup)
    try:
        await api.call(method, safe=True)
    except Refused as error:
        if _NOT_MODIFIED not in error.description:
            raise
    return part.message_id


def edit_text(room: str, message_id: str, text: Text) -> EditMessageText:
    """The edit that shows intermediate text in a streamed message."""
    return EditMessageText(
        chat_id=int(room),
        message_id=int(message_id),
        text=text.text,
        entities=cast("Any", text.entities_json()),
        parse_mode=None,
        link_preview_options=LinkPreviewOptions(is_disabled=True),
    )
