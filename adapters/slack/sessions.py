"""What Slack shows besides messages: that the bot is at work, a stop button, a thread's title, first questions.

In threads, apps declared as agents have sessions, whose stop button comes back as `agent_session_stopped`; others have
a line of text. Elsewhere the message that is being answered carries a reaction meanwhile. Failures stay here.

Source: https://docs.slack.dev/ai/agent-sessions, https://docs.slack.dev/reference/methods/assistant.threads.setStatus
"""

from __future__ import annotations

__all__ = ["Sessions"]

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import structlog

from adapters.slack.api import Refused, SlackApi
from botkit.sdk import BotkitError, Clock, Conversation, RateLimited

_log = structlog.get_logger("botkit.slack")

_AT_WORK = "is thinking…"
_MARK = "eyes"
_TITLE_CHARS = 60
_PROMPTS = 4
_ATTEMPTS = 5
_KEPT = 2000


class Sessions:
    """The conversations of one channel."""

    def __init__(self, api: SlackApi, clock: Clock, channel: str):
        self._api = api
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._channel = channel
        self._has_sessions = True
        self._at_work: set[str] = set()
        self._heard: OrderedDict[str, str] = OrderedDict()
        self._marked: dict[str, str] = {}
        self._titled: OrderedDict[str, None] = OrderedDict()

    def heard(self, conversation: Conversation, message_id: str, *, older: bool = False) -> None:
        """Somebody said something to the bot; `older` than what is known already."""
        if conversation.thread or not message_id or (older and conversation.key in self._heard):
            return
        self._heard[conversation.key] = message_id
        self._heard.move_to_end(conversation.key)
        while len(self._heard) > _KEPT:
            self._heard.popitem(last=False)

    async def working(self, conversation: Conversation) -> None:
        """Show that an answer is on its way; the next message takes it away."""
        if not conversation.thread:
            await self._mark(conversation)
            return
        where = {"channel_id": conversation.room, "thread_ts": conversation.thread}
        if self._has_sessions:
            try:
                await self._api.call("agents.sessions.setStatus", safe=True, status="processing", **where)
            except Refused as error:
                self._has_sessions = False  # no agent; a line of text will do
                _log.debug("slack_no_sessions", channel=self._channel, detail=str(error))
            except BotkitError as error:
                self._failed(error)
                return
            else:
                self._at_work.add(conversation.key)
                return
        await self._quietly("assistant.threads.setStatus", status=_AT_WORK, **where)

    async def rested(self, conversation: Conversation) -> None:
        """Something was said there: the bot waits for people again."""
        marked = self._marked.pop(conversation.key, "")
        if marked:
            await self._quietly("reactions.remove", channel=conversation.room, timestamp=marked, name=_MARK)
        if conversation.key in self._at_work:
            self._at_work.discard(conversation.key)
            try:
                await self._activate(conversation)
            except RateLimited as error:  # a stop button must not stay for ever
                later = asyncio.create_task(self._activate_later(conversation, error.retry_after_s or 1.0))
                self._tasks.add(later)
                later.add_done_callback(self._tasks.discard)
            except BotkitError as error:
                self._failed(error)

    def ended_by_stream(self, conversation: Conversation) -> str:
        """The status that the end of a stream should set; empty when no session is at work."""
        return "active" if conversation.key in self._at_work else ""

    def rested_by_stream(self, conversation: Conversation) -> None:
        """It did."""
        self._at_work.discard(conversation.key)

    async def _activate(self, conversation: Conversation) -> None:
        where = {"channel_id": conversation.room, "thread_ts": conversation.thread}
        await self._api.call("agents.sessions.setStatus", safe=True, status="active", **where)

    async def _activate_later(self, conversation: Conversation, wait_s: float) -> None:
        for _ in range(_ATTEMPTS):
            await self._clock.sleep(wait_s)
            if conversation.key in self._at_work:
                return  # on the next answer already
            try:
                await self._activate(conversation)
            except RateLimited as error:
                wait_s = error.retry_after_s or 1.0
            except BotkitError as error:
                self._failed(error)
                return
            else:
                return

    async def close(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _mark(self, conversation: Conversation) -> None:
        message_id = self._heard.get(conversation.key, "")
        if message_id and self._marked.get(conversation.key) != message_id:
            await self.rested(conversation)
            self._marked[conversation.key] = message_id
            await self._quietly("reactions.add", channel=conversation.room, timestamp=message_id, name=_MARK)

    async def began(self, conversation: Conversation, prompts: Sequence[str]) -> None:
        """Somebody opened a thread with the assistant: offer what to ask."""
        self._keep(conversation.key)
        if prompts:
            offered = [{"title": prompt[:_TITLE_CHARS], "message": prompt} for prompt in prompts[:_PROMPTS]]
            await self._quietly(
                "assistant.threads.setSuggestedPrompts",
                channel_id=conversation.room,
                thread_ts=conversation.thread,
                prompts=offered,
            )

    async def asked(self, conversation: Conversation, text: str) -> None:
        """Name a thread with the assistant after the first question in it; once, and no other thread."""
        if conversation.key not in self._titled or not text.strip():
            return
        del self._titled[conversation.key]
        line = text.strip().splitlines()[0]
        title = line if len(line) <= _TITLE_CHARS else f"{line[: _TITLE_CHARS - 1].rstrip()}…"
        where = {"channel_id": conversation.room, "thread_ts": conversation.thread}
        await self._quietly("assistant.threads.setTitle", title=title, **where)

    def _keep(self, key: str) -> None:
        self._titled[key] = None
        while len(self._titled) > _KEPT:
            self._titled.popitem(last=False)

    async def _quietly(self, method: str, **arguments: Any) -> None:
        try:
            await self._api.call(method, safe=True, **arguments)
        except BotkitError as error:
            self._failed(error)

    def _failed(self, error: BotkitError) -> None:
        _log.debug("slack_call_failed", channel=self._channel, code=error.code, detail=str(error))
