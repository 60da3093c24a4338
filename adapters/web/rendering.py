"""A message → what the widget shows, as it is stored: Markdown, buttons, menus, files by reference. Pure.

{"text": "Your **order** …", "quote": "k3…", "buttons": [[{"label": "Yes", "value": "ok:y:…", "style": "primary"}]],
 "selects": [{"label": "Which?", "value": "s:…", "least": 1, "most": 1,
              "options": [{"label": "Desk", "value": "d:…", "about": "walnut"}]}],
 "files": [{"kind": "image", "name": "a.png", "file_id": "file_…", "mime": "image/png", "size_bytes": 812}]}
"""

from __future__ import annotations

__all__ = ["FILE_LIMIT_BYTES", "TEXT_LIMIT", "render_message"]

from collections.abc import Sequence
from typing import Any

from adapters.markdown import clean, split_markdown
from adapters.web.tree import safe_url
from botkit.sdk import Attachment, Button, Capabilities, OutMessage, Rendered, Select, degrade

TEXT_LIMIT = 16_000
FILE_LIMIT_BYTES = 20 * 1024 * 1024


def render_message(message: OutMessage, can: Capabilities) -> list[Rendered]:
    """The parts, in order; buttons, menus and files stand at the last one of each message."""
    return [part for one in degrade(message, can) for part in _parts(one)]


def _parts(message: OutMessage) -> list[Rendered]:
    files = [item for item in message.attachments if _is_file(item)]
    notes = [_note(item) for item in message.attachments if not _is_file(item)]
    rows, unshown = _rows(message.buttons)
    if message.form is not None:
        opens = {"label": message.form.open_label, "style": "primary", "value": message.form.value, "opens": True}
        rows = [[opens], *rows]
    selects = [_select(one) for one in message.selects]
    text = clean("\n\n".join(one for one in (message.text, *notes, *unshown) if one)).strip("\n").rstrip()
    pieces = split_markdown(text, TEXT_LIMIT)
    if not pieces and (rows or files or selects):
        pieces = [""]
    drafts: list[dict[str, Any]] = [{"text": piece} for piece in pieces]
    if drafts and message.reply_to:
        drafts[0]["quote"] = message.reply_to
    if rows:
        drafts[-1]["buttons"] = rows
    if selects:
        drafts[-1]["selects"] = selects
    if files:
        drafts[-1]["files"] = [_file(item) for item in files]
    return [Rendered(payload=draft, text=_seen(draft)) for draft in drafts]


def _seen(draft: dict[str, Any]) -> str:
    menus = [line for one in draft.get("selects", ()) for line in _listed(one)]
    return "\n".join(
        [draft["text"], *menus, *(f"📎 {one['name'] or one['kind']}" for one in draft.get("files", ()))]
    ).strip()


def _listed(select: dict[str, Any]) -> list[str]:
    options = [f"▾ {one['label']}" for one in select["options"]]
    return [select["label"], *options] if select["label"] else options


def _select(select: Select) -> dict[str, Any]:
    options = [{"label": one.label, "value": one.value, "about": one.about} for one in select.options]
    return {
        "label": select.label,
        "value": select.value,
        "least": select.least,
        "most": select.most,
        "options": options,
    }


def _is_file(item: Attachment) -> bool:
    return item.kind not in {"location", "contact"} and item.size_bytes <= FILE_LIMIT_BYTES


def _file(item: Attachment) -> dict[str, Any]:
    shown = {"kind": item.kind, "name": item.name, "mime": item.mime, "size_bytes": item.size_bytes}
    return {**shown, "file_id": item.file_id, "text": item.text}


def _note(item: Attachment) -> str:
    if item.kind == "location":
        where = f"https://www.openstreetmap.org/?mlat={item.latitude}&mlon={item.longitude}"
        return f"📍 {item.text}\n{where}" if item.text else f"📍 {where}"
    if item.kind == "contact":
        return " ".join(part for part in ("👤", item.name, item.text) if part)
    size, limit = item.size_bytes // 1024**2, FILE_LIMIT_BYTES // 1024**2
    return f"📎 {item.name or item.kind} is too large to send ({size} MB; at most {limit} MB)."


def _rows(rows: Sequence[Sequence[Button]]) -> tuple[list[list[dict[str, Any]]], list[str]]:
    """Buttons, and lines for those that lead where nobody should be led."""
    shown: list[list[dict[str, Any]]] = []
    unshown: list[str] = []
    for row in rows:
        keys: list[dict[str, Any]] = []
        for one in row:
            if one.url and not safe_url(one.url):
                unshown.append(f"{one.label}: {one.url}")
                continue
            target = {"url": one.url} if one.url else {"value": one.value}
            keys.append({"label": one.label or "…", "style": one.style, **target})
        if keys:
            shown.append(keys)
    return shown, unshown
