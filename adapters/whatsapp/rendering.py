"""A message → the WhatsApp messages that show it, the same for both carriers. Pure.

One payload is one of:

    {"kind": "text", "text": "…"}
    {"kind": "buttons", "text": "…", "choices": [{"label": "Approve", "value": "…"}]}             up to 3
    {"kind": "list", "text": "…", "choices": [{"label": "…", "value": "…", "about": "…"}]}        up to 10
    {"kind": "file", "attachment": {…}, "text": "caption"}
    {"kind": "template", "name": "order_update", "language": "en", "variables": ["7"], "text": "…"}

each with `reply_to` on the first. A carrier that cannot show a kind writes it as text.
"""

from __future__ import annotations

__all__ = ["BODY_LIMIT", "CHOICES_LIMIT", "human_size", "render_message"]

from collections.abc import Sequence
from typing import Any

import msgspec

from adapters.whatsapp.formatting import format_markdown, plain
from botkit.sdk import Attachment, Button, Capabilities, Option, OutMessage, Rendered, Template, degrade

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


CAN = Capabilities(buttons=True, button_value_bytes=_VALUE_LIMIT, button_limit=1000, selects=1000, templates=True)
"""Of what messages are made: buttons and menus become choices, cards a picture with its text."""


def render_message(message: OutMessage, text_limit: int, file_limit_bytes: int) -> list[Rendered]:
    """The parts in order: text, then files, then choices; cards follow. Nothing is dropped in silence."""
    drafts = [
        draft
        for piece in degrade(message, CAN)
        for draft in _drafts(piece, text_limit=text_limit, file_limit_bytes=file_limit_bytes)
    ]
    if drafts and message.reply_to:
        drafts[0]["reply_to"] = message.reply_to
    return [Rendered(payload=draft, text=_seen(draft)) for draft in drafts]


def _drafts(message: OutMessage, *, text_limit: int, file_limit_bytes: int) -> list[dict[str, Any]]:
    pressed, links = _choices(message.buttons)
    groups = [(select.label, list(select.options)) for select in message.selects]
    groups += [("", pressed)] if pressed else []
    files = [(one, _refusal(one, file_limit_bytes)) for one in message.attachments]
    cut = [_whole(option) for _, options in groups for option in options if _is_cut(option)]
    label = groups[0][0] if groups else ""
    label = "" if label and message.text.endswith(label) else label
    notes = [*links, *(why for _, why in files if why), *cut, *([label] if label else [])]
    source = "\n\n".join(part for part in (message.text, *notes) if part)
    sent = [one for one, why in files if not why]
    drafts: list[dict[str, Any]] = []
    if message.template is not None:
        drafts.append({"kind": "template", "text": source, **_template(message.template)})
        source = ""
    texts = format_markdown(source, text_limit)
    if len(sent) == 1 and not groups and len(texts) == 1 and len(texts[0]) <= BODY_LIMIT and _takes_caption(sent[0]):
        drafts.append(_file(sent[0], texts[0]))
        return drafts
    body = texts.pop() if groups and texts and len(texts[-1]) <= BODY_LIMIT else ""
    drafts += [{"kind": "text", "text": text} for text in texts]
    drafts += [_file(one, "") for one in sent]
    for number, (question, options) in enumerate(groups):
        drafts += _choosing(options, body if number == 0 else question)
    return drafts


def _template(template: Template) -> dict[str, Any]:
    return {"name": template.name, "language": template.language, "variables": list(template.variables)}


def _is_cut(option: Option) -> bool:
    """Whether a row has no room for all its words."""
    return len(option.label) > _ROW_LABEL and (len(option.label) > _ROW_ABOUT or bool(option.about))


def _whole(option: Option) -> str:
    return f"▸ {option.label}{f' – {option.about}' if option.about else ''}"


def _choices(rows: Sequence[Sequence[Button]]) -> tuple[list[Option], list[str]]:
    """What can be pressed, and lines for what cannot."""
    pressed: list[Option] = []
    lines: list[str] = []
    for button in (button for row in rows for button in row):
        if button.url:
            lines.append(f"{button.label}: {button.url}")
        elif button.value and len(button.value) <= _VALUE_LIMIT:
            pressed.append(Option(label=button.label, value=button.value))
        else:
            lines.append(f"▸ {button.label}")
    return pressed, lines


def _choosing(choices: list[Option], body: str) -> list[dict[str, Any]]:
    labels = [option.label for option in choices]
    fits = len(set(labels)) == len(labels) and all(len(label) <= _BUTTON_LABEL for label in labels)
    if len(choices) <= BUTTONS_LIMIT and fits and not any(option.about for option in choices):
        rows = [{"label": option.label or "…", "value": option.value} for option in choices]
        return [{"kind": "buttons", "text": body or _NO_TEXT, "choices": rows}]
    numbered = len(choices) > CHOICES_LIMIT
    drafts: list[dict[str, Any]] = []
    if numbered:
        # More than one list: all of them numbered in a text first, so that people see the whole choice.
        lines = "\n".join(
            f"{number}. {option.label}{f' – {option.about}' if option.about else ''}"
            for number, option in enumerate(choices, 1)
        )
        drafts += [{"kind": "text", "text": text} for text in format_markdown(f"{body}\n\n{lines}", BODY_LIMIT)]
        body = ""
    for start in range(0, len(choices), CHOICES_LIMIT):
        part = choices[start : start + CHOICES_LIMIT]
        rows = [_row(option, start + index if numbered else 0) for index, option in enumerate(part, 1)]
        text = body or (f"{start + 1}-{start + len(part)}" if numbered else _NO_TEXT)
        drafts.append({"kind": "list", "text": text, "choices": rows})
    return drafts


def _row(option: Option, number: int) -> dict[str, str]:
    label = f"{number}. {option.label}" if number else option.label
    row = {"label": plain(label, _ROW_LABEL) or "…", "value": option.value}
    about = option.label if len(label) > _ROW_LABEL else option.about
    if about:
        row["about"] = plain(about, _ROW_ABOUT)
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
