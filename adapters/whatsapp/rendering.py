"""A message → the WhatsApp messages that show it, the same for both carriers. Pure.

One payload is one of:

    {"kind": "text", "text": "…"}
    {"kind": "buttons", "text": "…", "choices": [{"label": "Approve", "value": "…"}]}             up to 3
    {"kind": "list", "text": "…", "choices": [{"label": "…", "value": "…", "about": "…"}]}        up to 10
    {"kind": "file", "attachment": {…}, "text": "caption"}

each with `reply_to` on the first. A carrier that cannot show a kind writes it as text.
"""

from __future__ import annotations

__all__ = ["BODY_LIMIT", "CHOICES_LIMIT", "human_size", "render_message"]

from collections.abc import Sequence
from typing import Any

import msgspec

from adapters.whatsapp.formatting import format_markdown, plain
from botkit.sdk import Attachment, Button, OutMessage, Rendered

BODY_LIMIT = 1024
"""Characters of the text above buttons, and of a caption."""
BUTTONS_LIMIT = 3
CHOICES_LIMIT = 10
"""Rows of one list."""
_BUTTON_LABEL = 20
_ROW_LABEL = 24
_ROW_ABOUT = 72
_VALUE_LIMIT = 200
"""The fewer of what both carriers take for a row."""
_NO_TEXT = "▾"
"""Buttons need a text above them."""
_FILE_LIMITS = {"image": 5, "voice": 16, "audio": 16, "video": 16, "sticker": 1, "file": 100}
"""Megabytes, https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media"""
_CAPTIONED = ("image", "video", "file")


def render_message(message: OutMessage, text_limit: int, file_limit_bytes: int) -> list[Rendered]:
    """The parts in order: text, then files, then choices; nothing is dropped in silence."""
    choices, links = _choices(message.buttons)
    files = [(one, _refusal(one, file_limit_bytes)) for one in message.attachments]
    notes = [*links, *(why for _, why in files if why)]
    source = "\n\n".join([message.text, *notes]) if notes else message.text
    sent = [one for one, why in files if not why]
    texts = format_markdown(source, text_limit)
    drafts: list[dict[str, Any]] = []
    if len(sent) == 1 and not choices and len(texts) == 1 and len(texts[0]) <= BODY_LIMIT and _takes_caption(sent[0]):
        drafts.append(_file(sent[0], texts[0]))
    else:
        body = texts.pop() if choices and texts and len(texts[-1]) <= BODY_LIMIT else ""
        drafts += [{"kind": "text", "text": text} for text in texts]
        drafts += [_file(one, "") for one in sent]
        drafts += _choosing(choices, body)
    if drafts and message.reply_to:
        drafts[0]["reply_to"] = message.reply_to
    return [Rendered(payload=draft, text=_seen(draft)) for draft in drafts]


def _choices(rows: Sequence[Sequence[Button]]) -> tuple[list[Button], list[str]]:
    """What can be pressed, and lines for what cannot."""
    pressed: list[Button] = []
    lines: list[str] = []
    for button in (button for row in rows for button in row):
        if button.url:
            lines.append(f"{button.label}: {button.url}")
        elif button.value and len(button.value) <= _VALUE_LIMIT:
            pressed.append(button)
        else:
            lines.append(f"▸ {button.label}")
    return pressed, lines


def _choosing(choices: list[Button], body: str) -> list[dict[str, Any]]:
    if not choices:
        return []
    labels = [button.label for button in choices]
    if len(choices) <= BUTTONS_LIMIT and all(len(label) <= _BUTTON_LABEL for label in labels):
        rows = [{"label": button.label or "…", "value": button.value} for button in choices]
        return [{"kind": "buttons", "text": body or _NO_TEXT, "choices": rows}]
    numbered = len(choices) > CHOICES_LIMIT
    drafts: list[dict[str, Any]] = []
    if numbered:
        # More than one list: all of them numbered in a text first, so that people see the whole choice.
        lines = "\n".join(f"{number}. {label}" for number, label in enumerate(labels, 1))
        drafts += [{"kind": "text", "text": text} for text in format_markdown(f"{body}\n\n{lines}", BODY_LIMIT)]
        body = ""
    for start in range(0, len(choices), CHOICES_LIMIT):
        part = choices[start : start + CHOICES_LIMIT]
        rows = [_row(button, start + index if numbered else 0) for index, button in enumerate(part, 1)]
        text = body or (f"{start + 1}-{start + len(part)}" if numbered else _NO_TEXT)
        drafts.append({"kind": "list", "text": text, "choices": rows})
    return drafts


def _row(button: Button, number: int) -> dict[str, str]:
    label = f"{number}. {button.label}" if number else button.label
    row = {"label": plain(label, _ROW_LABEL) or "…", "value": button.value}
    if len(label) > _ROW_LABEL:
        row["about"] = plain(button.label, _ROW_ABOUT)
    return row


def _refusal(attachment: Attachment, limit_bytes: int) -> str:
    """Why a file is named instead of sent; empty when it is sent."""
    if attachment.kind in ("location", "contact"):
        return ""
    limit = min(limit_bytes, _FILE_LIMITS[attachment.kind] * 1024 * 1024)
    if attachment.size_bytes <= limit:
        return ""
    name = attachment.name or "A file"
    return f"{name} is too large for WhatsApp ({human_size(attachment.size_bytes)}; at most {human_size(limit)})."


def _takes_caption(attachment: Attachment) -> bool:
    return attachment.kind in _CAPTIONED


def _file(attachment: Attachment, caption: str) -> dict[str, Any]:
    return {"kind": "file", "attachment": msgspec.to_builtins(attachment), "text": caption}


def _seen(draft: dict[str, Any]) -> str:
    """What a person reads, for transcripts."""
    labels = [f"[{choice['label']}]" for choice in draft.get("choices", ())]
    name = str(draft.get("attachment", {}).get("name") or "file") if draft["kind"] == "file" else ""
    return "\n".join(line for line in (str(draft.get("text", "")), name, " ".join(labels)) if line)


def human_size(size_bytes: int) -> str:
    return f"{size_bytes / 1024 / 1024:.0f} MB" if size_bytes >= 1024 * 1024 else f"{max(1, size_bytes // 1024)} kB"
