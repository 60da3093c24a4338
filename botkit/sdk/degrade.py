"""A message as a platform can show it: what it has no means for becomes something it has. Nothing is dropped.

    menu   → buttons → numbered list, answered by number or name
    form   → its questions as text (the engine asks one after the other where somebody waits for the answers)
    card   → text with its image as a file
    button → a line with its label, or with the address it leads to

Adapters render what this leaves, so each of them knows its own means only.
"""

from __future__ import annotations

__all__ = [
    "PROMPT",
    "WHOLE",
    "card_text",
    "degrade",
    "field_text",
    "form_text",
    "list_text",
    "named",
    "plain_text",
    "rich_json",
]

from collections.abc import Sequence
from typing import Any

from msgspec import json
from msgspec.structs import replace

from botkit.core.messages import Button, Capabilities, Card, Form, FormField, OutMessage, Select

PROMPT = "▾"
"""Stands above buttons and menus that nobody gave a text."""
WHOLE = Capabilities(
    buttons=True,
    button_limit=500,
    selects=500,
    multi_selects=True,
    forms=100,
    form_choices=500,
    cards=100,
    mentions=True,
)
"""Of front ends that get messages as they are (`rich_json`)."""
_HINT = "Answer with the number or the name."
_HINTS = "Answer with the numbers or the names, separated by commas."


def degrade(message: OutMessage, can: Capabilities) -> list[OutMessage]:
    """The messages that show one message with the means of a conversation, in order, at least one.

    The text comes first, with what can be pressed; cards follow it.
    """
    text, mentions = (message.text, message.mentions) if can.mentions else (named(message), ())
    blocks = [text] if text else []
    selects: list[Select] = []
    rows = list(message.buttons)
    for select in message.selects:
        room = can.button_limit - sum(len(row) for row in rows)
        if _fits_menu(select, can):
            selects.append(select)
        elif can.buttons and select.is_single and len(select.options) <= room:
            blocks += [select.label] if select.label else []
            rows += [(Button(label=option.label, value=option.value),) for option in select.options]
            blocks += _abouts(select)
        else:
            blocks.append(list_text(select))
    form = message.form if message.form is not None and _fits_dialog(message.form, can) else None
    if message.form is not None and form is None:
        blocks.append(form_text(message.form))
    kept, spilled = _buttons(rows, can)
    blocks += spilled
    if (kept or selects or form) and not blocks and not message.attachments:
        blocks.append(selects[0].label if selects and selects[0].label else form.title if form else PROMPT)
    first = replace(
        message,
        text="\n\n".join(blocks),
        buttons=kept,
        selects=tuple(selects),
        form=form,
        cards=(),
        mentions=mentions,
        template=message.template if can.templates else None,
    )
    cards = _card_messages(message, can)
    if not cards:
        return [first]
    if first.text or first.attachments or first.buttons or first.template:
        return [first, *cards]
    return [replace(cards[0], reply_to=message.reply_to, edit_of=message.edit_of), *cards[1:]]


def _fits_menu(select: Select, can: Capabilities) -> bool:
    return 0 < len(select.options) <= can.selects and (select.is_single or can.multi_selects)


def _fits_dialog(form: Form, can: Capabilities) -> bool:
    return 0 < len(form.fields) <= can.forms and all(len(field.options) <= can.form_choices for field in form.fields)


def _buttons(rows: Sequence[Sequence[Button]], can: Capabilities) -> tuple[tuple[tuple[Button, ...], ...], list[str]]:
    """The rows a conversation takes, and lines for the rest."""
    kept: list[tuple[Button, ...]] = []
    lines: list[str] = []
    count = 0
    for row in rows:
        keys: list[Button] = []
        for button in row:
            fits = can.buttons and count < can.button_limit
            fits = fits and (bool(button.url) or 1 <= len(button.value.encode()) <= can.button_value_bytes)
            if fits:
                keys.append(button)
                count += 1
            else:
                lines.append(f"{button.label}: {button.url}" if button.url else f"▸ {button.label}")
        if keys:
            kept.append(tuple(keys))
    return tuple(kept), lines


def _card_messages(message: OutMessage, can: Capabilities) -> list[OutMessage]:
    base = OutMessage(visible_to=message.visible_to, silent=message.silent)
    if can.cards:
        fitting = [_fitted_card(card, can) for card in message.cards]
        return [
            replace(base, cards=tuple(fitting[start : start + can.cards]))
            for start in range(0, len(fitting), can.cards)
        ]
    shown: list[OutMessage] = []
    for card in message.cards:
        kept, lines = _buttons(card.buttons, can)
        text = "\n\n".join(part for part in (card_text(card), *lines) if part)
        images = (card.image,) if card.image is not None else ()
        shown.append(
            replace(base, text=text or (PROMPT if kept and not images else ""), attachments=images, buttons=kept)
        )
    return shown


def _fitted_card(card: Card, can: Capabilities) -> Card:
    kept, lines = _buttons(card.buttons, can)
    return replace(card, buttons=kept, text="\n\n".join([card.text, *lines] if card.text else lines))


# --- as text ----------------------------------------------------------------------------------------------


def named(message: OutMessage) -> str:
    """The text with people's names in place of `<@ID>`; whom it does not name is named in front."""
    text = message.text
    front: list[str] = []
    for mention in message.mentions:
        if f"<@{mention.id}>" in text:
            text = text.replace(f"<@{mention.id}>", f"@{mention.name}")
        else:
            front.append(f"@{mention.name}")
    return " ".join([*front, text] if text else front) if front else text


def list_text(select: Select) -> str:
    """The options numbered, and how to answer."""
    lines = [
        f"{number}. {option.label}{f' – {option.about}' if option.about else ''}"
        for number, option in enumerate(select.options, 1)
    ]
    hint = select.hint or (_HINT if select.is_single else _HINTS)
    return "\n\n".join(part for part in (select.label, "\n".join(lines), hint) if part)


def _abouts(select: Select) -> list[str]:
    """What menus say below an option, where buttons have no room for it."""
    lines = [f"- {option.label} – {option.about}" for option in select.options if option.about]
    return ["\n".join(lines)] if lines else []


def field_text(field: FormField) -> str:
    """One question of a form: `City* – where to`."""
    about = f" – {field.about}" if field.about else ""
    return f"{field.label}{'*' if field.required else ''}{about}"


def form_text(form: Form) -> str:
    """The questions of a form as a list; `*` marks what must be answered."""
    lines: list[str] = []
    for field in form.fields:
        lines.append(f"- {field_text(field)}")
        lines += [f"  - {option.label}" for option in field.options]
    return "\n".join([f"**{form.title}**", "", *lines] if form.title else lines)


def card_text(card: Card) -> str:
    """A card in Markdown: title, text, one line for each fact, where it leads."""
    title = f"**{card.title}**" if card.title else ""
    facts = "\n".join(f"- {fact.label}: {fact.value}" for fact in card.facts)
    return "\n\n".join(part for part in (title, card.text, facts, card.url) if part)


def rich_json(message: OutMessage) -> dict[str, Any]:
    """What a message has besides its text, as front ends of one's own get it; empty for text alone.

    The keys are those of `OutMessage`: `buttons` (rows), `selects`, `form`, `cards`, `mentions`.
    """
    names = ("buttons", "selects", "form", "cards", "mentions")
    return json.decode(json.encode({name: getattr(message, name) for name in names if getattr(message, name)}))


def plain_text(message: OutMessage) -> str:
    """Everything a message shows as text: for transcripts, terminals, and front ends that show nothing else."""
    pieces = degrade(message, Capabilities())
    return "\n\n".join(piece.text for piece in pieces if piece.text)
