"""A message → the Discord messages that show it. Pure.

One payload is `{"content": …, "components": […], "attachments": […], "reply_to": "99", "silent": true}`; what is empty
is left out. Files are loaded at sending.
"""

from __future__ import annotations

__all__ = ["MESSAGE_LIMIT_CHARS", "preview", "render_message"]

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from adapters.discord.formatting import TEXT_LIMIT, format_markdown
from adapters.discord.media import FILES_LIMIT, UPLOAD_LIMIT_BYTES, human_size
from adapters.markdown import split_markdown, utf16_len
from botkit.sdk import Attachment, Button, OutMessage, Rendered

MESSAGE_LIMIT_CHARS = 60_000
"""Longer texts are cut with a notice; thirty messages are more than anybody reads."""
_ROWS, _COLUMNS = 5, 5
_LABEL_CHARS = 80
_VALUE_CHARS = 100
_STYLES = {"default": 2, "primary": 1, "danger": 4}
_LINK = 5


def render_message(message: OutMessage) -> list[Rendered]:
    """The parts, in order: text, its files with the last of it. Buttons sit on the last part, the quoted message on
    the first."""
    rows, unshown = _rows(message.buttons)
    files = [item for item in message.attachments if _is_file(item)]
    notes = [_note(item) for item in message.attachments if not _is_file(item)]
    text = message.text
    if len(text) > MESSAGE_LIMIT_CHARS:
        text = f"{text[:MESSAGE_LIMIT_CHARS]}\n\n[…] cut here: {len(message.text)} characters are too long for a chat."
    everything = "\n\n".join(piece for piece in (text, *notes, *unshown) if piece)
    pieces = split_markdown(format_markdown(everything), TEXT_LIMIT)
    drafts: list[dict[str, Any]] = [{"content": piece} for piece in pieces]
    for start, batch in enumerate(_batches(files)):
        if start or not drafts:
            drafts.append({})
        drafts[-1]["attachments"] = [msgspec.to_builtins(item) for item in batch]
    if not drafts:
        return []
    if rows:
        drafts[-1]["components"] = rows
    if message.reply_to:
        drafts[0]["reply_to"] = message.reply_to
    for draft in drafts:
        if message.silent:
            draft["silent"] = True
    return [Rendered(payload=draft, text=_seen(draft)) for draft in drafts]


def preview(text: str) -> str:
    """The beginning of a text as one message, for streams."""
    pieces = split_markdown(format_markdown(text), TEXT_LIMIT)
    return pieces[0] if pieces else ""


def _seen(draft: dict[str, Any]) -> str:
    files = [f"📎 {item.get('name') or item.get('kind')}" for item in draft.get("attachments", ())]
    return "\n".join([*([draft["content"]] if "content" in draft else []), *files])


def _is_file(item: Attachment) -> bool:
    return item.kind not in {"location", "contact"} and item.size_bytes <= UPLOAD_LIMIT_BYTES


def _note(item: Attachment) -> str:
    if item.kind == "location":
        where = f"https://www.openstreetmap.org/?mlat={item.latitude}&mlon={item.longitude}"
        return f"📍 {item.text}\n{where}" if item.text else f"📍 {where}"
    if item.kind == "contact":
        return " ".join(part for part in ("👤", item.name, item.text) if part)
    size, limit = human_size(item.size_bytes), human_size(UPLOAD_LIMIT_BYTES)
    return f"📎 {item.name or item.kind} is too large for Discord ({size}; at most {limit})."


def _batches(files: Sequence[Attachment]) -> list[list[Attachment]]:
    """Files of one message: at most ten, and together no larger than one may be."""
    batches: list[list[Attachment]] = []
    for item in files:
        size = sum(other.size_bytes for other in batches[-1]) if batches else 0
        if not batches or len(batches[-1]) == FILES_LIMIT or size + item.size_bytes > UPLOAD_LIMIT_BYTES:
            batches.append([])
        batches[-1].append(item)
    return batches


def _rows(rows: Sequence[Sequence[Button]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Action rows, and lines for buttons that Discord cannot show."""
    shown: list[dict[str, Any]] = []
    unshown: list[str] = []
    values: set[str] = set()
    for row in rows:
        keys: list[dict[str, Any]] = []
        for button in row:
            key = _button(button, values)
            if key is None or len(shown) == _ROWS:
                unshown.append(f"{button.label}: {button.url}" if button.url else f"▸ {button.label}")
            else:
                keys.append(key)
        while keys and len(shown) < _ROWS:
            shown.append({"type": 1, "components": keys[:_COLUMNS]})
            keys = keys[_COLUMNS:]
        unshown += [f"▸ {key['label']}" for key in keys]
    return shown, unshown


def _button(button: Button, values: set[str]) -> dict[str, Any] | None:
    label = button.label or "…"
    if utf16_len(label) > _LABEL_CHARS:
        label = f"{label[: _LABEL_CHARS // 2 - 1]}…"
    if button.url:
        parts = urlsplit(button.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or len(button.url) > TEXT_LIMIT // 4:
            return None
        return {"type": 2, "style": _LINK, "label": label, "url": button.url}
    if not 1 <= len(button.value) <= _VALUE_CHARS or button.value in values:
        return None
    values.add(button.value)
    return {"type": 2, "style": _STYLES[button.style], "label": label, "custom_id": button.value}
