"""What messages nobody asked for just now have in common: fields, service, templates."""

from __future__ import annotations

__all__ = ["OutreachFields", "outreach_of"]

from collections.abc import Mapping
from typing import Any

import msgspec

from botkit.core.messages import OutMessage, Template
from botkit.core.outreach import Outreach
from botkit.sdk.nodes import BotName, ChannelName, Node, NodeFailed
from botkit.workflows.context import NodeRun
from botkit.workflows.nodes._messages import message_of


def outreach_of(ctx: NodeRun) -> Outreach:
    """Raises `NodeFailed` where nobody can be written to."""
    if ctx.services.outreach is None:
        raise NodeFailed("people cannot be written to from here", code="unavailable")
    return ctx.services.outreach


class OutreachFields(Node):
    """What is said, and to whom."""

    text: str = ""
    """What is said."""
    buttons: list[Any] = []
    """Buttons, as in `send_message`."""
    cards: list[Any] = []
    """Things to look at, as in `send_message`."""
    template: dict[str, Any] | None = None
    """A message the platform approved, `{name, language, variables}`, for people who wrote too long ago (WhatsApp)."""
    person: str = ""
    """Whom to write to: a key of `people`, the id of a person, or `channel:user`."""
    to: str = ""
    """A conversation key, such as `{{ conversation.key }}`; with `person`, where to write to them."""
    channel: ChannelName = ""
    """Only on this channel; where the person wrote last when empty."""
    bot: BotName = ""
    """In whose name: whoever wants no messages of that bot gets none. That of the run when empty."""

    @classmethod
    def check(cls, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Something to say."""
        says = any(data.get(name) for name in ("text", "buttons", "cards", "template"))
        return [] if says or data.get("cancel") else [("text", "there is nothing to say")]

    def message(self, *, template: bool = False) -> OutMessage:
        """Raises `NodeFailed`."""
        if self.template is None or not (template or not self.text):
            return message_of(self.text, buttons=self.buttons, cards=self.cards)
        try:
            variables = [str(value) for value in self.template.get("variables") or ()]
            approved = msgspec.convert({**self.template, "variables": variables}, Template)
        except msgspec.ValidationError as error:
            raise NodeFailed(f"the template is not understood: {error}", code="invalid_message") from None
        return OutMessage(text=self.text or approved.name, template=approved)
