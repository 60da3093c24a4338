"""Voice messages in the engine: nothing lost and nothing twice wherever the process dies, and paid for in time."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from botkit.core.budgets import Charge, Payer
from botkit.core.config import Config
from botkit.core.errors import BudgetUsedUp, ModelUnavailable, StoreError
from botkit.core.events import Attachment
from botkit.core.models import Usage
from botkit.core.speech import Heard, Spoken
from botkit.testing.platform import PLAIN, FakeAdapter
from botkit.workflows.graph import GraphNode
from tests.engine.support import Host, World, a_config
from tests.engine.test_workflows import greet, with_workflow
from tests.runs.support import memory_home

VOICE = Attachment(kind="voice", name="v.ogg", mime="audio/ogg", duration_s=2, remote="r1")
PHOTO = Attachment(kind="image", name="p.png", mime="image/png", remote="r2")
SPEECH = {"transcription": "ears/one", "synthesis": "mouth/one"}


class Radio:
    """Listens and speaks. `hears` is what every recording says; an exception is what happens instead."""

    def __init__(self, hears: str | Exception = "Where is it?"):
        self.hears_: str | Exception = hears
        self.heard: list[dict[str, Any]] = []
        self.spoken: list[str] = []
        self.native = False

    def hears(self, model: str, mime: str) -> bool:
        return self.native

    def listening_micros(self, model: str, seconds: float) -> int:
        return round(seconds * 100)

    def speaking_micros(self, model: str, chars: int) -> int:
        return chars

    async def hear(self, model: str, data: bytes, **more: Any) -> Heard:
        self.heard.append({"model": model, "data": data, **more})
        if isinstance(self.hears_, Exception):
            raise self.hears_
        return Heard(text=self.hears_, seconds=2, model=model, usage=Usage(cost_micros=200))

    async def speak(self, model: str, text: str, **more: Any) -> Spoken:
        self.spoken.append(text)
        return Spoken(
            data=b"OggS" + text.encode(), mime="audio/ogg", seconds=1, model=model, usage=Usage(cost_micros=7)
        )


class Platform(FakeAdapter):
    """One with files."""

    async def fetch(self, attachment: Attachment) -> AsyncGenerator[bytes]:
        yield b"OggS" + attachment.remote.encode()


def voice_world(home: Path, radio: Radio, *, speech: dict[str, Any] | None = None, **bot: Any) -> World:
    world = World(home)
    world.speech = radio
    world.platform.capabilities = msgspec.structs.replace(PLAIN, files=True)
    world.make_adapter = lambda: Platform("fake", None, Host(world, world.clock), platform=world.platform)
    world.config = config_of(speech, **bot)
    return world


def config_of(speech: dict[str, Any] | None = None, **bot: Any) -> Config:
    return a_config(bot={"voice": "when_spoken_to", **bot}, settings={"speech": SPEECH if speech is None else speech})


def voices(world: World) -> list[dict[str, Any]]:
    """Voice messages that arrived, each once for each time it did."""
    return [
        item for part in world.platform.sends for item in part.payload.get("attachments", ()) if item["kind"] == "voice"
    ]


async def rows(world: World) -> list[tuple[str, str]]:
    (run, *_) = await world.runs()
    return [(row.role, row.text) for row in await world.store.journal.history(run.session_id, before_seq=99, limit=99)]


@pytest.mark.parametrize("death", range(1, 9))
async def test_a_voice_turn_survives_death_at_every_commit(death: int):
    with memory_home() as home:
        radio = Radio()
        world = voice_world(home, radio)
        await world.start()
        commits: list[str] = []

        def fault(name: str, args: tuple[Any, ...]) -> Exception | None:
            if name == "commit":
                commits.append(name)
            return StoreError("the process dies here") if name == "commit" and len(commits) >= death else None

        world.journal.fault = fault
        event = world.platform.event("", attachments=(VOICE,))
        await world.platform.deliver(event)
        await world.until(lambda: world.journal.failed or len(world.platform.messages) == 2)
        await world.crash()
        await world.start()
        await world.settle()

        first, second = world.texts
        assert first.startswith("You said: Where is it?"), world.texts
        assert second == ""
        assert len(voices(world)) == 1
        assert len(radio.heard) <= 2, "again only if its commit was lost"
        assert len(radio.spoken) <= 2
        remembered = await rows(world)
        assert [role for role, _ in remembered] == ["user", "assistant"]
        assert remembered[0] == ("user", "Where is it?")
        assert [run.state for run in await world.runs()] == ["completed"]
        await world.close()


async def test_what_was_said_is_remembered_in_words_and_files_by_reference(tmp_path: Path):
    world = voice_world(tmp_path / "home", Radio("Where is it?"), voice="never")
    await world.start()
    await world.platform.deliver(world.platform.event("Hello", attachments=(PHOTO,)))
    await world.settle()
    await world.platform.deliver(world.platform.event("", attachments=(VOICE,)))
    await world.settle()
    await world.ask("And now?")

    messages = world.model.requests[-1].messages
    assert [str(one["content"])[:40] for one in messages if one["role"] == "user"][1:] == [
        "Where is it?\n[attached voice: v.ogg, aud",
        "And now?",
    ]
    shown: list[Any] = next(cast("list[Any]", one["content"]) for one in messages if isinstance(one["content"], list))
    assert shown[1]["kind"] == "image", "the picture is shown again"
    assert "OggS" not in repr(messages)
    assert world.platform.messages[-1].text == "You said: And now?"
    await world.close()


async def test_the_bot_hears_in_the_language_of_the_person_and_pays_for_it(tmp_path: Path):
    radio = Radio()
    world = voice_world(tmp_path / "home", radio, speech={**SPEECH, "language": "pt-BR"})
    await world.start()
    await world.platform.deliver(world.platform.event("", attachments=(VOICE,)))
    await world.settle()

    assert (radio.heard[0]["language"], radio.heard[0]["model"]) == ("pt", "ears/one")
    (run,) = await world.runs()
    trace = await world.ports.records.trace(run.id)
    assert trace is not None
    booked = {one.model: (one.usage.cost_micros, one.step) for one in trace.models}
    assert booked["ears/one"] == (200, "files/0/heard")
    assert booked["mouth/one"] == (7, "speech")
    assert run.usage.cost_micros == sum(cost for cost, _ in booked.values())
    await world.close()


class Empty:
    """A purse for words, and nothing for sound."""

    active = True

    async def reserve_sound(self, payer: Payer, *, run_id: str, step: str, micros: int) -> Charge | None:
        raise BudgetUsedUp(f"no money for {micros}", limit="budget", value="b", resets_at=0)

    async def reserve_model(self, payer: Payer, **more: Any) -> Charge | None:
        return None

    async def reserve_tool(self, payer: Payer, **more: Any) -> Charge | None:
        return None

    def priced(self, model: str, usage: Usage) -> Usage:
        return usage

    async def left(self, payer: Payer) -> tuple[()]:
        return ()


async def test_without_money_nothing_is_heard_and_the_person_is_told(tmp_path: Path):
    radio = Radio()
    world = voice_world(tmp_path / "home", radio)
    await world.start()
    world.engine.lanes.spending = Empty()
    await world.platform.deliver(world.platform.event("", attachments=(VOICE,)))
    await world.settle()

    assert radio.heard == []
    assert world.texts == ["I can't answer that now: the budget for this is used up."]
    await world.close()


async def test_without_money_an_answer_is_written_alone(tmp_path: Path):
    radio = Radio()
    world = voice_world(tmp_path / "home", radio, voice="always")
    await world.start()
    world.engine.lanes.spending = Empty()
    await world.ask("Hello")

    assert (radio.spoken, world.texts) == ([], ["You said: Hello"])
    (run,) = await world.runs()
    assert "no money" in (run.output or {})["unspoken"]
    await world.close()


async def test_a_platform_without_files_gets_text(tmp_path: Path):
    radio = Radio()
    world = voice_world(tmp_path / "home", radio, voice="always")
    world.platform.capabilities = PLAIN
    await world.start()
    await world.ask("Hello")

    assert (radio.spoken, world.texts) == ([], ["You said: Hello"])
    await world.close()


@pytest.mark.parametrize("answer", ["x" * 1501, "```\nonly code\n```"])
async def test_what_nobody_would_listen_to_is_written_alone(tmp_path: Path, answer: str):
    radio = Radio()
    world = voice_world(tmp_path / "home", radio, voice="always")
    world.script.append(answer)
    await world.start()
    await world.ask("Hello")

    assert radio.spoken == []
    assert "".join(world.texts) == answer
    await world.close()


async def test_words_beside_a_recording_nobody_heard_are_answered(tmp_path: Path):
    world = voice_world(tmp_path / "home", Radio(ModelUnavailable("down", model="ears/one")), voice="never")
    await world.start()
    await world.platform.deliver(world.platform.event("Please", attachments=(VOICE,)))
    await world.settle()

    (text,) = world.texts
    assert "You said: Please" in text
    assert "could not be read: transcription failed (model_unavailable)" in text
    assert text.endswith("*(I could not look into: v.ogg.)*")
    await world.close()


@pytest.mark.parametrize(("native", "guarded", "transcribed"), [(True, False, 0), (True, True, 1), (False, False, 1)])
async def test_a_model_that_hears_is_given_the_sound_unless_its_words_are_checked(
    tmp_path: Path, native: bool, guarded: bool, transcribed: int
):
    radio = Radio()
    radio.native = native
    rails: dict[str, Any] = {"guardrails": {"input": {"injection": "flag"}}} if guarded else {}
    world = voice_world(tmp_path / "home", radio, voice="never", **rails)
    await world.start()
    await world.platform.deliver(world.platform.event("", attachments=(VOICE,)))
    await world.settle()

    assert len(radio.heard) == transcribed
    content = world.model.requests[0].messages[-1]["content"]
    assert isinstance(content, list) == (not transcribed), content
    await world.close()


async def test_a_question_can_be_answered_aloud_and_with_a_file(tmp_path: Path):
    radio = Radio("blue, please")
    world = voice_world(tmp_path / "home", radio, voice="never")
    ask, told = GraphNode(id="ask", type="question"), greet("told", "It is {{ ask }}")
    with_workflow(world, ask, told, edges="ask.reply>told", settings={"speech": SPEECH})
    await world.start()
    await world.ask("start")
    assert world.texts == ["Which colour?"]

    await world.platform.deliver(world.platform.event("", attachments=(VOICE,)))
    await world.settle()

    assert world.texts == ["Which colour?", "It is blue, please"]
    (run,) = await world.runs()
    opened = await world.journal.load_run(run.id)
    assert opened is not None
    (wait,) = opened.waits
    keys = [key for key in opened.steps if key.startswith("answers/")]
    assert sorted(key.rpartition("files/")[2] for key in keys) == ["0", "0/heard"]
    assert (wait.answer or {})["text"] == "", "what arrived is kept as it arrived"
    assert run.usage.cost_micros == 200
    await world.close()


@pytest.mark.parametrize("shown", [True, False])
async def test_a_workflow_may_show_a_model_what_came_with_the_message(tmp_path: Path, shown: bool):
    world = voice_world(tmp_path / "home", Radio(), voice="never")
    look = GraphNode(id="look", type="llm_call", data={"prompt": "What is it?", "files": shown})
    with_workflow(world, look, greet("told", "{{ look.text }}"), edges="look>told")
    world.script.append("A teapot.")
    await world.start()
    await world.platform.deliver(world.platform.event("", attachments=(PHOTO,)))
    await world.settle()

    assert world.texts == ["A teapot."]
    content = world.model.requests[0].messages[-1]["content"]
    assert isinstance(content, list) == shown
    assert ("attached image: p.png" in str(content)) == shown
    await world.close()
