"""Models that listen and speak, through LiteLLM: tried like any other, priced by the second and by the character.

Source: https://docs.litellm.ai/docs/audio_transcription and https://docs.litellm.ai/docs/text_to_speech
"""

# LiteLLM's annotations are loose: what it answers comes through as Unknown or Any
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

__all__ = ["SpeechModels"]

import math
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import msgspec

from botkit.agents.library_call import call_library
from botkit.agents.litellm_model import LiteLLMProvider, Target
from botkit.agents.media import audio_formats, sound_format, takes_by_table
from botkit.agents.models import Models
from botkit.agents.price_list import facts_of
from botkit.core.clock import Clock
from botkit.core.config.models.llm import ModelSpec
from botkit.core.errors import ModelRefused, ModelUnavailable
from botkit.core.models import Usage
from botkit.core.silence import SILENCE_MIME, silence_saying, words_in
from botkit.core.sound import guessed_seconds, sound_mime, sound_seconds
from botkit.core.speech import Heard, Spoken

_DEMO = "demo/"
_DEMO_VOICE = "demo/offline"
_SPOKEN_CHARS_PER_S = 12.0
"""Slow speech: what spoken text lasts at most, for models that are paid for by the second."""
_USUAL_VOICE = "alloy"
"""Of OpenAI's models, which want to be told one."""
_NAMED_VOICES = ("openai", "azure")
_ENDINGS = {"ogg": ".ogg", "wav": ".wav", "mp3": ".mp3", "flac": ".flac", "aac": ".m4a", "aiff": ".aiff"}
_OTHER_ENDINGS = {"audio/mp4": ".m4a", "audio/x-m4a": ".m4a", "audio/webm": ".webm", "video/mp4": ".mp4"}
_KNOWN_ENDINGS = (".flac", ".mp3", ".mp4", ".mpeg", ".mpga", ".m4a", ".ogg", ".wav", ".webm")


class Gate(Protocol):
    """Places for calls under way; the others wait."""

    def place(self, model: str) -> AbstractAsyncContextManager[None]:
        """A place at a model, by LiteLLM's name."""
        ...


class SpeechModels:
    """Implements `botkit.core.speech.Speech`.

    Args:
        gate: limits the calls of one model at once.
    """

    def __init__(self, models: Models, clock: Clock, gate: Gate):
        self._models = models
        self._clock = clock
        self._gate = gate

    def hears(self, model: str, mime: str) -> bool:
        spec = self._models.spec(model)
        takes = takes_by_table(spec.model) if spec.reads is None else frozenset(spec.reads)
        return "audio" in takes and sound_format(mime) in audio_formats(spec.model)

    def listening_micros(self, model: str, seconds: float) -> int:
        return max(math.ceil(_listening(spec) * seconds) for spec in self._models.chain(model))

    def speaking_micros(self, model: str, chars: int) -> int:
        seconds = chars / _SPOKEN_CHARS_PER_S
        return max(math.ceil(_speaking(spec, chars, seconds)) for spec in self._models.chain(model))

    async def hear(
        self,
        model: str,
        data: bytes,
        *,
        name: str,
        mime: str,
        seconds: float = 0.0,
        language: str = "",
        timeout_s: float = 60.0,
        workspace: str = "",
    ) -> Heard:
        lasts_s = sound_seconds(data) or seconds or guessed_seconds(len(data))
        file = (_file_name(name, mime), data, mime or "application/octet-stream")

        async def once(provider: LiteLLMProvider, spec: ModelSpec, target: Target, limit_s: float) -> Heard:
            if spec.model.startswith(_DEMO):
                return _demo_heard(data, spec, lasts_s)
            hint = {"language": language} if language else {}
            call = {"file": file, **hint}
            answer = await self._called(provider, target, "atranscription", call, limit_s)
            heard_s = float(getattr(answer, "duration", None) or 0) or lasts_s
            cost = math.ceil(_listening(spec) * heard_s)
            return Heard(
                text=str(getattr(answer, "text", "") or "").strip(),
                language=language or str(getattr(answer, "language", "") or ""),
                seconds=round(heard_s, 2),
                model=spec.model,
                usage=Usage(cost_micros=cost, estimated=True, unpriced=spec.price is None and not cost),
            )

        heard, attempts, took_ms = await self._tried(model, once, timeout_s=timeout_s, workspace=workspace)
        return msgspec.structs.replace(heard, attempts=attempts, latency_ms=took_ms)

    async def speak(
        self, model: str, text: str, *, voice: str = "", timeout_s: float = 60.0, workspace: str = ""
    ) -> Spoken:
        async def once(provider: LiteLLMProvider, spec: ModelSpec, target: Target, limit_s: float) -> Spoken:
            if spec.model.startswith(_DEMO):
                data = silence_saying(text)
                return Spoken(data=data, mime=SILENCE_MIME, seconds=sound_seconds(data), model=_DEMO_VOICE)
            named = voice or str(target.params.get("voice") or "")
            if not named and target.provider in _NAMED_VOICES:
                named = _USUAL_VOICE
            call: dict[str, Any] = {"response_format": "opus", "input": text}
            call |= {"voice": named} if named else {}
            answer = await self._called(provider, target, "aspeech", call, limit_s)
            data = bytes(answer.content)
            mime = sound_mime(data)
            if not mime:
                raise ModelUnavailable(f"{target.name} answered something that is no sound.", model=target.name)
            seconds = sound_seconds(data)
            cost = math.ceil(_speaking(spec, len(text), seconds or len(text) / _SPOKEN_CHARS_PER_S))
            usage = Usage(cost_micros=cost, estimated=True, unpriced=spec.price is None and not cost)
            return Spoken(data=data, mime=mime, seconds=round(seconds, 2), model=spec.model, usage=usage)

        spoken, attempts, took_ms = await self._tried(model, once, timeout_s=timeout_s, workspace=workspace)
        return msgspec.structs.replace(spoken, attempts=attempts, latency_ms=took_ms)

    async def _tried(self, model: str, once: Any, *, timeout_s: float, workspace: str) -> tuple[Any, int, float]:
        started = self._clock.monotonic()
        answer, attempts = await self._models.tried(model, once, timeout_s=timeout_s, workspace=workspace)
        return answer, attempts, (self._clock.monotonic() - started) * 1000

    async def _called(
        self, provider: LiteLLMProvider, target: Target, function: str, call: dict[str, Any], limit_s: float
    ) -> Any:
        """One call of LiteLLM. Raises `ModelError`, translated."""
        await provider.load()  # takes seconds the first time, in which others may use the place
        async with self._gate.place(target.name):
            return await call_library(provider, target, function, call, limit_s=limit_s)


def _demo_heard(data: bytes, spec: ModelSpec, seconds: float) -> Heard:
    words = words_in(data)
    if words is None:
        raise ModelRefused(
            "demo/offline cannot hear: it reads only what it spoke itself. Name a model that transcribes in "
            "settings.speech.transcription.",
            model=spec.model,
        )
    usage = Usage(cost_micros=math.ceil(_listening(spec) * seconds))  # free, unless somebody tries budgets with it
    return Heard(text=words.strip(), seconds=round(seconds, 2), model=spec.model, usage=usage)


def _listening(spec: ModelSpec) -> float:
    """Micros for a second that is heard; 0 where nobody knows."""
    if spec.price is not None:
        return float(spec.price.per_second or 0) * 1_000_000
    return facts_of(spec.model).listening_price


def _speaking(spec: ModelSpec, chars: int, seconds: float) -> float:
    """Micros for a text that is spoken; 0 where nobody knows."""
    if spec.price is not None:
        return chars * float(spec.price.per_million_characters or 0) + seconds * float(spec.price.per_second or 0) * 1e6
    by_char, by_second = facts_of(spec.model).speaking_prices
    return chars * by_char if by_char else seconds * by_second


def _file_name(name: str, mime: str) -> str:
    """Providers tell the format by the ending; `.oga`, as some platforms write, is not among theirs."""
    if name.casefold().endswith(_KNOWN_ENDINGS):
        return name
    ending = _ENDINGS.get(sound_format(mime)) or _OTHER_ENDINGS.get(mime) or ".ogg"
    return f"{name.rpartition('.')[0] or name or 'voice'}{ending}"
