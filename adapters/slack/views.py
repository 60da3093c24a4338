"""What is shown in passing: intermediate edits, reactions, what came of a press. Its failures stay here."""

from __future__ import annotations

__all__ = ["CAN", "DOWNLOAD_LIMIT_BYTES", "IN_THREADS", "Views"]

import json
from collections import OrderedDict
from typing import Any

import msgspec
import structlog

from adapters.passing import Passing
from adapters.slack.api import SlackApi
from adapters.slack.blocks import modal
from adapters.slack.parsing import EMOJI
from adapters.slack.rendering import MEANS, TEXT_LIMIT, UPLOAD_LIMIT_BYTES, preview
from adapters.slack.sessions import Sessions
from adapters.slack.streams import CURSOR, Streams
from botkit.sdk import BotkitError, Capabilities, Clock, Conversation, Event, Form, Part

_log = structlog.get_logger("botkit.slack")

DOWNLOAD_LIMIT_BYTES = 25 * 1024 * 1024
"""Ours: a workspace takes up to 1 GB."""
_KEPT = 2000
_NAMES = {emoji: name for name, emoji in EMOJI.items() if name != "thumbsup"}

CAN = Capabilities(
    text_limit=TEXT_LIMIT,
    text_unit="utf16",
    stream="edit",
    stream_interval_s=2.0,
    edit=True,
    delete=True,
    buttons=True,
    button_value_bytes=2000,
    button_limit=MEANS.button_limit,
    selects=MEANS.selects,
    multi_selects=True,
    forms=MEANS.forms,
    form_choices=MEANS.form_choices,
    cards=MEANS.cards,
    mentions=True,
    threads=True,
    reactions=True,
    files=True,
    file_in_limit_bytes=DOWNLOAD_LIMIT_BYTES,
    file_out_limit_bytes=UPLOAD_LIMIT_BYTES,
    idempotent_send="lookup",
    commands=True,
    ephemeral=True,
    typing_s=100.0,
)
"""Everywhere. About fifty edits a minute are allowed, and one message a second in a channel."""
IN_THREADS = msgspec.structs.replace(CAN, stream="native", stream_interval_s=1.0)
"""About a hundred pieces a minute may be appended. A status is taken away after two minutes, or by the next message."""


class Views(Passing):
    """On Slack an answer is streamed into its thread, else a message that grows by edits."""

    def __init__(self, api: SlackApi, clock: Clock, channel: str, streams: Streams, sessions: Sessions):
        super().__init__(clock, channel, "slack")
        self._api = api
        self._streams = streams
        self._sessions = sessions
        self._said: OrderedDict[str, None] = OrderedDict()
        self._reactions: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def update(self, part: Part, text: str) -> None:
        await self.finish(self._update(part, text))

    async def _update(self, part: Part, text: str) -> None:
        async with self.lock(part.conversation.key):
            if await self._streams.append(part, text):
                return
            text = text.rstrip() + CURSOR if part.conversation.thread else text
            where = {"channel": part.conversation.room, "ts": part.message_id}
            await self._quietly("chat.update", part.conversation.key, **where, **preview(text))

    async def typing(self, conversation: Conversation) -> None:
        """Show that the bot is at work. The next message there takes it away."""
        await self.finish(self._typing(conversation))

    async def _typing(self, conversation: Conversation) -> None:
        async with self.lock(conversation.key):
            await self._sessions.working(conversation)

    async def tell(self, event: Event, text: str) -> None:
        """Show whoever pressed a button what came of it; once, and to them alone."""
        handle = event.action.handle if event.action is not None else ""
        if not handle or not text or handle in self._said:
            return
        self._said[handle] = None
        while len(self._said) > _KEPT:
            self._said.popitem(last=False)
        room, user, *_ = handle.split(" ")
        thread = event.conversation.thread or None
        where = {"channel": room, "user": user, "thread_ts": thread}
        await self._quietly("chat.postEphemeral", f"say {room}", text=text, **where)

    async def open_form(self, event: Event, form: Form) -> bool:
        """Show a dialog to whoever pressed its button; False when it is too late for that."""
        handle = event.action.handle.split(" ") if event.action is not None else []
        if len(handle) < 4:
            return False
        view = json.dumps(modal(form, event))
        try:
            await self._api.call("views.open", safe=True, trigger_id=handle[3], view=view)
        except BotkitError as error:
            _log.debug("slack_form_refused", channel=self._channel, code=error.code, detail=str(error))
            return False
        return True

    async def react(self, conversation: Conversation, message_id: str, emoji: str) -> None:
        """One reaction of ours at a message: another takes its place."""
        key = (conversation.room, message_id)
        former = self._reactions.pop(key, "")
        where = {"channel": conversation.room, "timestamp": message_id}
        if former and former != emoji:
            await self._quietly("reactions.remove", "react", name=_NAMES[former], **where)
        if emoji in _NAMES:
            self._reactions[key] = emoji
            await self._quietly("reactions.add", "react", name=_NAMES[emoji], **where)
        while len(self._reactions) > _KEPT:
            self._reactions.popitem(last=False)

    async def _quietly(self, method: str, key: str, **arguments: Any) -> None:
        """Make a call whose failure nobody needs to hear of; none while Slack asks to wait with this `key`."""
        await self.try_to(key, lambda: self._api.call(method, safe=True, **arguments))
