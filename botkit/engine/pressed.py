"""Presses of buttons that bots and workflows made themselves: something the person says.

A value that carries a token of ours is a decision or an answer, however old. Any other is what its button stands for,
and pressing it says it: a question that waits for a reply gets it, else a turn begins.
"""

from __future__ import annotations

__all__ = ["form_of_part", "kept_form", "said_by"]

from typing import Any

import msgspec

from botkit.core.events import Action, Event, ReplyTo
from botkit.core.messages import Capabilities, Form, OutMessage, Part
from botkit.engine import forms, questions

_FORM = "form"
"""Where payloads carry it."""


def said_by(event: Event) -> Event | None:
    """The message a press, a choice or a form stands for; None when it is an answer to something of ours."""
    action = event.action
    if action is None or forms.token_of(action) or questions.parse_decision(action.value):
        return None
    text = _fields(action) if action.sent else ", ".join(action.chosen)
    if not text:
        return None
    return msgspec.structs.replace(
        event,
        kind="message",
        text=text,
        addressed="reply" if event.addressed == "none" else event.addressed,
        reply_to=event.reply_to or (ReplyTo(message_id=action.message_id) if action.message_id else None),
    )


def _fields(action: Action) -> str:
    """A form that was sent, as lines of `name: value`."""
    return "\n".join(
        f"{name}: {', '.join(value) if isinstance(value, list) else value}" for name, value in action.fields.items()
    )


def kept_form(message: OutMessage, can: Capabilities) -> dict[str, Any]:
    """What the payloads of a message carry besides what is sent: the form, to be there when its button is pressed."""
    if message.form is None or len(message.form.fields) > can.forms:
        return {}
    return {_FORM: msgspec.to_builtins(message.form)}


def form_of_part(part: Part | None, action: Action) -> Form | None:
    """The form whose button was pressed; None when the message has no such form."""
    raw = part.payload.get(_FORM) if part is not None else None
    if raw is None:
        return None
    form = msgspec.convert(raw, Form)
    return form if form.value == action.value else None
