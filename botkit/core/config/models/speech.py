"""`settings.speech`: how voice messages are heard and answered."""

from __future__ import annotations

__all__ = ["SpeaksWhen", "Speech"]

from typing import Literal

from pydantic import Field

from botkit.core.config.models.base import Float, Int, Language, Model, ModelName, Text

SpeaksWhen = Literal["never", "when_spoken_to", "always"]


class Speech(Model, frozen=True):
    """How voice messages are heard and answered."""

    transcription: ModelName | None = None
    """The model that writes down what people say, such as `openai/whisper-1`: an alias or a LiteLLM name. Absent: only
    bots whose own model hears can listen."""
    synthesis: ModelName | None = None
    """The model that speaks the answers of bots with `voice`, such as `openai/gpt-4o-mini-tts`."""
    voice: Text | None = None
    """The voice it speaks with, as the model names it; its usual one when absent."""
    language: Language = "auto"
    """The language people speak, such as `de`, told to `transcription` as a hint; `auto`: as for fixed sentences."""
    native: bool = True
    """Give recordings to bots whose own model hears, in place of a transcript. Where guardrails check messages, a team
    chooses who answers or a workflow reads them, there is a transcript in any case."""
    longest_s: Float = Field(default=600.0, gt=0, le=14_400)
    """Longest recording that is listened to, in seconds."""
    longest_chars: Int = Field(default=1500, ge=1, le=4096)
    """Longest answer that is spoken; a longer one is only written."""
    timeout_s: Float = Field(default=60.0, gt=0, le=600)
    """Seconds one recording, or one answer, may take."""
