"""A message → the Telegram messages that show it. Pure.

One payload is `{"method": "sendMessage", "args": {"text": …, "entities": […], "reply_markup": …}}`, with
`attachment` or `attachments` where files have to be loaded at sending, and `plain` where a rich message may be
refused.
"""

from __future__ import annotations

__all__ = ["CAPTION_LIMIT", "MESSAGE_LIMIT_CHARS", "preview", "render_message"]

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from adapters.telegram.formatting import TEXT_LIMIT, Text, format_markdown, html_of, split_text, utf16_len
from adapters.telegram.outgoing import file_drafts, is_album
from botkit.sdk import Attachment, Button, Capabilities, OutMessage, Rendered, degrade

CAPTION_LIMIT = 1024
CALLBACK_LIMIT_BYTES = 64
RICH_LIMIT_BYTES = 32_768
MESSAGE_LIMIT_CHARS = 200_000
"""Longer texts are cut with a notice; fifty messages are more than anybody reads."""
_TABLE = re.compile(r"^[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(\|[ \t]*:?-{2,}:?[ \t]*)+\|?[ \t]*$", re.MULTILINE)


CAN = Capabilities(buttons=True, button_limit=100)
"""Of what rich messages are made of: choices become buttons, cards a picture with text and buttons below."""


def render_message(message: OutMessage, *, rich: bool = False) -> list[Rendered]:
    """The parts, in order: text, then files, then what could not be shown as it was meant; cards follow. Buttons sit
    on the last of them, the quoted message on the first. An album carries no buttons: the text comes after it then."""
    return [part for piece in degrade(message, CAN) for part in _render(piece, rich=rich)]


def _render(message: OutMessage, *, rich: bool) -> list[Rendered]:
    keyboard, unshown = _keyboard(message.buttons)
    text = message.text
    if len(text) > MESSAGE_LIMIT_CHARS:
        text = f"{text[:MESSAGE_LIMIT_CHARS]}\n\n[…] cut here: {len(message.text)} characters are too long for a chat."
    formatted = format_markdown("\n\n".join([text, *unshown]) if unshown else text)
    drafts = _file_parts(message.attachments, formatted, keyboard=bool(keyboard))
    if not (drafts and drafts[0].get("caption")):
        texts = _text_parts(text, formatted, rich=rich and not unshown)
        drafts = [*drafts, *texts] if keyboard and drafts and is_album(drafts[-1]) else [*texts, *drafts]
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


def _file_parts(attachments: Sequence[Attachment], text: Text, *, keyboard: bool) -> list[dict[str, Any]]:
    """The files; a single file or album carries the text as its caption when that fits."""
    drafts = file_drafts(attachments, keep_last_apart=keyboard and text.blank)
    fits = not text.blank and utf16_len(text.text) <= CAPTION_LIMIT
    if len(drafts) == 1 and fits and ("attachment" in drafts[0] or (is_album(drafts[0]) and not keyboard)):
        caption = _text_args(text, "caption")
        first = drafts[0]["args"]["media"][0] if is_album(drafts[0]) else drafts[0]["args"]
        first |= caption
        drafts[0]["seen"] = text.text
        drafts[0]["caption"] = True
    return drafts


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
