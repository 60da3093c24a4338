"""The visible side of a turn: typing while it works, text as it is written, the final message.

Streaming is a view, not a fact. In private chats that know drafts nothing is stored until the final text;
elsewhere the first visible message is an outbox part with the id of the final one, so a
crash, a cut stream or a fallback model ends with that same message showing the final text.
"""

from __future__ import annotations

__all__ = ["Reply", "TypingKeeper"]

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Self

import msgspec
import structlog

from botkit.core.clock import Clock
from botkit.core.events import Attachment, Conversation
from botkit.core.journal import Emit, Journal, SetPart, Write
from botkit.core.live import Live, LiveEvent
from botkit.core.messages import Button, Capabilities, OutMessage, Part
from botkit.core.redact import Redactor, StreamRedactor
from botkit.runs.outbox import Outbox
from botkit.sdk.adapter import Adapter

_log = structlog.get_logger("botkit.engine")

_FIRST_SHOWN_CHARS = 24
_CURSOR = {"edit": " ▌", "native": ""}


class Reply:
    """One answer of one run, from its first visible word to its committed parts. Implements `ReplySink`.

    Args:
        stored: reads a part of the outbox.
        asked_by: platform id of the person who is answered.
        pauses: waits of the run that were decided so far. What is said after a pause is a new message: it
            stands below the question, and people are notified of it.
    """

    def __init__(
        self,
        *,
        run_id: str,
        pauses: int,
        conversation: Conversation,
        renderer: Adapter,
        adapter: Callable[[], Adapter | None],
        journal: Journal,
        outbox: Outbox,
        stored: Callable[[str], Awaitable[Part | None]],
        live: Live,
        clock: Clock,
        redactor: Redactor,
        stream: bool,
        reply_to: str = "",
        asked_by: str = "",
    ):
        self._run_id = run_id
        self._ref = f"{run_id}/{pauses}" if pauses else run_id
        self._conversation = conversation
        self._key = conversation.key
        self._renderer = renderer
        self._adapter = adapter
        self._journal = journal
        self._outbox = outbox
        self._stored = stored
        self._live = live
        self._clock = clock
        self._redactor = redactor
        self._reply_to = reply_to
        self._asked_by = asked_by
        self._can: Capabilities = renderer.capabilities(conversation)
        self._shows = stream and self._can.stream != "none"
        self._one_message = self._shows and self._can.stream in _CURSOR
        self._stream = stream
        self._filter: StreamRedactor = redactor.stream()
        self._text = ""
        self._shown = ""
        self._visible = ""
        self._next_at = 0.0
        self._part: Part | None = None
        self._message_id = ""
        self._waiting_for_id: asyncio.Future[str] | None = None

    @property
    def part_id(self) -> str:
        """Id of the first part of the answer, the same at every attempt."""
        return f"{self._ref}.0"

    @property
    def text(self) -> str:
        """What was written so far, redacted."""
        return self._text

    async def write(self, text: str) -> None:
        piece = self._filter.feed(text)
        if not piece:
            return
        self._text += piece
        if self._live.watched(self._key):
            self._live.publish(LiveEvent(kind="delta", conversation=self._key, run_id=self._run_id, text=piece))
        if self._shows and self._clock.monotonic() >= self._next_at:
            await self._show()

    async def restart(self) -> None:
        self._text = ""
        self._shown = ""
        self._filter = self._redactor.stream()
        self._live.publish(LiveEvent(kind="reset", conversation=self._key, run_id=self._run_id))

    async def _show(self) -> None:
        text = self._text.strip()
        if len(text) < _FIRST_SHOWN_CHARS or text == self._shown or len(text) > self._can.text_limit - 64:
            return
        adapter = self._adapter()
        if adapter is None or not await self._journal.has_lease():
            return
        self._next_at = self._clock.monotonic() + self._can.stream_interval_s
        self._shown = self._visible = text
        with suppress(Exception):  # a failed preview must never fail the answer
            if self._can.stream == "draft":
                await adapter.draft(self._conversation, zlib.crc32(self._run_id.encode()) or 1, text)
            else:
                await self._show_by_edit(adapter, text)

    async def _show_by_edit(self, adapter: Adapter, text: str) -> None:
        if self._part is None:
            growing = self._can.stream == "native"
            message = OutMessage(
                text=text + _CURSOR[self._can.stream],
                reply_to=self._reply_to,
                streaming=growing,
                asked_by=self._asked_by if growing else "",
            )
            rendered = self._renderer.render(message, self._conversation)[0]
            self._part = Part(
                id=self.part_id,
                run_id=self._run_id,
                conversation=self._conversation,
                payload=rendered.payload,
                text=rendered.text,
                created_at=self._clock.micros(),
            )
            self._waiting_for_id = self._outbox.watch(self.part_id)
            await self._journal.commit(None, (Emit(part=self._part),))
            self._outbox.kick(self._key)
            return
        waiting = self._waiting_for_id
        if not self._message_id and waiting is not None and waiting.done() and not waiting.cancelled():
            self._message_id = waiting.result()
        if self._message_id:
            part = Part(
                id=self._part.id,
                run_id=self._run_id,
                conversation=self._conversation,
                payload=self._part.payload,
                message_id=self._message_id,
            )
            await adapter.update(part, text + _CURSOR[self._can.stream])
            if not await self._journal.has_lease():
                await self._step_back(adapter, part)

    async def _step_back(self, adapter: Adapter, part: Part) -> None:
        """This process stood still until another took the turn over, and its late preview may have replaced the
        answer: show again what is stored."""
        stored = await self._stored(part.id)
        if stored is not None:
            _log.warning("late_preview_replaced", part=part.id)
            await adapter.send(msgspec.structs.replace(stored, message_id=part.message_id))

    def final(self, text: str, *, buttons: tuple[tuple[Button, ...], ...] = ()) -> tuple[str, list[Write]]:
        """The outbox writes that make this text the answer, whatever was shown before."""
        text = self._redactor.text(text)
        message = OutMessage(text=text, reply_to=self._reply_to, buttons=buttons)
        writes: list[Write] = []
        now = self._clock.micros()
        for index, rendered in enumerate(self._renderer.render(message, self._conversation)):
            part = Part(
                id=f"{self._ref}.{index}",
                run_id=self._run_id,
                conversation=self._conversation,
                index=index,
                payload=rendered.payload,
                text=rendered.text,
                created_at=now,
            )
            writes.append(Emit(part=part))
            if index == 0 and self._one_message:
                # Emit leaves a part that exists as it is: an opened stream, also one from before a crash,
                # is given its final text here.
                writes.append(_say_instead(part))
        return text, writes

    def voice(self, voice: Attachment, after: int) -> list[Write]:
        """The outbox writes that send the answer as a voice message too, below its text.

        Args:
            after: how many parts the text has.
        """
        message = OutMessage(attachments=(voice,))
        rendered = self._renderer.render(message, self._conversation)
        now = self._clock.micros()
        return [
            Emit(
                part=Part(
                    id=f"{self._ref}.voice.{number}",
                    run_id=self._run_id,
                    conversation=self._conversation,
                    index=after + number,
                    payload=one.payload,
                    text=one.text,
                    created_at=now,
                )
            )
            for number, one in enumerate(rendered)
        ]

    def paused(self) -> list[Write]:
        """The outbox writes that leave what was shown as a finished message while the run waits."""
        if self._part is None or not self._visible:
            return []
        message = OutMessage(text=self._redactor.text(self._visible), reply_to=self._reply_to)
        rendered = self._renderer.render(message, self._conversation)[0]
        return [_say_instead(msgspec.structs.replace(self._part, payload=rendered.payload, text=rendered.text))]

    def close(self) -> None:
        if self._waiting_for_id is not None:
            self._outbox.unwatch(self.part_id)


def _say_instead(part: Part) -> SetPart:
    """Give an emitted part its final text.

    First words that the platform refused, or that may or may not have arrived, are no reason to lose the answer: it
    is then a new message, beside at most the beginning of itself.
    """
    return SetPart(
        part_id=part.id,
        state="pending",
        at=part.created_at,
        payload=part.payload,
        text=part.text,
        if_state=("pending", "sending", "sent", "failed", "unknown"),
    )


class TypingKeeper:
    """Shows activity at once and keeps it up; always gone when the block ends."""

    def __init__(
        self,
        conversation: Conversation,
        adapter: Callable[[], Adapter | None],
        clock: Clock,
        spawn: Callable[..., asyncio.Task[None]],
    ):
        self._conversation = conversation
        self._adapter = adapter
        self._clock = clock
        self._spawn = spawn
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        adapter = self._adapter()
        if adapter is not None:
            lasts_s = adapter.capabilities(self._conversation).typing_s
            if lasts_s > 0:
                self._task = self._spawn(self._keep(lasts_s))
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _keep(self, lasts_s: float) -> None:
        with suppress(asyncio.CancelledError):
            while (adapter := self._adapter()) is not None:
                try:
                    await adapter.typing(self._conversation)
                except Exception as error:
                    _log.debug("typing_failed", conversation=self._conversation.key, detail=type(error).__name__)
                await self._clock.sleep(max(1.0, lasts_s * 0.8))
