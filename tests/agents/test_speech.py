"""Listening and speaking through LiteLLM's real HTTP path, to a server as strict as the provider."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.agents.litellm_model import LiteLLMProvider
from botkit.agents.models import Models, RetryPolicy
from botkit.agents.speech import SpeechModels
from botkit.app.model_gate import ModelGate
from botkit.core.config.models.llm import ModelSpec, Price
from botkit.core.errors import ModelError, ModelRefused, ModelUnavailable
from botkit.core.silence import silence_saying, words_in
from botkit.testing.clock import ManualClock
from botkit.testing.llm import FakeLLM, Status

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.slow,
    # LiteLLM's own: pydantic's remarks on its types, and its use of deprecated attributes of pydantic
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

NOTE = silence_saying("Where is my order?")
"""A voice note of 1.2 s."""
EARS = "openai/whisper-1"
VOICE = "openai/gpt-4o-mini-tts"


class Impatient(ManualClock):
    """Sleeps end at once."""

    async def sleep(self, seconds: float) -> None:
        return


def speech_of(llm: FakeLLM, provider: LiteLLMProvider, **models: Any) -> SpeechModels:
    async def key(secret: str, *_: Any) -> str:
        return "sk-test"

    specs: dict[str, ModelSpec] = {}
    for name, given in models.items():
        fields = {"model": given} if isinstance(given, str) else given
        own = {"api_base": llm.openai_url, "api_key": {"secret": "KEY"}}
        specs[name] = ModelSpec.model_validate({**own, **fields})
    clock = Impatient()
    found = Models(lambda: specs, key, clock, retry=RetryPolicy(attempts=2), provider=provider)
    return SpeechModels(found, clock, ModelGate(found, lambda: 4))


async def hear(speech: SpeechModels, model: str = "ears", name: str = "voice.oga", **more: Any):
    return await speech.hear(model, NOTE, name=name, mime="audio/ogg", **more)


@pytest.mark.parametrize("name", [EARS, "openai/gpt-4o-mini-transcribe"])
async def test_a_voice_note_is_written_down_and_paid_for_by_its_length(
    llm: FakeLLM, provider: LiteLLMProvider, name: str
):
    llm.hears(" Where is my order? ")

    heard = await hear(speech_of(llm, provider, ears=name), language="de")

    assert (heard.text, heard.model, heard.seconds) == ("Where is my order?", name, 1.2)
    assert heard.usage.cost_micros == {EARS: 120}.get(name, 60)
    (request,) = llm.requests
    assert (request.refusal, request.body["language"]) == ("", "de")
    assert request.body["file"] == {"name": "voice.ogg", "size": len(NOTE)}


async def test_own_prices_count_and_an_unknown_one_is_said(llm: FakeLLM, provider: LiteLLMProvider):
    speech = speech_of(
        llm, provider, ears={"model": "openai/own", "price": {"per_second": 0.01}}, other="openai/nobody-knows"
    )

    assert (await hear(speech)).usage.cost_micros == 12_000
    assert speech.listening_micros("ears", 60) == 600_000
    assert (await hear(speech, "other")).usage.unpriced


async def test_what_may_pass_is_tried_again_and_then_the_next_model(llm: FakeLLM, provider: LiteLLMProvider):
    llm.hears(Status(500), Status(429), "Hello")
    speech = speech_of(llm, provider, ears={"model": EARS, "fallbacks": ["other"]}, other="openai/gpt-4o-transcribe")

    heard = await hear(speech)

    assert (heard.text, heard.model, heard.attempts) == ("Hello", "openai/gpt-4o-transcribe", 3)


async def test_a_refusal_is_told_without_the_key(llm: FakeLLM, provider: LiteLLMProvider):
    llm.hears(Status(401, message="Incorrect API key provided: sk-test"))

    with pytest.raises(ModelRefused) as caught:
        await hear(speech_of(llm, provider, ears=EARS))

    assert "sk-test" not in str(caught.value)


async def test_an_answer_is_spoken_as_a_voice_message(llm: FakeLLM, provider: LiteLLMProvider):
    speech = speech_of(llm, provider, voice=VOICE, other="openai/tts-1")

    spoken = await speech.speak("voice", "It is on its way.", voice="coral")

    assert (spoken.mime, spoken.model) == ("audio/ogg", VOICE)
    assert words_in(spoken.data) == "It is on its way."
    assert spoken.usage.cost_micros == 285, "by the second of sound"
    assert (await speech.speak("other", "It is on its way.")).usage.cost_micros == 255, "by the character"
    assert [one.body["voice"] for one in llm.requests] == ["coral", "alloy"]
    assert {one.body["response_format"] for one in llm.requests} == {"opus"}


async def test_an_answer_that_is_no_sound_is_a_failure(llm: FakeLLM, provider: LiteLLMProvider):
    llm.speaks(b"<html>", b"<html>")

    with pytest.raises(ModelUnavailable, match="no sound"):
        await speech_of(llm, provider, voice=VOICE).speak("voice", "Hello")


async def test_the_silence_saying_silence_with_words_and_hears_nothing_else(llm: FakeLLM, provider: LiteLLMProvider):
    speech = speech_of(llm, provider, demo={"model": "demo/offline", "api_base": None, "api_key": None})

    spoken = await speech.speak("demo", "Good morning")
    heard = await speech.hear("demo", spoken.data, name="v.ogg", mime=spoken.mime)

    assert (heard.text, spoken.seconds) == ("Good morning", 0.8)
    with pytest.raises(ModelError, match="cannot hear"):
        await speech.hear("demo", b"OggS" + bytes(50), name="v.ogg", mime="audio/ogg")


async def test_what_hears_is_known_by_model_and_format(llm: FakeLLM, provider: LiteLLMProvider):
    speech = speech_of(llm, provider, deaf="openai/gpt-4o", own={"model": "openai/gpt-4o", "reads": ["audio"]})

    assert speech.hears("gemini/gemini-2.5-flash", "audio/ogg")
    assert not speech.hears("deaf", "audio/ogg")
    assert not speech.hears("own", "audio/ogg"), "OpenAI's models take wav and mp3"
    assert speech.hears("own", "audio/mpeg")


@pytest.mark.parametrize(("given", "problem"), [
    ({"input_per_million": 1}, "output_per_million is missing"),
    ({}, "input_per_million is missing"),
])  # fmt: skip
async def test_a_price_says_all_or_is_one_of_speech(given: dict[str, Any], problem: str):
    with pytest.raises(ValueError, match=problem):
        Price.model_validate(given)
    assert Price.model_validate({"per_second": 0.0001}).output_per_million == 0
