"""Pictures, documents and recordings on every platform, given to models through LiteLLM's real HTTP path."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from botkit.core.silence import silence_saying, words_in
from botkit.testing.llm import FakeLLM, Request, Status
from tests.agents.pictures import JPEG, PDF
from tests.app.media_desk import PLATFORM_NAMES, MediaDesk

pytestmark = [
    pytest.mark.slow,
    # LiteLLM's own: pydantic's remarks on its types, and its use of deprecated attributes of pydantic
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

PICTURE = "/9j/4AAQ"
"""How the picture begins on the wire."""
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.fixture
async def llm(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeLLM]:
    monkeypatch.setenv("LLM_KEY", "sk-test")
    async with FakeLLM() as server:
        yield server


def model(llm: FakeLLM, name: str, **more: Any) -> dict[str, Any]:
    return {"model": name, "api_base": llm.openai_url, "api_key": {"secret": "LLM_KEY"}, **more}


def config_of(llm: FakeLLM, *, bot: dict[str, Any] | None = None, **main: Any) -> dict[str, Any]:
    models = {
        "default": model(llm, "openai/gpt-4o", **main),
        "ears": model(llm, "openai/whisper-1"),
        "mouth": model(llm, "openai/gpt-4o-mini-tts"),
    }
    speech = {"transcription": "ears", "synthesis": "mouth", "voice": "coral"}
    desk = {"stream": False, "voice": "when_spoken_to", **(bot or {})}
    return {"models": models, "bots": {"desk": desk}, "settings": {"speech": speech}}


def asked(llm: FakeLLM) -> list[Request]:
    return [one for one in llm.requests if one.path.endswith("/chat/completions")]


def refusals(llm: FakeLLM) -> list[str]:
    return [one.refusal for one in llm.requests if one.refusal]


async def test_a_picture_from_every_platform_is_seen_and_seen_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, llm: FakeLLM
) -> None:
    async with MediaDesk.open(folder, config_of(llm), monkeypatch) as desk:
        for platform in PLATFORM_NAMES:
            llm.say("A tiny picture.").say("It was tiny.")
            desk.send(platform, JPEG, "photo.jpg", "image/jpeg", kind="image")
            await desk.answered(platform, 1)
            desk.write(platform, "What was it?")
            await desk.answered(platform, 2)
            assert [one.text for one in desk.chats[platform].shown("Ada")] == ["A tiny picture.", "It was tiny."]
            for request in asked(llm)[-2:]:
                assert PICTURE in json.dumps(request.body), "shown, and shown again with the next question"
        assert refusals(llm) == []
        for view in await desk.traces():
            assert PICTURE not in repr(view)


async def test_a_bot_that_cannot_see_says_so_on_every_platform(
    folder: Path, monkeypatch: pytest.MonkeyPatch, llm: FakeLLM
) -> None:
    async with MediaDesk.open(folder, config_of(llm, reads=[]), monkeypatch) as desk:
        for platform in PLATFORM_NAMES:
            llm.say("I see your message.")
            desk.send(platform, JPEG, "photo.jpg", "image/jpeg", kind="image")
            await desk.answered(platform, 1)
            (shown,) = desk.chats[platform].shown("Ada")
            assert "I could not look into:" in shown.text
            assert "[attached image" in json.dumps(asked(llm)[-1].body)


async def test_a_voice_message_is_transcribed_answered_spoken_and_paid_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, llm: FakeLLM
) -> None:
    async with MediaDesk.open(folder, config_of(llm), monkeypatch) as desk:
        for platform in PLATFORM_NAMES:
            llm.hears("Where is my order?").say("It is **on its way**.")
            desk.speak(platform, silence_saying("?" * 30))
            _, sound = await desk.answered(platform, 2)
            assert words_in(desk.sound_of(platform, sound)[1]) == "It is on its way."
            assert "Where is my order?" in json.dumps(asked(llm)[-1].body)
        assert refusals(llm) == []
        assert {one.body["voice"] for one in llm.requests if one.path.endswith("/speech")} == {"coral"}
        for view in await desk.traces():
            booked = {one.model: one.usage.cost_micros for one in view.trace.models}
            assert booked["openai/whisper-1"] == 200, "two seconds"
            assert booked["openai/gpt-4o-mini-tts"] > 0
            assert view.trace.run.run.usage.cost_micros == sum(booked.values())


async def test_a_failed_voice_leaves_the_text_and_a_failed_ear_an_excuse(
    folder: Path, monkeypatch: pytest.MonkeyPatch, llm: FakeLLM
) -> None:
    async with MediaDesk.open(folder, config_of(llm), monkeypatch, "telegram") as desk:
        llm.hears("Hello").say("Good morning.").speaks(Status(400, message="no"))
        desk.speak("telegram", silence_saying("Hello"))
        await desk.answered("telegram", 1)
        llm.hears(Status(400, message="no"))
        desk.speak("telegram", silence_saying("Hello"))
        await desk.answered("telegram", 3)
        first, second, spoken = desk.chats["telegram"].shown("Ada")
        assert first.text == "Good morning."
        assert second.text.startswith("I could not listen to your voice message just now.")
        assert words_in(spoken.message.file.data) == second.text, "an excuse is an answer too"


async def test_a_model_that_hears_gets_the_recording_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch, llm: FakeLLM
) -> None:
    config = config_of(llm)
    config["models"]["default"] = {
        "model": "gemini/gemini-2.5-flash",
        "api_base": llm.gemini_url,
        "api_key": {"secret": "LLM_KEY"},
    }
    async with MediaDesk.open(folder, config, monkeypatch, "whatsapp") as desk:
        llm.say("You said hello.")
        desk.speak("whatsapp", silence_saying("hello"))
        await desk.answered("whatsapp", 2)
        assert "audio/ogg" in json.dumps(llm.requests[0].body)
        assert [one.path for one in llm.requests][1:] == ["/v1/audio/speech"], "nobody transcribed it"


async def test_spoken_words_pass_the_guardrails(folder: Path, monkeypatch: pytest.MonkeyPatch, llm: FakeLLM) -> None:
    rules = {"rules": [{"name": "secret", "words": ["launch code"], "measure": "block"}]}
    config = config_of(llm, bot={"guardrails": {"input": rules, "fallback": "Not here."}})
    async with MediaDesk.open(folder, config, monkeypatch, "telegram") as desk:
        llm.hears("Tell me the launch code")
        desk.speak("telegram", silence_saying("x"))
        await desk.answered("telegram", 1)
        assert desk.chats["telegram"].shown("Ada")[0].text == "Not here."
        assert asked(llm) == [], "no model has read it"


async def test_a_document_is_read_as_data_and_a_scan_is_given_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch, llm: FakeLLM
) -> None:
    async with MediaDesk.open(folder, config_of(llm), monkeypatch) as desk:
        for platform in PLATFORM_NAMES:
            llm.say("Twelve.").say("A scan.")
            desk.send(platform, a_docx("The warranty lasts twelve months."), "terms.docx", DOCX)
            await desk.answered(platform, 1)
            assert "The warranty lasts twelve months." in json.dumps(asked(llm)[-1].body)
            assert "<attached_text>" in json.dumps(asked(llm)[-1].body)
            desk.send(platform, PDF, "scan.pdf", "application/pdf")
            await desk.answered(platform, 2)
            assert "JVBERi0xLjQ" in json.dumps(asked(llm)[-1].body), "no text could be read in it"
        assert refusals(llm) == []


async def test_an_album_is_one_message_and_what_no_model_reads_is_told_in_words(
    folder: Path, monkeypatch: pytest.MonkeyPatch, llm: FakeLLM
) -> None:
    async with MediaDesk.open(folder, config_of(llm), monkeypatch, "telegram") as desk:
        fake = desk.chats["telegram"].fake
        llm.say("Two pictures.")
        for number in range(2):
            picture = JPEG + bytes([number])
            fake.send_file("Ada", picture, kind="photo", name="p.jpg", mime="image/jpeg", album="a1")
        await desk.answered("telegram", 1)
        assert json.dumps(asked(llm)[-1].body).count(PICTURE) == 2

        llm.say("A video.").say("A place.").say("Somebody.").say("A smile.")
        fake.send_file("Ada", b"moving", kind="video", name="clip.mp4", mime="video/mp4")
        await desk.answered("telegram", 2)
        fake.send_other("Ada", "location", {"latitude": 48.1, "longitude": 11.5})
        await desk.answered("telegram", 3)
        fake.send_other("Ada", "contact", {"phone_number": "+491", "first_name": "Bo"})
        await desk.answered("telegram", 4)
        fake.send_file("Ada", b"RIFF", kind="sticker", name="s.webp", mime="image/webp")
        await desk.answered("telegram", 5)

        told = [str(one.body["messages"][-1]["content"]) for one in asked(llm)[1:]]
        expected = ("[attached video: clip.mp4", "latitude 48.1, longitude 11.5", "+491", "🙂")
        assert [words in one for words, one in zip(expected, told, strict=True)] == [True] * 4
        shown = [one.text for one in desk.chats["telegram"].shown("Ada")]
        assert shown[1:] == ["A video.\n\n(I could not look into: clip.mp4.)", "A place.", "Somebody.", "A smile."]


def a_docx(text: str) -> bytes:
    """A document of one paragraph, as small as one may be."""
    main = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    parts = {
        "[Content_Types].xml": '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/'
        'content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships'
        '+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        'wordprocessingml.document.main+xml"/></Types>',
        "_rels/.rels": '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
        'relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
        'relationships/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/document.xml": f'<?xml version="1.0"?><w:document xmlns:w="{main}"><w:body><w:p><w:r><w:t>{text}'
        "</w:t></w:r></w:p></w:body></w:document>",
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return packed.getvalue()
