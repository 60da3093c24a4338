"""Voice messages on every platform, there and back, offline: heard, answered in text and aloud, once each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from botkit.cli.trace import describe_trace
from botkit.core.silence import silence_saying, words_in
from tests.app.media_desk import PLATFORM_NAMES, MediaDesk

OFFLINE = {"transcription": "demo/offline", "synthesis": "demo/offline"}
VOICE = {"telegram": "voice", "discord": "voice", "slack": "file", "whatsapp": "voice"}


def config_of(speech: dict[str, Any] | None = None, **bot: Any) -> dict[str, Any]:
    desk = {"model": "demo/offline", "stream": False, **bot}
    return {"bots": {"desk": desk}, "settings": {"speech": speech if speech is not None else OFFLINE}}


async def test_a_voice_message_is_heard_and_answered_aloud_on_every_platform(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with MediaDesk.open(folder, config_of(voice="when_spoken_to"), monkeypatch) as desk:
        for platform in PLATFORM_NAMES:
            desk.speak(platform, silence_saying("Hello there"))
        for platform in PLATFORM_NAMES:
            _, sound = await desk.answered(platform, 2)
            kind, data = desk.sound_of(platform, sound)
            assert kind == VOICE[platform]
            spoken = words_in(data) or ""
            assert "demo model of botkit" in spoken
            assert "**" not in spoken, "it is read aloud"
            assert "No tools are connected here" in desk.chats[platform].shown("Ada")[0].text
            desk.write(platform, "thanks")
        for platform in PLATFORM_NAMES:
            assert len(await desk.answered(platform, 3)) == 3, "what was typed is answered in writing alone"
        spoken_to = [one for one in await desk.traces() if one.trace.run.run.input.get("attachments")]
        assert len(spoken_to) == 4
        for view in spoken_to:
            names = [step.name for step in view.trace.run.steps.values()]
            assert (names.count("transcription"), names.count("speech")) == (1, 1)
            assert "> [heard by demo/offline, 0.74 s] Hello there" in "\n".join(map(str, describe_trace(view)))
            assert "OggS" not in repr(view), "no row holds the sound"


@pytest.mark.parametrize("platform", PLATFORM_NAMES)
async def test_where_nothing_listens_the_person_is_told_in_their_language(
    platform: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of({})
    config["settings"]["locale"] = "de"
    async with MediaDesk.open(folder, config, monkeypatch, platform) as desk:
        desk.speak(platform, silence_saying("Hallo"))
        await desk.answered(platform, 1)
        assert desk.chats[platform].shown("Ada")[0].text.startswith("Sprachnachrichten kann ich hier nicht anhören")
        (view,) = await desk.traces()
        assert view.trace.models == (), "no model was asked"


async def test_a_recording_nobody_understands_is_answered_and_the_next_message_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with MediaDesk.open(folder, config_of(), monkeypatch, "telegram") as desk:
        desk.speak("telegram", b"OggS" + bytes(80))
        await desk.answered("telegram", 1)
        desk.speak("telegram", silence_saying(" "))
        await desk.answered("telegram", 2)
        desk.write("telegram", "hello")
        await desk.answered("telegram", 3)
        first, second, third = (one.text for one in desk.chats["telegram"].shown("Ada"))
        assert first.startswith("I could not listen to your voice message just now.")
        assert second.startswith("I could not make out any words")
        assert "demo model" in third


async def test_a_voice_message_too_long_is_not_listened_to(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with MediaDesk.open(folder, config_of({**OFFLINE, "longest_s": 90}), monkeypatch, "telegram") as desk:
        note = silence_saying("Hello")
        desk.chats["telegram"].fake.send_file("Ada", note, kind="voice", name="v.ogg", mime="audio/ogg", duration=91)
        await desk.answered("telegram", 1)
        assert "too long for me: I listen to 1.5 minutes" in desk.chats["telegram"].shown("Ada")[0].text
