"""Say something."""

from __future__ import annotations

__all__ = ["SendMessage"]

from collections.abc import Mapping
from typing import Any, ClassVar, TypedDict

from botkit.core.events import Conversation
from botkit.sdk.nodes import ChannelName, Node, NodeContext, Outcome, node
from botkit.workflows.nodes._messages import message_of


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
        found: list[tuple[str, str]] = []
        if not any(data.get(name) for name in ("text", "buttons", "selects", "form", "cards")):
            found.append(("text", "there is nothing to say"))
        if bool(data.get("channel")) != bool(data.get("room")):
            found.append(("room" if data.get("channel") else "channel", "another place has a channel and a room"))
        if data.get("to") and data.get("channel"):
            found.append(("to", "name the place once: by `to`, or by channel and room"))
        return found

    async def run(self, ctx: NodeContext) -> Outcome:
        message = message_of(
            self.text,
            buttons=self.buttons,
            selects=self.selects,
            form=self.form,
            cards=self.cards,
            silent=self.silent,
        )
        to = self.to
        if self.channel:
            to = Conversation(channel=self.channel, room=self.room, thread=self.thread).key
        output: Sent = {"message_id": await ctx.say("message", message, to=to)}
        return Outcome(output=output)
