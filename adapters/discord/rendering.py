"""A message → the Discord messages that show it. Pure.

One payload is `{"content": …, "components": […], "attachments": […], "reply_to": "99", "silent": true}`; what is empty
is left out. Cards are `{"v2": true, "components": […]}`, without content; a voice message is `{"voice": true,
"attachments": […]}` and nothing else. Files are loaded at sending.
"""

from __future__ import annotations

__all__ = ["MESSAGE_LIMIT_CHARS", "preview", "render_message"]

from collections.abc import Sequence
from typing import Any

import msgspec

from adapters.discord.cards import card_parts
from adapters.discord.components import ROWS, button_rows, form_row, select_row
from adapters.discord.formatting import TEXT_LIMIT, format_markdown
from adapters.discord.media import FILES_LIMIT, UPLOAD_LIMIT_BYTES, human_size, is_voice_message
from adapters.markdown import split_markdown
from botkit.sdk import PROMPT, Attachment, Capabilities, OutMessage, Rendered, degrade, form_text

MESSAGE_LIMIT_CHARS = 60_000
"""Longer texts are cut with a notice; thirty messages are more than anybody reads."""
_EVERYTHING = Capabilities(
    buttons=True,
    button_value_bytes=100,
    button_limit=25,
    selects=25,
    multi_selects=True,
    forms=5,
    form_choices=25,
    cards=25,
    mentions=True,
)
_NO_CARDS = msgspec.structs.replace(_EVERYTHING, cards=0)


def render_message(message: OutMessage) -> list[Rendered]:
    """The parts, in order: text, its files with the last of it. Buttons and menus sit on the last part, the quoted
    message on the first; cards follow."""
    drafts: list[dict[str, Any]] = []
    for piece in degrade(message, _EVERYTHING):
        if not piece.cards:
            drafts += _drafts(piece)
            continue
        for part in card_parts(piece.cards):
            if isinstance(part, dict):
                drafts.append(part)
            else:
                drafts += [draft for one in degrade(OutMessage(cards=(part,)), _NO_CARDS) for draft in _drafts(one)]
    if message.reply_to and drafts:
        drafts[0]["reply_to"] = message.reply_to
    for draft in drafts:
        if message.silent:
            draft["silent"] = True
        if message.mentions:
            draft["rings"] = [mention.id for mention in message.mentions if mention.id.isdecimal()]
    return [Rendered(payload=draft, text=_seen(draft)) for draft in drafts]


def _drafts(message: OutMessage) -> list[dict[str, Any]]:
    """The messages of everything but cards."""
    rows, unshown = _rows(message)
    voices = [item for item in message.attachments if _is_file(item) and is_voice_message(item)]
    files = [item for item in message.attachments if _is_file(item) and item not in voices]
    notes = [_note(item) for item in message.attachments if not _is_file(item)]
    text = _linked(message)
    if len(text) > MESSAGE_LIMIT_CHARS:
        text = f"{text[:MESSAGE_LIMIT_CHARS]}\n\n[…] cut here: {len(message.text)} characters are too long for a chat."
    everything = "\n\n".join(piece for piece in (text, *notes, *unshown) if piece)
    pieces = split_markdown(format_markdown(everything), TEXT_LIMIT)
    drafts: list[dict[str, Any]] = [{"content": piece} for piece in pieces]
    for start, batch in enumerate(_batches(files)):
        if start or not drafts:
            drafts.append({})
        drafts[-1]["attachments"] = [msgspec.to_builtins(item) for item in batch]
    for start in range(0, len(rows), ROWS):
        if start or not drafts:
            drafts.append({"content": PROMPT})
        drafts[-1]["components"] = rows[start : start + ROWS]
    return [*drafts, *({"voice": True, "attachments": [msgspec.to_builtins(item)]} for item in voices)]


def _linked(message: OutMessage) -> str:
    """The text, with everybody it may ring named in it."""
    unnamed = [f"<@{mention.id}>" for mention in message.mentions if f"<@{mention.id}>" not in message.text]
    return " ".join([*unnamed, message.text]) if unnamed else message.text


def _rows(message: OutMessage) -> tuple[list[dict[str, Any]], list[str]]:
    """Menus, the button of the form, buttons; and lines for what they have no room for."""
    values: set[str] = set()
    rows: list[dict[str, Any]] = []
    lines: list[str] = []
    for select in message.selects:
        row, more = select_row(select, values)
        rows.append(row)
        lines += more
    if message.form is not None:
        row, whole = form_row(message.form, values)
        rows.append(row)
        lines += [] if whole else [form_text(message.form)]
    buttons, more = button_rows(message.buttons, values)
    return [*rows, *buttons], [*lines, *more]


def preview(text: str) -> str:
    """The beginning of a text as one message, for streams."""
    pieces = split_markdown(format_markdown(text), TEXT_LIMIT)
    return pieces[0] if pieces else ""


def _seen(draft: dict[str, Any]) -> str:
    files = [f"📎 {item.get('name') or item.get('kind')}" for item in draft.get("attachments", ())]
    texts = [draft["content"]] if "content" in draft else []
    texts += [str(item["content"]) for box in draft.get("components", ()) for item in _inside(box) if "content" in item]
    return "\n".join([*texts, *files])


def _inside(box: dict[str, Any]) -> list[dict[str, Any]]:
    return box["components"]


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
