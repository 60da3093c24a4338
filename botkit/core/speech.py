"""Speech: words from a sound, and a sound from words."""

from __future__ import annotations

__all__ = ["Heard", "Speech", "Spoken"]

from typing import Protocol

from botkit.core.data import Data
from botkit.core.models import Usage


class Heard(Data):
    """What was said in a recording."""

    text: str
    language: str = ""
    """ISO 639-1, where the model tells."""
    seconds: float = 0.0
    """How long it lasts: what was paid for."""
    model: str = ""
    """The one that listened, after fallbacks."""
    usage: Usage = Usage()
    """Its cost; sound counts by its length, so there are no tokens."""
    latency_ms: float = 0.0
    attempts: int = 1


class Spoken(Data):
    """Words as a sound. Never journaled: the bytes go to the file store."""

    data: bytes
    mime: str
    seconds: float = 0.0
    """0 where the file does not say."""
    model: str = ""
    usage: Usage = Usage()
    latency_ms: float = 0.0
    attempts: int = 1


class Speech(Protocol):
    """Models that listen and speak. Every call may be repeated."""

    def hears(self, model: str, mime: str) -> bool:
        """Whether a language model takes a sound of this kind itself."""
        ...

    def listening_micros(self, model: str, seconds: float) -> int:
        """What it costs at most to listen that long."""
        ...

    def speaking_micros(self, model: str, chars: int) -> int:
        """What it costs at most to speak that many characters."""
        ...

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
        """The words of a recording; an empty text where none were made out.

        Args:
            model: alias or LiteLLM name.
            seconds: how long it lasts, by the platform; 0: unknown.
            language: ISO 639-1; a hint.
            workspace: on whose behalf.

        Raises:
            ModelError: neither it nor its fallbacks could.
        """
        ...

    async def speak(
        self, model: str, text: str, *, voice: str = "", timeout_s: float = 60.0, workspace: str = ""
    ) -> Spoken:
        """A text as a voice message, Ogg with Opus where the model can.

        Args:
            voice: as the model names it; its own first one when empty.

        Raises:
            ModelError: neither it nor its fallbacks could.
        """
        ...
