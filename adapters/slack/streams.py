"""Messages that grow while people read them: started, appended to, stopped.

A stream is a reply in a thread and lives for about five minutes. While it is open Slack refuses to edit its message;
once it is over it refuses to append. Whatever goes wrong, the message is edited instead and ends with the same text.

Source: https://docs.slack.dev/reference/methods/chat.startStream
"""

from __future__ import annotations

__all__ = ["CURSOR", "Streams", "first_words", "stop_stream"]

from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import structlog

from adapters.slack.api import Refused, SlackApi
from adapters.slack.known import Known
from adapters.slack.rendering import inert, text_payload
from botkit.sdk import AdapterError, BotkitError, ChatGone, Clock, Conversation, OutMessage, Part, RateLimited, Rendered

_log = structlog.get_logger("botkit.slack")

LIFE_S = 270.0
"""Slack ends a stream after about 300 seconds, whatever is appended meanwhile."""
STARTS_A_MINUTE = 18
"""Slack promises 20; a stream is stopped as often as it is started, and the stop carries the answer's end."""
_MINUTE_S = 60.0
_OVER = frozenset({"message_not_in_streaming_state", "stopped_by_user", "message_not_found"})
_LACKING = frozenset({"unknown_method", "missing_scope", "not_allowed_token_type", "feature_not_enabled"})
"""Refusals that hold for every conversation."""
CURSOR = " ▌"
_KEPT = 1000
_WORD_CHARS = 40


def first_words(message: OutMessage) -> Rendered:
    """The beginning of a message that will grow: what a stream starts with, and what is posted where none can be."""
    stream = {"text": inert(message.text), "user": message.asked_by}
    return Rendered(
        payload={**text_payload(inert(message.text).rstrip() + CURSOR), "stream": stream}, text=message.text
    )


@dataclass(slots=True)
class _Open:
    shown: str
    """What Slack has, as it was sent."""
    since: float
    """On the monotonic clock."""
    quiet_until: float = 0.0


class Streams:
    """The open streams of one channel. What is forgotten here, in a restart too, is edited like any message.

    Nothing here may run at the same time for one conversation.
    """

    def __init__(self, api: SlackApi, clock: Clock, known: Known, channel: str):
        self._api = api
        self._clock = clock
        self._known = known
        self._channel = channel
        self._open: OrderedDict[tuple[str, str], _Open] = OrderedDict()
        self._starts: deque[float] = deque()
        self._none_until = 0.0

    async def begin(self, part: Part) -> str:
        """Start the stream that a part's first words ask for; its `ts`, or nothing where it has to be posted.

        Raises:
            ChatGone, ChannelFatal, SendUnknown, or a retryable `AdapterError` when Slack cannot be reached.
        """
        place, asked = part.conversation, cast("Mapping[str, str]", part.payload["stream"])
        user = asked["user"]
        if not place.thread or not user or not self._may_start():
            return ""
        text = _whole_words(asked["text"])
        try:
            started = await self._api.call(
                "chat.startStream",
                channel=place.room,
                thread_ts=place.thread,
                recipient_user_id=user,
                recipient_team_id=self._known.team_of(user),
                markdown_text=text or None,
            )
        except RateLimited as error:
            self._none_until = self._clock.monotonic() + (error.retry_after_s or 1.0)
            return ""
        except Refused as error:
            if error.error in _LACKING:
                self._none_until = float("inf")
            _log.info("slack_not_streamed", channel=self._channel, detail=str(error))
            return ""
        ts = str(started["ts"])
        self._keep(place, ts, text)
        return ts

    def adopt(self, part: Part, ts: str) -> None:
        """A stream whose start was not confirmed was found."""
        stream = part.payload.get("stream")
        if isinstance(stream, Mapping):
            self._keep(part.conversation, ts, _whole_words(str(cast("Mapping[str, str]", stream)["text"])))

    async def append(self, part: Part, text: str) -> bool:
        """Show all of a text that is new. False: this message is no open stream (any more); edit it."""
        key = (part.conversation.room, part.message_id)
        stream = self._open.get(key)
        if stream is None:
            return False
        now = self._clock.monotonic()
        if now < stream.quiet_until:
            return True
        text = _whole_words(inert(text))
        if now - stream.since > LIFE_S or not text.startswith(stream.shown):
            await self._end(key)
            return False
        if text == stream.shown:
            return True
        piece = text[len(stream.shown) :]
        try:
            await self._api.call("chat.appendStream", channel=key[0], ts=key[1], markdown_text=piece)
        except RateLimited as error:
            stream.quiet_until = now + (error.retry_after_s or 1.0)
        except BotkitError as error:  # also a lost answer: nobody knows what it shows now
            _log.info("slack_stream_lost", channel=self._channel, detail=str(error))
            await self._end(key, over=isinstance(error, ChatGone) or _is_over(error))
            return False
        else:
            stream.shown = text
        return True

    async def finish(self, part: Part, metadata: Mapping[str, Any], session_status: str = "") -> bool:
        """Stop a stream so that its message is the part. False: it is none, or shows something else; edit it.

        Args:
            session_status: what the thread's session is set to with it; empty: nothing.

        Raises:
            RateLimited, or a retryable `AdapterError`: again, later.
        """
        key = (part.conversation.room, part.message_id)
        stream = self._open.get(key)
        if stream is None:
            return False
        blocks = cast("list[dict[str, Any]]", part.payload.get("blocks") or [{}])
        text = str(blocks[0].get("text", "")) if blocks[0].get("type") == "markdown" else ""
        if not text.startswith(stream.shown):
            await self._end(key)
            return False
        rest = text[len(stream.shown) :]
        try:
            await stop_stream(
                self._api,
                *key,
                markdown_text=rest or None,
                blocks=blocks[1:] or None,
                metadata=dict(metadata),
                session_status=session_status or None,
            )
        except RateLimited:
            raise
        except Refused as error:
            self._open.pop(key, None)
            _log.info("slack_stream_lost", channel=self._channel, detail=str(error))
            if not _is_over(error):
                await self._end(key)
            return False
        except AdapterError:
            self._open.pop(key, None)
            raise
        self._open.pop(key, None)
        return True

    def _may_start(self) -> bool:
        now = self._clock.monotonic()
        while self._starts and now - self._starts[0] >= _MINUTE_S:
            self._starts.popleft()
        if now < self._none_until or len(self._starts) >= STARTS_A_MINUTE:
            return False
        self._starts.append(now)
        return True

    def _keep(self, place: Conversation, ts: str, text: str) -> None:
        self._open[(place.room, ts)] = _Open(text, self._clock.monotonic())
        while len(self._open) > _KEPT:
            self._open.popitem(last=False)

    async def _end(self, key: tuple[str, str], *, over: bool = False) -> None:
        """Forget a stream, and let its message be edited."""
        self._open.pop(key, None)
        if over:
            return
        try:
            await stop_stream(self._api, *key)
        except BotkitError as error:
            _log.debug("slack_call_failed", channel=self._channel, code=error.code, detail=str(error))


async def stop_stream(api: SlackApi, room: str, ts: str, **more: Any) -> None:
    """Raises what `SlackApi.call` raises; repeating it after a lost answer does no harm."""
    await api.call("chat.stopStream", safe=True, channel=room, ts=ts, **more)


def _is_over(error: BotkitError) -> bool:
    return isinstance(error, Refused) and error.error in _OVER


def _whole_words(text: str) -> str:
    """Up to the last blank, if words have such: a `<` may lack its `@`, and blanks at a piece's start may get lost."""
    end = max(text.rfind(" "), text.rfind("\n")) + 1
    return text[:end] if end and len(text) - end < _WORD_CHARS else text.rstrip("<")
