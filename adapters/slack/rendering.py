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

import msgspec

from adapters.markdown import clean, split_markdown, utf16_len
from adapters.slack.blocks import Blocks, button_lines, card_blocks
from botkit.sdk import Attachment, Capabilities, Mention, OutMessage, Rendered, degrade

TEXT_LIMIT = 11_000
"""Markdown blocks of a message hold 12,000 characters; the rest is for what escaping adds."""
UPLOAD_LIMIT_BYTES = 50 * 1024 * 1024
"""Ours: a workspace takes up to 1 GB, but a bot holds what it sends in memory."""
MESSAGE_LIMIT_CHARS = 100_000
_FALLBACK_CHARS = 3000
_FACT_CHARS = 1900
_PERSON = re.compile(r"[UW][A-Z0-9]+")
_SPECIAL = re.compile(r"<(?=[@!#])")


MEANS = Capabilities(
    buttons=True,
    button_value_bytes=2000,
    button_limit=150,
    selects=100,
    multi_selects=True,
    forms=45,
    form_choices=100,
    cards=10,
    mentions=True,
)
"""Of what messages are made."""
_NO_CARDS = msgspec.structs.replace(MEANS, cards=0)
_BLOCKS_LIMIT = 50
_CARD_CHARS = 9000


def render_message(message: OutMessage) -> list[Rendered]:
    """The parts, in order: text with what can be pressed, then files, then cards, then their pictures."""
    drafts = [
        draft for piece in degrade(message, MEANS) for draft in (_cards(piece) if piece.cards else _drafts(piece))
    ]
    return [Rendered(payload=draft, text=_seen(draft)) for draft in drafts]


def _drafts(message: OutMessage) -> list[dict[str, Any]]:
    """The messages of everything but cards."""
    pressed = Blocks()
    for select in message.selects:
        pressed.select(select)
    if message.form is not None:
        pressed.form(message.form)
    pressed.rows(message.buttons)
    files = [item for item in message.attachments if _is_file(item)]
    notes = [_note(item) for item in message.attachments if not _is_file(item)]
    text = message.text
    if len(text) > MESSAGE_LIMIT_CHARS:
        text = f"{text[:MESSAGE_LIMIT_CHARS]}\n\n[…] cut here: {len(message.text)} characters are too long for a chat."
    everything = clean("\n\n".join(piece for piece in (text, *notes, *pressed.lines) if piece)).strip("\n").rstrip()
    pieces = split_markdown(_ringing(inert(everything), message.mentions), TEXT_LIMIT)
    if pressed.blocks and not pieces:
        pieces = ["…"]
    drafts = [text_payload(piece) for piece in pieces]
    if pressed.blocks:
        drafts[-1]["blocks"] = [*drafts[-1]["blocks"], *pressed.blocks]
    if files:
        drafts.append({"attachments": [msgspec.to_builtins(item) for item in files]})
    return drafts


def _ringing(text: str, mentions: Sequence[Mention]) -> str:
    """Inert text in which those are named whom the message is meant for."""
    front: list[str] = []
    for mention in mentions:
        if not _PERSON.fullmatch(mention.id):
            front.append(f"@{mention.name}")
        elif f"&lt;@{mention.id}>" in text:
            text = text.replace(f"&lt;@{mention.id}>", f"<@{mention.id}>")
        else:
            front.append(f"<@{mention.id}>")
    return " ".join([*front, text]) if front else text


def _cards(message: OutMessage) -> list[dict[str, Any]]:
    """As many cards in a message as it takes; pictures follow as files. One that is too long is text."""
    drafts: list[dict[str, Any]] = []
    pictures: list[Attachment] = []
    blocks = Blocks()
    last: list[dict[str, Any]] = []
    """The blocks of the message that cards are being put into."""
    for card in message.cards:
        words = "\n\n".join(part for part in (f"**{card.title}**" if card.title else "", card.text, card.url) if part)
        more = button_lines(card.buttons).lines
        words = inert("\n\n".join([words, *more] if words else more))
        long = any(utf16_len(fact.label + fact.value) > _FACT_CHARS for fact in card.facts)
        if utf16_len(words) > _CARD_CHARS or long:
            bare = msgspec.structs.replace(message, cards=(card,))
            drafts += [draft for one in degrade(bare, _NO_CARDS) for draft in _drafts(one)]
            last = []
            continue
        pictures += [card.image] if card.image is not None else []
        shown = card_blocks(card, words, blocks)
        if not shown:
            continue
        if not last or len(last) + len(shown) + 1 > _BLOCKS_LIMIT or _weight([*last, *shown]) > TEXT_LIMIT:
            blocks = Blocks()
            shown = card_blocks(card, words, blocks)
            last = shown
            drafts.append({"text": "", "blocks": last})
        else:
            last += [{"type": "divider"}, *shown]
        drafts[-1]["text"] = f"{drafts[-1]['text']}\n{_plain(words)}".strip()[:_FALLBACK_CHARS] or "…"
    notes = [_note(item) for item in pictures if not _is_file(item)]
    drafts += [text_payload(note) for note in notes]
    sent = [item for item in pictures if _is_file(item)]
    return [*drafts, {"attachments": [msgspec.to_builtins(item) for item in sent]}] if sent else drafts


def _weight(blocks: Sequence[dict[str, Any]]) -> int:
    return sum(utf16_len(block["text"]) for block in blocks if block["type"] == "markdown")


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
    for block in draft.get("blocks", ()):
        texts += [str(field["text"]) for field in block.get("fields", ())]
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
