"""Buttons, menus, cards and dialogs as Slack's blocks. Pure.

Ids of actions say what is pressed: `b3` a button, `form|3` the button of a form, `menu|{value}` a menu.

Source: https://docs.slack.dev/reference/block-kit/
"""

from __future__ import annotations

__all__ = ["FORM", "MENU", "Blocks", "button_lines", "card_blocks", "modal", "plain"]

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from adapters.markdown import clip, utf16_len
from botkit.sdk import Button, Card, Event, Fact, Form, FormField, Option, Select

FORM, MENU = "form|", "menu|"
_ROW_BUTTONS = 25
_LABEL_CHARS = 75
_VALUE_CHARS = 2000
_URL_CHARS = 3000
_OPTION_CHARS = 75
_PLAIN_CHARS = 3000
_TITLE_CHARS = 24
_LABELS_CHARS = 2000
_INPUT_CHARS = 3000
_FACTS = 10
_STYLES = {"primary": "primary", "danger": "danger"}


def plain(text: str, limit: int = _PLAIN_CHARS) -> dict[str, Any]:
    """A text object whose words mean nothing to Slack."""
    return {"type": "plain_text", "text": clip(text, limit) or "…", "emoji": True}


class Blocks:
    """The interactive blocks of one message; ids are unique in it. `lines` are words they have no room for."""

    def __init__(self) -> None:
        self.blocks: list[dict[str, Any]] = []
        self.lines: list[str] = []
        self._number = 0

    def rows(self, rows: Sequence[Sequence[Button]]) -> None:
        for row in rows:
            keys: list[dict[str, Any]] = []
            for button in row:
                self._number += 1
                key = _button(button, self._number)
                if key is None:
                    self.lines.append(f"{button.label}: {button.url}" if button.url else f"▸ {button.label}")
                    continue
                keys.append(key)
                if utf16_len(button.label) > _LABEL_CHARS:
                    self.lines.append(f"▸ {button.label}")
            for start in range(0, len(keys), _ROW_BUTTONS):
                self.blocks.append({"type": "actions", "elements": keys[start : start + _ROW_BUTTONS]})

    def select(self, select: Select) -> None:
        """A section: only there a menu may take several options."""
        self._number += 1
        menu: dict[str, Any] = {
            "type": "static_select" if select.is_single else "multi_static_select",
            "action_id": f"{MENU}{self._number}|{select.value}",
            "options": [_option(option) for option in select.options],
        }
        if not select.is_single:
            menu["max_selected_items"] = select.most
        self.blocks.append({"type": "section", "text": plain(select.label or "▾"), "accessory": menu})
        cut = [_whole(option) for option in select.options if _is_cut(option)]
        self.lines += ["\n".join(cut)] if cut else []

    def form(self, form: Form) -> None:
        self._number += 1
        key = _button(Button(label=form.open_label, value=form.value, style="primary"), self._number)
        if key is not None:
            self.blocks.append({"type": "actions", "elements": [key | {"action_id": f"{FORM}{self._number}"}]})


def button_lines(rows: Sequence[Sequence[Button]]) -> Blocks:
    """The action blocks of some rows."""
    blocks = Blocks()
    blocks.rows(rows)
    return blocks


def _button(button: Button, number: int) -> dict[str, Any] | None:
    key: dict[str, Any] = {
        "type": "button",
        "action_id": f"b{number}",
        "text": plain(button.label or "…", _LABEL_CHARS),
    }
    if button.url:
        parts = urlsplit(button.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or len(button.url) > _URL_CHARS:
            return None
        return key | {"url": button.url}
    if not 1 <= len(button.value) <= _VALUE_CHARS:
        return None
    if button.style in _STYLES:
        key["style"] = _STYLES[button.style]
    return key | {"value": button.value}


def _option(option: Option) -> dict[str, Any]:
    about = {"description": plain(option.about, _OPTION_CHARS)} if option.about else {}
    return {"text": plain(option.label, _OPTION_CHARS), "value": option.value, **about}


def _is_cut(option: Option) -> bool:
    return max(utf16_len(option.label), utf16_len(option.about)) > _OPTION_CHARS


def _whole(option: Option) -> str:
    return f"- {option.label}{f' – {option.about}' if option.about else ''}"


# --- cards --------------------------------------------------------------------------------------------------


def card_blocks(card: Card, words: str, blocks: Blocks) -> list[dict[str, Any]]:
    """A card without its picture, which is a file of its own.

    Args:
        words: title and text, as Markdown that rings nobody.
    """
    before = len(blocks.blocks)
    blocks.rows(card.buttons)
    rows = blocks.blocks[before:]
    del blocks.blocks[before:]
    shown: list[dict[str, Any]] = [{"type": "markdown", "text": words}] if words else []
    for start in range(0, len(card.facts), _FACTS):
        fields = [_fact(fact) for fact in card.facts[start : start + _FACTS]]
        shown.append({"type": "section", "fields": fields})
    return [*shown, *rows]


def _fact(fact: Fact) -> dict[str, Any]:
    return plain(f"{fact.label}\n{fact.value}", _LABELS_CHARS)


# --- dialogs ------------------------------------------------------------------------------------------------


def modal(form: Form, event: Event) -> dict[str, Any]:
    """The view of a form. It remembers where its button was pressed."""
    place = event.conversation
    message = event.action.message_id if event.action is not None else ""
    kept = {"value": form.value, "room": place.room, "thread": place.thread, "dm": place.kind == "dm", "ts": message}
    blocks = [_input(field) for field in form.fields]
    if utf16_len(form.title) > _TITLE_CHARS:
        blocks.insert(0, {"type": "section", "text": plain(form.title)})
    return {
        "type": "modal",
        "callback_id": "form",
        "private_metadata": json.dumps(kept),
        "title": plain(form.title, _TITLE_CHARS),
        "submit": plain(form.send_label, _TITLE_CHARS),
        "blocks": blocks,
    }


def _input(field: FormField) -> dict[str, Any]:
    hints = [field.about, *(_whole(option) for option in field.options if _is_cut(option))]
    hint = "\n".join(line for line in hints if line)
    return {
        "type": "input",
        "block_id": field.name,
        "label": plain(field.label, _LABELS_CHARS),
        "optional": not field.required or field.kind == "checkbox",
        "element": {"action_id": "value", **_element(field)},
        **({"hint": plain(hint, _LABELS_CHARS)} if hint else {}),
    }


def _element(field: FormField) -> dict[str, Any]:
    match field.kind:
        case "number":
            bounds = {"min_value": field.least, "max_value": field.most}
            made: dict[str, Any] = {"type": "number_input", "is_decimal_allowed": True}
            made |= {name: f"{value:g}" for name, value in bounds.items() if value is not None}
            return made | ({"initial_value": field.initial} if field.initial else {})
        case "date":
            return {"type": "datepicker", **({"initial_date": field.initial} if len(field.initial) == 10 else {})}
        case "checkbox":
            options = [{"text": plain(field.label, _OPTION_CHARS), "value": "true"}]
            return {"type": "checkboxes", "options": options} | (
                {"initial_options": options} if field.initial == "true" else {}
            )
        case "choice":
            options = [_option(option) for option in field.options]
            chosen = [option for option in options if option["value"] == field.initial]
            if field.many:
                most = {"max_selected_items": int(field.most)} if field.most else {}
                return {"type": "multi_static_select", "options": options, **most} | (
                    {"initial_options": chosen} if chosen else {}
                )
            return {"type": "static_select", "options": options} | ({"initial_option": chosen[0]} if chosen else {})
        case kind:
            made = {"type": "plain_text_input", "multiline": kind == "paragraph"}
            made |= {"min_length": min(int(field.least), _INPUT_CHARS)} if field.least else {}
            made |= {"max_length": max(1, min(int(field.most), _INPUT_CHARS))} if field.most else {}
            return made | ({"initial_value": clip(field.initial, _INPUT_CHARS)} if field.initial else {})
