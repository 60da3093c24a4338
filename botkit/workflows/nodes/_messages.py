"""Messages as workflows write them: text, and what can be pressed, chosen, filled in or looked at."""

from __future__ import annotations

__all__ = ["check_place", "message_of", "place_of"]

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from botkit.core.events import Conversation
from botkit.core.messages import Button, Card, Form, OutMessage, Select
from botkit.sdk.nodes import NodeFailed

_VALUE_LIMIT_BYTES = 64


def message_of(
    text: str,
    *,
    buttons: list[Any] | None = None,
    selects: list[Any] | None = None,
    form: Mapping[str, Any] | None = None,
    cards: list[Any] | None = None,
    silent: bool = False,
) -> OutMessage:
    """The message of these parts, written as in `botkit.core.messages`.

    A button may be a text, a `{label, value | url, style}`, or a list of such, which is a row.

    Raises:
        NodeFailed (`invalid_message`): a part is not understood, or there is nothing to say.
    """
    try:
        message = OutMessage(
            text=text,
            buttons=tuple(_row(each) for each in buttons or ()),
            selects=tuple(msgspec.convert(_labelled(each), Select) for each in selects or ()),
            form=msgspec.convert(dict(form), Form) if form else None,
            cards=tuple(msgspec.convert(_card(each), Card) for each in cards or ()),
            silent=silent,
        )
    except msgspec.ValidationError as error:
        raise NodeFailed(f"the message is not understood: {error}", code="invalid_message") from None
    if not (message.text.strip() or message.buttons or message.selects or message.form or message.cards):
        raise NodeFailed("there is nothing to say: the message is empty", code="invalid_message")
    return message


def place_of(channel: str, room: str, thread: str, to: str) -> str:
    """The conversation key of another place; empty for the run's own."""
    return to or (Conversation(channel=channel, room=room, thread=thread).key if channel else "")


def check_place(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is wrong with the address in the fields `channel`, `room` and `to`: (field, message)."""
    found: list[tuple[str, str]] = []
    if bool(data.get("channel")) != bool(data.get("room")):
        found.append(("room" if data.get("channel") else "channel", "another place has a channel and a room"))
    if data.get("to") and data.get("channel"):
        found.append(("to", "name the place once: by `to`, or by channel and room"))
    return found


def _row(row: Any) -> tuple[Button, ...]:
    many = cast("list[Any]", row) if isinstance(row, list) else [row]
    return tuple(_button(each) for each in many)


def _button(given: Any) -> Button:
    if not isinstance(given, str | Mapping):
        raise NodeFailed("a button is a text or {label, value | url, style}", code="invalid_message")
    fields = {"label": given} if isinstance(given, str) else dict(cast("Mapping[str, Any]", given))
    fields.setdefault("value", "" if fields.get("url") else str(fields.get("label", "")))
    button = msgspec.convert(fields, Button)
    if len(button.value.encode()) > _VALUE_LIMIT_BYTES:
        raise NodeFailed(f"the value of a button has {_VALUE_LIMIT_BYTES} bytes at most", code="invalid_message")
    return button


def _labelled(given: Any) -> Any:
    """Options may be texts: then the label is the value."""
    if not isinstance(given, Mapping):
        return given
    fields = dict(cast("Mapping[str, Any]", given))
    options: Any = fields.get("options")
    if isinstance(options, list):
        fields["options"] = [
            {"label": each, "value": each} if isinstance(each, str) else each for each in cast("list[Any]", options)
        ]
    return fields


def _card(given: Any) -> Any:
    if not isinstance(given, Mapping):
        return given
    fields = dict(cast("Mapping[str, Any]", given))
    buttons: Any = fields.get("buttons")
    if isinstance(buttons, list):
        fields["buttons"] = [
            [msgspec.to_builtins(button) for button in _row(row)] for row in cast("list[Any]", buttons)
        ]
    return fields
