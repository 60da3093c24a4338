"""Say something."""

from __future__ import annotations

__all__ = ["SendMessage"]

from collections.abc import Mapping
from typing import Any, ClassVar, TypedDict

from botkit.sdk.nodes import ChannelName, Node, NodeContext, Outcome, node
from botkit.workflows.nodes._messages import check_place, message_of, place_of


class Sent(TypedDict):
    """A message on its way."""

    message_id: str
    """Of its first part, in the outbox."""


@node("send_message")
class SendMessage(Node):
    """Say something in the conversation of the run, or in another one.

    The text is CommonMark; what a platform cannot show becomes text or a numbered list. It is sent once, whatever
    happens to the process.
    """

    category = "people"
    output: ClassVar[Any] = Sent

    text: str = ""
    """What is said."""
    buttons: list[Any] = []
    """Buttons: `{label, value}` or `{label, url}`, with `style` `primary` or `danger`; a list of them is one row."""
    selects: list[Any] = []
    """Menus: `{value, options: [{label, value, about}], label, least, most}`."""
    form: dict[str, Any] | None = None
    """Questions answered together: `{value, title, fields: [{name, label, kind, required, options}]}`."""
    cards: list[Any] = []
    """Things to look at: `{title, text, facts: [{label, value}], buttons, url}`."""
    silent: bool = False
    """Deliver without a sound."""
    channel: ChannelName = ""
    """Another channel of bots.yaml, with `room`."""
    room: str = ""
    """The platform's id of the room there, or of the person's direct chat."""
    thread: str = ""
    """A thread in that room."""
    to: str = ""
    """In place of channel, room and thread: a conversation key, such as `{{ conversation.key }}`."""

    @classmethod
    def check(cls, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Something to say, and a whole address."""
        says = any(data.get(name) for name in ("text", "buttons", "selects", "form", "cards"))
        return [*([] if says else [("text", "there is nothing to say")]), *check_place(data)]

    async def run(self, ctx: NodeContext) -> Outcome:
        message = message_of(
            self.text,
            buttons=self.buttons,
            selects=self.selects,
            form=self.form,
            cards=self.cards,
            silent=self.silent,
        )
        to = place_of(self.channel, self.room, self.thread, self.to)
        output: Sent = {"message_id": await ctx.say("message", message, to=to)}
        return Outcome(output=output)
