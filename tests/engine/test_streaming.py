"""Streaming is a view: whatever happens while an answer is written, one message with the final text remains."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from botkit.core.errors import SendFailed
from botkit.core.models import ModelDelta, ModelReply
from botkit.testing.models import calls
from botkit.testing.platform import EDITING, LostAnswer
from tests.engine.support import World, a_config

LONG = "The quick brown fox jumps over the lazy dog and runs away into the wood."


class Piecewise:
    """A model that writes word by word, each when the test says so."""

    def __init__(self, world: World, *answers: str):
        self.world = world
        self.answers = list(answers)
        self.pieces: asyncio.Queue[str] = asyncio.Queue()
        self.requests: list[Any] = []

    def window_tokens(self, model: str) -> int:
        return 128_000

    def escalation(self, model: str) -> None:
        return None

    async def stream(self, request: Any) -> Any:
        self.requests.append(request)
        self.world.journal.changed()
        text = self.answers.pop(0)
        while (piece := await self.pieces.get()) != "":
            yield ModelDelta(text=piece)
        yield ModelReply(text=text, model="scripted/model")

    def write(self, *pieces: str) -> None:
        for piece in pieces:
            self.pieces.put_nowait(piece)

    def end(self) -> None:
        self.pieces.put_nowait("")


@pytest.fixture
def writer(world: World) -> Piecewise:
    """A world that streams by editing, and the model that writes in it."""
    model = Piecewise(world, LONG, LONG)
    world.model = model  # pyright: ignore[reportAttributeAccessIssue]  # a model of another kind
    world.platform.capabilities = EDITING
    return model


async def show_first_words(world: World, writer: Piecewise) -> None:
    await world.start()
    await world.platform.say("tell me")
    writer.write(LONG[:30])
    await world.platform.until(lambda: bool(world.platform.messages))
    await world.until(_is_sent(world))


def _is_sent(world: World) -> Any:
    async def condition() -> bool:
        return any(part.state == "sent" for part in await world.parts())

    return condition


async def test_one_message_grows_and_ends_with_the_final_text(world: World, writer: Piecewise):
    await show_first_words(world, writer)
    await world.clock.advance(1.1)
    writer.write(LONG[30:40])
    await world.platform.until(lambda: len(world.platform.messages[0].versions) == 2)
    writer.end()
    await world.settle()

    (message,) = world.platform.messages
    assert message.versions[0] == f"{LONG[:30]} ▌"
    assert message.versions[1] == f"{LONG[:40].strip()} ▌"
    assert message.text == LONG
    assert [part.state for part in await world.parts()] == ["sent"]


async def test_updates_keep_the_platforms_pace(world: World, writer: Piecewise):
    await show_first_words(world, writer)
    for character in LONG[30:]:
        writer.write(character)
    writer.end()
    await world.settle()

    assert len(world.platform.messages[0].versions) == 2, "the first words and the final text"


async def test_a_crash_in_the_middle_ends_with_the_same_message(world: World, writer: Piecewise):
    """Killed before the first step was committed: the turn begins again, and edits what it had shown."""
    await show_first_words(world, writer)
    await world.crash()
    await world.start()
    writer.write(LONG)
    writer.end()
    await world.settle()

    (message,) = world.platform.messages
    assert message.text == LONG
    assert [run.state for run in await world.runs()] == ["completed"]


async def test_a_crash_while_the_first_words_were_being_sent_keeps_no_answer_back(world: World, writer: Piecewise):
    world.platform.gate = asyncio.Event()
    await world.start()
    await world.platform.say("tell me")
    writer.write(LONG[:30])
    await world.platform.until(lambda: bool(world.platform.sends))
    await world.crash()
    world.platform.gate = None
    await world.start()
    writer.write(LONG)
    writer.end()
    await world.settle()

    assert [part.state for part in await world.parts()] == ["sent"]
    assert [part.text for part in await world.parts()] == [LONG]


async def test_first_words_that_could_not_be_shown_do_not_lose_the_answer(world: World, writer: Piecewise):
    world.platform.faults.append(SendFailed("cannot parse this"))
    await world.start()
    await world.platform.say("tell me")
    writer.write(LONG[:30])
    await world.until(_is(world, "failed"))
    writer.end()
    await world.settle()

    assert world.texts == [LONG]


def _is(world: World, state: str) -> Any:
    async def condition() -> bool:
        return any(part.state == state for part in await world.parts())

    return condition


async def test_a_preamble_to_tool_calls_is_replaced_by_the_answer(world: World):
    world.platform.capabilities = EDITING
    world.tools.add("shop__look", tool_class="read-only")
    world.script.append(calls(("shop__look", {}), text="Let me have a look at the shop for you."))
    world.script.append("There are three.")
    await world.start()
    await world.ask("how many?")

    assert world.texts == ["There are three."]


async def test_an_answer_after_a_pause_is_a_new_message_below_the_question(world: World):
    world.platform.capabilities = EDITING
    world.tools.add("shop__pay", approve=True)
    world.script.append(calls(("shop__pay", {}), text="I will ask a colleague about paying this for you."))
    world.script.append("It is paid, thank you.")
    await world.start()
    await world.ask("pay")
    (wait,) = await world.waits()
    assert not any("▌" in text for text in world.texts), "nothing looks as if it were still being written"
    await world.engine.decide(wait.id, approved=True, by="operator", via="cli")
    await world.settle()

    assert world.texts[-1] == "It is paid, thank you."
    assert "Approved" in world.texts[-2]
    assert [run.state for run in await world.runs()] == ["completed"]


async def test_a_long_answer_is_split_and_its_first_part_is_the_streamed_one(world: World, writer: Piecewise):
    world.platform.capabilities = msgspec.structs.replace(EDITING, text_limit=100)
    text = LONG * 4
    writer.answers = [text]
    await world.start()
    await world.platform.say("tell me")
    writer.write(text[:30])
    await world.platform.until(lambda: bool(world.platform.messages))
    writer.write(text[30:])
    writer.end()
    await world.settle()

    assert "".join(world.texts) == text
    assert len(world.texts) == 3


async def test_where_drafts_exist_nothing_is_sent_before_the_answer_is_done(world: World, writer: Piecewise):
    world.platform.capabilities = msgspec.structs.replace(EDITING, stream="draft")
    await world.start()
    await world.platform.say("tell me")
    writer.write(LONG[:30])
    await world.platform.until(lambda: bool(world.platform.drafts))
    assert world.platform.messages == []
    writer.end()
    await world.settle()

    assert world.texts == [LONG]
    assert len(world.platform.messages[0].versions) == 1


async def test_a_bot_may_be_told_not_to_stream(world: World, writer: Piecewise):
    world.config = a_config(bot={"stream": False})
    await world.start()
    await world.platform.say("tell me")
    await world.until(lambda: writer.requests)
    writer.write(LONG)
    writer.end()
    await world.settle()

    assert world.platform.messages[0].versions == [LONG]


async def test_an_edit_whose_answer_was_lost_is_repeated_safely(world: World, writer: Piecewise):
    await show_first_words(world, writer)
    world.platform.faults.append(LostAnswer())
    writer.end()
    await world.settle()

    assert world.texts == [LONG]
    assert [part.state for part in await world.parts()] == ["sent"]


async def test_it_types_while_it_works_and_stops_when_done(world: World):
    world.platform.capabilities = msgspec.structs.replace(world.platform.capabilities, typing_s=5.0)
    await world.start()
    world.gate.clear()
    await world.platform.say("hello")
    await world.platform.until(lambda: len(world.platform.typing) == 1)
    await world.clock.sleeping(4)  # timers, lease, the model's deadline, typing
    await world.clock.advance(4.1)
    await world.platform.until(lambda: len(world.platform.typing) == 2)
    world.gate.set()
    await world.settle()
    await world.clock.advance(60)

    assert len(world.platform.typing) == 2
