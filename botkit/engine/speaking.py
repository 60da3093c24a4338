"""Answers as voice messages, beside the text: spoken once, stored by reference, sent in the platform's own form."""

from __future__ import annotations

__all__ = ["Speaking", "Voiced"]

from typing import TYPE_CHECKING

import structlog

from botkit.core.data import Data
from botkit.core.errors import BotkitError, BudgetUsedUp
from botkit.core.events import Attachment, Conversation
from botkit.core.journal import PutFile
from botkit.core.models import Usage
from botkit.engine.effective import Effective
from botkit.engine.hearing import booked, reserved
from botkit.engine.services import Services
from botkit.engine.turn import TurnInput
from botkit.runs.context import RunContext, StepScope, Stopped

if TYPE_CHECKING:
    from botkit.core.config import Config

_log = structlog.get_logger("botkit.engine")

_STEP = "speech"
_ENDINGS = {"audio/ogg": "ogg", "audio/mpeg": "mp3", "audio/wav": "wav", "audio/flac": "flac", "audio/mp4": "m4a"}


class Voiced(Data):
    """An answer as a voice message."""

    voice: Attachment | None = None
    problem: str = ""
    """Why there is none."""
    model: str = ""
    usage: Usage = Usage()


class Speaking:
    """Speaks the answers of bots with `voice`."""

    def __init__(self, services: Services):
        self._s = services

    async def spoken(
        self, ctx: RunContext, text: str, turn: TurnInput, this: Effective, config: Config, conversation: Conversation
    ) -> Voiced:
        """The answer as a stored voice message. Nothing that goes wrong here keeps the text from being sent."""
        settings, speech = config.settings.speech, self._s.speech
        if speech is None or settings.synthesis is None or not _wanted(turn, this):
            return Voiced()
        if not self._s.channels.renderer(ctx.run.channel).capabilities(conversation).files:
            return Voiced(problem="the platform takes no files")
        from botkit.engine.spoken_text import spoken_text  # with its parser, where answers are spoken

        words = spoken_text(self._s.redactor.text(text))
        if not words or len(words) > settings.longest_chars:
            return Voiced(problem="it is too long to be listened to" if words else "there is nothing to say")
        model = settings.synthesis

        async def work(scope: StepScope) -> Voiced:
            charge = await reserved(ctx, scope.key, this.bot.workspace, speech.speaking_micros(model, len(words)))
            try:
                spoken = await speech.speak(
                    model,
                    words,
                    voice=settings.voice or "",
                    timeout_s=settings.timeout_s,
                    workspace=this.bot.workspace,
                )
                limit_bytes = config.settings.file_limit_bytes
                file_id, size_bytes, sha256 = await self._s.files.put(spoken.data, limit_bytes=limit_bytes)
            except BotkitError as error:
                _log.warning("answer_not_spoken", run=ctx.run.id, model=model, code=error.code, detail=str(error))
                scope.write(*booked(self._s, ctx, scope.key, this, model, Usage(), charge, code=error.code))
                return Voiced(problem=f"speech failed ({error.code})", model=model)
            name = f"voice.{_ENDINGS.get(spoken.mime, 'bin')}"
            at = self._s.clock.micros()
            kept = PutFile(
                file_id=file_id,
                lane=ctx.run.lane,
                person_id=ctx.run.person_id,
                name=name,
                mime=spoken.mime,
                size_bytes=size_bytes,
                sha256=sha256,
                at=at,
            )
            paid = booked(
                self._s, ctx, scope.key, this, spoken.model, spoken.usage, charge, latency_ms=spoken.latency_ms
            )
            scope.write(kept, *paid)
            voice = Attachment(
                kind="voice",
                name=name,
                mime=spoken.mime,
                size_bytes=size_bytes,
                duration_s=spoken.seconds,
                file_id=file_id,
            )
            return Voiced(voice=voice, model=spoken.model, usage=spoken.usage)

        try:
            return await ctx.step(_STEP, work, kind=Voiced, name="speech")
        except BudgetUsedUp as error:
            return Voiced(problem=str(error), model=model)
        except Stopped:  # the answer is there already; only its voice is not wanted any more
            return Voiced(problem="it was stopped")


def _wanted(turn: TurnInput, this: Effective) -> bool:
    spoken_to = any(item.kind == "voice" for item in turn.attachments)
    return this.bot.voice == "always" or (this.bot.voice == "when_spoken_to" and spoken_to)
