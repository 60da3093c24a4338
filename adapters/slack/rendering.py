"""A message → the Slack messages that show it. Pure.

One payload is `{"text": …, "blocks": […]}` or `{"attachments": […]}`: `blocks` show the Markdown itself, `text` is what
notifications and old clients show; files are messages of their own, loaded at sending. An answer stands in the thread
of what it answers, so nothing is quoted.

Source: https://docs.slack.dev/reference/block-kit/blocks/markdown-block
"""

from __future__ import annotations

__all__ = ["TEXT_LIMIT", "inert", "preview", "render_message", "text_payload"]

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from adapters.markdown import clean, split_markdown, utf16_len
from botkit.sdk import Attachment, Button, OutMessage, Rendered

TEXT_LIMIT = 11_000
"""Markdown blocks of a message hold 12,000 characters; the rest is for what escaping adds."""
UPLOAD_LIMIT_BYTES = 50 * 1024 * 1024
"""Ours: a workspace takes up to 1 GB, but a bot holds what it sends in memory."""
MESSAGE_LIMIT_CHARS = 100_000
_FALLBACK_CHARS = 3000
_ROW_BUTTONS = 25
_ROWS = 5
_LABEL_CHARS = 75
_VALUE_CHARS = 2000
_ACTION_CHARS = 255
_STYLES = {"primary": "primary", "danger": "danger"}
_SPECIAL = re.compile(r"<(?=[@!#])")


def render_message(message: OutMessage) -> list[Rendered]:
    """The parts, in order: text with its buttons, then files."""
    rows, unshown = _rows(message.buttons)
    files = [item for item in message.attachments if _is_file(item)]
    notes = [_note(item) for item in message.attachments if not _is_file(item)]
    text = message.text
    if len(text) > MESSAGE_LIMIT_CHARS:
        text = f"{text[:MESSAGE_LIMIT_CHARS]}\n\n[…] cut here: {len(message.text)} characters are too long for a chat."
    everything = clean("\n\n".join(piece for piece in (text, *notes, *unshown) if piece)).strip("\n").rstrip()
    pieces = split_markdown(inert(everything), TEXT_LIMIT)
    if rows and not pieces:
        pieces = ["…"]
    drafts = [text_payload(piece) for piece in pieces]
    if rows:
        drafts[-1]["blocks"] = [*drafts[-1]["blocks"], *rows]
    if files:
        drafts.append({"attachments": [msgspec.to_builtins(item) for item in files]})
    return [Rendered(payload=draft, text=_seen(draft)) for draft in drafts]


def preview(text: str) -> dict[str, Any]:
    """The beginning of a text as one message, for streams."""
    pieces = split_markdown(inert(text), TEXT_LIMIT)
    return text_payload(pieces[0] if pieces else "…")


def text_payload(piece: str) -> dict[str, Any]:
    return {
        "text": _plain(piece)[:_FALLBACK_CHARS],
        "blocks": [{"type": "markdown", "text": piece}],
    }


def inert(markdown: str) -> str:
    """Break `<!channel>` and `<@U1>`: a model must not ring people by writing their names."""
    return _SPECIAL.sub("&lt;", clean(markdown))


def _plain(piece: str) -> str:
    """For `text`, which Slack reads as its own markup."""
    bare = piece.replace("&lt;", "<").replace("**", "")
    return bare.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _seen(draft: dict[str, Any]) -> str:
    texts = [block["text"].replace("&lt;", "<") for block in draft.get("blocks", ()) if block["type"] == "markdown"]
    return "\n".join([*texts, *(f"📎 {item.get('name') or item.get('kind')}" for item in draft.get("attachments", ()))])


def _is_file(item: Attachment) -> bool:
    return item.kind not in {"location", "contact"} and item.size_bytes <= UPLOAD_LIMIT_BYTES


def _note(item: Attachment) -> str:
    if item.kind == "location":
        where = f"https://www.openstreetmap.org/?mlat={item.latitude}&mlon={item.longitude}"
        return f"📍 {item.text}\n{where}" if item.text else f"📍 {where}"
    if item.kind == "contact":
        return " ".join(part for part in ("👤", item.name, item.text) if part)
    size, limit = item.size_bytes // 1024**2, UPLOAD_LIMIT_BYTES // 1024**2
    return f"📎 {item.name or item.kind} is too large to send ({size} MB; at most {limit} MB)."


def _rows(rows: Sequence[Sequence[Button]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Action blocks, and lines for buttons that Slack cannot show."""
    shown: list[dict[str, Any]] = []
    unshown: list[str] = []
    number = 0
    for row in rows:
        keys: list[dict[str, Any]] = []
        for button in row:
            number += 1
            key = _button(button, number) if len(keys) < _ROW_BUTTONS and len(shown) < _ROWS else None
            if key is None:
                unshown.append(f"{button.label}: {button.url}" if button.url else f"▸ {button.label}")
            else:
                keys.append(key)
        if keys:
            shown.append({"type": "actions", "elements": keys})
    return shown, unshown


def _button(button: Button, number: int) -> dict[str, Any] | None:
    label = button.label or "…"
    if utf16_len(label) > _LABEL_CHARS:
        label = f"{label[: _LABEL_CHARS // 2 - 1]}…"
    key: dict[str, Any] = {
        "type": "button",
        "action_id": f"b{number}",
        "text": {"type": "plain_text", "text": label, "emoji": True},
    }
    if button.url:
        parts = urlsplit(button.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or len(button.url) > _VALUE_CHARS:
            return None
        return key | {"url": button.url}
    if not 1 <= len(button.value) <= _VALUE_CHARS:
        return None
    if button.style in _STYLES:
        key["style"] = _STYLES[button.style]
    return key | {"value": button.value}
