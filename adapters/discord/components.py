"""Buttons, menus and dialogs in Discord's JSON. Pure.

A press on the button of a form carries `form|` and the form's value: the dialog must be the first answer to it.

Source: https://docs.discord.com/developers/components/reference
"""

from __future__ import annotations

__all__ = ["COLUMNS", "FORM", "LIST", "ROWS", "button_rows", "form_row", "modal", "select_row"]

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from adapters.markdown import clip, utf16_len
from botkit.sdk import Button, Form, FormField, Option, Select

ROWS, COLUMNS = 5, 5
FORM = "form|"
LIST = "[]"
"""Begins the id of an input whose answer is a list."""
_LABEL_CHARS = 80
_VALUE_CHARS = 100
_URL_CHARS = 512
_OPTION_CHARS = 100
_PLACEHOLDER_CHARS = 150
_TITLE_CHARS = 45
_ABOUT_CHARS = 100
_INPUT_CHARS = 4000
_STYLES = {"default": 2, "primary": 1, "danger": 4}
_LINK = 5
_ACTION_ROW, _BUTTON, _SELECT, _TEXT_INPUT, _LABEL, _CHECKBOX = 1, 2, 3, 4, 18, 23
_DATE = "2027-03-31"


def button_rows(rows: Sequence[Sequence[Button]], values: set[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Action rows, and lines for buttons that Discord cannot show, or not with their whole label.

    Args:
        values: what the other components of the message carry; no two may carry the same.
    """
    shown: list[dict[str, Any]] = []
    lines: list[str] = []
    for row in rows:
        keys: list[dict[str, Any]] = []
        for button in row:
            key = _button(button, values)
            if key is None:
                lines.append(f"{button.label}: {button.url}" if button.url else f"▸ {button.label}")
                continue
            keys.append(key)
            lines += [f"▸ {button.label}"] if button.label and key["label"] != button.label else []
        shown += [
            {"type": _ACTION_ROW, "components": keys[start : start + COLUMNS]} for start in range(0, len(keys), COLUMNS)
        ]
    return shown, lines


def _button(button: Button, values: set[str]) -> dict[str, Any] | None:
    label = clip(button.label or "…", _LABEL_CHARS)
    if button.url:
        parts = urlsplit(button.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or len(button.url) > _URL_CHARS:
            return None
        return {"type": _BUTTON, "style": _LINK, "label": label, "url": button.url}
    if not 1 <= len(button.value) <= _VALUE_CHARS or button.value in values:
        return None
    values.add(button.value)
    return {"type": _BUTTON, "style": _STYLES[button.style], "label": label, "custom_id": button.value}


def select_row(select: Select, values: set[str]) -> tuple[dict[str, Any], list[str]]:
    """The row of a menu, and lines for what it has no room for."""
    number = f"{select.value}|{len(values)}" if select.value in values else select.value
    values.add(number)
    lines = [
        f"- {option.label}{f' – {option.about}' if option.about else ''}"
        for option in select.options
        if max(utf16_len(option.label), utf16_len(option.about)) > _OPTION_CHARS
    ]
    menu: dict[str, Any] = {
        "type": _SELECT,
        "custom_id": number,
        "options": [_option(option) for option in select.options],
        "min_values": select.least,
        "max_values": select.most,
    }
    if select.label:
        menu["placeholder"] = clip(select.label, _PLACEHOLDER_CHARS)
        lines = [select.label, *lines] if menu["placeholder"] != select.label else lines
    return {"type": _ACTION_ROW, "components": [menu]}, ["\n".join(lines)] if lines else []


def _option(option: Option, *, chosen: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {"label": clip(option.label, _OPTION_CHARS), "value": option.value}
    if option.about:
        made["description"] = clip(option.about, _OPTION_CHARS)
    if chosen and option.value == chosen:
        made["default"] = True
    return made


# --- dialogs ------------------------------------------------------------------------------------------------


def form_row(form: Form, values: set[str]) -> tuple[dict[str, Any], bool]:
    """The row of the button that opens a form, and whether its dialog shows every word of it."""
    values.add(f"{FORM}{form.value}")
    label = clip(form.open_label or "…", _LABEL_CHARS)
    button = {"type": _BUTTON, "style": _STYLES["primary"], "label": label, "custom_id": f"{FORM}{form.value}"}
    whole = utf16_len(form.title) <= _TITLE_CHARS and all(
        utf16_len(field.label) <= _TITLE_CHARS
        and utf16_len(field.about) <= _ABOUT_CHARS
        and all(max(utf16_len(one.label), utf16_len(one.about)) <= _OPTION_CHARS for one in field.options)
        for field in form.fields
    )
    return {"type": _ACTION_ROW, "components": [button]}, whole


def modal(form: Form) -> dict[str, Any]:
    """The dialog of a form, as an answer to an interaction."""
    inputs = [_labelled(field) for field in form.fields]
    return {
        "type": 9,
        "data": {"custom_id": form.value, "title": clip(form.title, _TITLE_CHARS) or "…", "components": inputs},
    }


def _labelled(field: FormField) -> dict[str, Any]:
    shown: dict[str, Any] = {"type": _LABEL, "label": clip(field.label, _TITLE_CHARS) or "…"}
    if field.about:
        shown["description"] = clip(field.about, _ABOUT_CHARS)
    return shown | {"component": _input(field)}


def _input(field: FormField) -> dict[str, Any]:
    match field.kind:
        case "checkbox":
            return {"type": _CHECKBOX, "custom_id": field.name, "default": field.initial == "true"}
        case "choice":
            least, most = (int(field.least or 0), int(field.most or len(field.options))) if field.many else (0, 1)
            return {
                "type": _SELECT,
                "custom_id": f"{LIST}{field.name}" if field.many else field.name,
                "options": [_option(option, chosen=field.initial) for option in field.options],
                "min_values": max(least, 1) if field.required else least,
                "max_values": max(1, min(most, len(field.options))),
                "required": field.required,
            }
        case kind:
            made: dict[str, Any] = {
                "type": _TEXT_INPUT,
                "custom_id": field.name,
                "style": 2 if kind == "paragraph" else 1,
                "required": field.required,
            }
            if kind in {"text", "paragraph"}:
                made |= {"min_length": min(int(field.least), _INPUT_CHARS)} if field.least else {}
                made |= {"max_length": max(1, min(int(field.most), _INPUT_CHARS))} if field.most else {}
            if field.initial:
                made["value"] = clip(field.initial, _INPUT_CHARS)
            elif kind == "date":
                made["placeholder"] = _DATE
            return made
