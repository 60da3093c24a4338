"""A message → the Telegram messages that show it. Pure.

One payload is `{"method": "sendMessage", "args": {"text": …, "entities": […], "reply_markup": …}}`, with
`attachment` where a file has to be loaded at sending, and `plain` where a rich message may be refused.
"""

from __future__ import annotations

__all__ = ["CAPTION_LIMIT", "MESSAGE_LIMIT_CHARS", "preview", "render_message"]

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from adapters.telegram.formatting import TEXT_LIMIT, Text, format_markdown, html_of, split_text, utf16_len
from adapters.telegram.media import UPLOAD_LIMIT_BYTES, human_size, sending_method
from botkit.sdk import Attachment, Button, OutMessage, Rendered

CAPTION_LIMIT = 1024
CALLBACK_LIMIT_BYTES = 64
RICH_LIMIT_BYTES = 32_768
MESSAGE_LIMIT_CHARS = 200_000
"""Longer texts are cut with a notice; fifty messages are more than anybody reads."""
_TABLE = re.compile(r"^[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(\|[ \t]*:?-{2,}:?[ \t]*)+\|?[ \t]*$", re.MULTILINE)


def render_message(message: OutMessage, *, rich: bool = False) -> list[Rendered]:
    """The parts, in order: text, then files, then what could not be shown as it was meant. Buttons sit on the
    last of them, the quoted message on the first."""
    keyboard, unshown = _keyboard(message.buttons)
    text = message.text
    if len(text) > MESSAGE_LIMIT_CHARS:
        text = f"{text[:MESSAGE_LIMIT_CHARS]}\n\n[…] cut here: {len(message.text)} characters are too long for a chat."
    formatted = format_markdown("\n\n".join([text, *unshown]) if unshown else text)
    drafts = _file_parts(message.attachments, formatted)
    if not (drafts and drafts[0].get("caption")):
        drafts = [*_text_parts(text, formatted, rich=rich and not unshown), *drafts]
    if not drafts:
        return []
    if message.reply_to.isdecimal():
        drafts[0]["args"]["reply_parameters"] = {
            "message_id": int(message.reply_to),
            "allow_sending_without_reply": True,
        }
    if keyboard:
        drafts[-1]["args"]["reply_markup"] = {"inline_keyboard": keyboard}
    for draft in drafts:
        if message.silent:
            draft["args"]["disable_notification"] = True
    return [_rendered(draft) for draft in drafts]


def preview(text: str) -> Text:
    """The beginning of a text as one message, for streams."""
    pieces = split_text(format_markdown(text))
    return pieces[0] if pieces else Text("")


def _rendered(draft: dict[str, Any]) -> Rendered:
    seen = str(draft.pop("seen"))
    draft.pop("caption", None)
    return Rendered(payload=draft, text=seen)


def _text_args(text: Text, field: str = "text") -> dict[str, Any]:
    args: dict[str, Any] = {field: text.text}
    if text.entities:
        args["entities" if field == "text" else f"{field}_entities"] = text.entities_json()
    if field == "text":
        # A preview makes Telegram fetch the address: a way out for data an injected prompt put into a link.
        args["link_preview_options"] = {"is_disabled": True}
    return args


def _text_parts(source: str, text: Text, *, rich: bool) -> list[dict[str, Any]]:
    pieces = split_text(text, TEXT_LIMIT)
    if rich and len(pieces) == 1 and _TABLE.search(source):
        html = html_of(source)
        if len(html.encode()) <= RICH_LIMIT_BYTES:
            plain = _text_args(pieces[0])
            args = {"rich_message": {"html": html}}
            return [{"method": "sendRichMessage", "args": args, "plain": plain, "seen": pieces[0].text}]
    return [{"method": "sendMessage", "args": _text_args(piece), "seen": piece.text} for piece in pieces]


def _file_parts(attachments: Sequence[Attachment], text: Text) -> list[dict[str, Any]]:
    parts = [_file_part(attachment) for attachment in attachments]
    captioned = len(parts) == 1 and "attachment" in parts[0] and not text.blank
    if captioned and utf16_len(text.text) <= CAPTION_LIMIT:
        parts[0]["args"] |= _text_args(text, "caption")
        parts[0]["seen"] = text.text
        parts[0]["caption"] = True
    return parts


def _file_part(attachment: Attachment) -> dict[str, Any]:
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
    return {
        "method": method,
        "args": {},
        "attachment": msgspec.to_builtins(attachment),
        "seen": f"📎 {attachment.name or attachment.kind}",
    }


def _keyboard(rows: Sequence[Sequence[Button]]) -> tuple[list[list[dict[str, str]]], list[str]]:
    """The inline keyboard, and lines for buttons that Telegram cannot show."""
    keyboard: list[list[dict[str, str]]] = []
    unshown: list[str] = []
    for row in rows:
        shown: list[dict[str, str]] = []
        for button in row:
            key = _button(button)
            if key is None:
                unshown.append(f"{button.label}: {button.url}" if button.url else f"▸ {button.label}")
            else:
                shown.append(key)
        if shown:
            keyboard.append(shown)
    return keyboard, unshown


def _button(button: Button) -> dict[str, str] | None:
    key = {"text": button.label or "…"}
    if button.url:
        parts = urlsplit(button.url)
        if parts.scheme not in {"http", "https"} or "." not in (parts.hostname or ""):
            return None
        return key | {"url": button.url}
    if not 1 <= len(button.value.encode()) <= CALLBACK_LIMIT_BYTES:
        return None
    if button.style != "default":
        key["style"] = button.style
    return key | {"callback_data": button.value}
