"""Cards as Discord shows them best: containers with text, pictures and buttons (components v2). Pure.

A message of this kind has no content, at most forty components and four thousand characters; its pictures are files of
the same message.

Source: https://docs.discord.com/developers/components/reference#container
"""

from __future__ import annotations

__all__ = ["card_parts"]

from collections.abc import Sequence
from typing import Any

import msgspec

from adapters.discord.components import button_rows
from adapters.discord.formatting import format_markdown
from adapters.discord.media import FILES_LIMIT, UPLOAD_LIMIT_BYTES
from adapters.markdown import utf16_len
from botkit.sdk import Attachment, Card, card_text

COMPONENTS_LIMIT = 40
TEXT_LIMIT = 4000
_CONTAINER, _TEXT, _GALLERY = 17, 10, 12


def card_parts(cards: Sequence[Card]) -> list[dict[str, Any] | Card]:
    """The messages that show cards, in order, as many cards in each as it takes; a card that is too large for any
    comes back as it is."""
    parts: list[dict[str, Any] | Card] = []
    for card in cards:
        box, images, size = _container(card, len(_files(parts)))
        if size > COMPONENTS_LIMIT or _characters(box) > TEXT_LIMIT or any(_too_large(one) for one in images):
            parts.append(card)
            continue
        last = parts[-1] if parts else None
        if not isinstance(last, dict) or not _fits(last, box, images, size):
            box, images, size = _container(card, 0)
            fresh: dict[str, Any] = {"components": [], "attachments": [], "size": 0, "v2": True}
            last = fresh
            parts.append(fresh)
        last["components"].append(box)
        last["attachments"] += [msgspec.to_builtins(image) for image in images]
        last["size"] += size
    for part in parts:
        if isinstance(part, dict):
            del part["size"]
            if not part["attachments"]:
                del part["attachments"]
    return parts


def _files(parts: Sequence[dict[str, Any] | Card]) -> list[Any]:
    last = parts[-1] if parts else None
    return last["attachments"] if isinstance(last, dict) else []


def _fits(part: dict[str, Any], box: dict[str, Any], images: Sequence[Attachment], size: int) -> bool:
    """Whether one more card goes into a message; its buttons must not carry what another one carries."""
    taken, new = _ids(part["components"]), _ids([box])
    weight = sum(int(item.get("size_bytes", 0)) for item in part["attachments"]) + sum(i.size_bytes for i in images)
    return (
        part["size"] + size <= COMPONENTS_LIMIT
        and sum(map(_characters, part["components"])) + _characters(box) <= TEXT_LIMIT
        and len(part["attachments"]) + len(images) <= FILES_LIMIT
        and weight <= UPLOAD_LIMIT_BYTES
        and not taken & new
    )


def _container(card: Card, files_before: int) -> tuple[dict[str, Any], list[Attachment], int]:
    """A card, its picture under a name of its own, and how many components it is."""
    rows, lines = button_rows(card.buttons, set())
    text = "\n\n".join(part for part in (card_text(card), *lines) if part)
    inner: list[dict[str, Any]] = [{"type": _TEXT, "content": format_markdown(text)}] if text else []
    images: list[Attachment] = []
    if card.image is not None:
        name = f"{files_before}_{''.join(c for c in card.image.name if c.isascii() and (c.isalnum() or c in '._-'))}"
        images.append(msgspec.structs.replace(card.image, name=name or "image"))
        item: dict[str, Any] = {"media": {"url": f"attachment://{name}"}}
        described = card.image.text or card.image.name
        item |= {"description": described[:1024]} if described else {}
        inner.append({"type": _GALLERY, "items": [item]})
    inner += rows
    size = 1 + len(inner) + sum(len(row["components"]) for row in rows)
    return {"type": _CONTAINER, "components": inner}, images, size


def _too_large(image: Attachment) -> bool:
    return image.size_bytes > UPLOAD_LIMIT_BYTES


def _characters(box: dict[str, Any]) -> int:
    return sum(utf16_len(str(item.get("content", ""))) for item in box["components"])


def _ids(boxes: Sequence[dict[str, Any]]) -> set[str]:
    rows = [row for box in boxes for row in box["components"]]
    return {str(key["custom_id"]) for row in rows for key in row.get("components", ()) if "custom_id" in key}
