"""A person on Slack and a bot behind the real engine, journal and outbox: what both of them see."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from adapters.slack import Slack
from botkit.core.config.models import SecretRef, SlackChannel
from botkit.testing.slack import FakeMessage, FakeSlack
from tests.engine.support import Host, World, a_config
from tests.runs.support import memory_home

CHANNEL = {
    "platform": "slack",
    "bot_token": {"secret": "BOT"},
    "app_token": {"secret": "APP"},
}


class SlackHost(Host):
    async def secret(self, name: str) -> str:
        return {"BOT": FakeSlack.bot_token, "APP": FakeSlack.app_token}[name]


class Desk:
    """The bot `desk` on Slack, with the channel `general`."""

    def __init__(self, world: World, fake: FakeSlack):
        self.world = world
        self.fake = fake
        self.general = fake.channel("general")
        world.config = a_config(channel=CHANNEL, bot={"stream": True})
        world.make_adapter = self._make_adapter

    def _make_adapter(self) -> Slack:
        config = SlackChannel(
            platform="slack",
            bot="desk",
            dm_policy="open",
            bot_token=SecretRef(secret="BOT"),
            app_token=SecretRef(secret="APP"),
            api_base=self.fake.api_base,  # pyright: ignore[reportArgumentType]
        )
        self.adapter = Slack("fake", config, SlackHost(self.world, self.world.clock))
        return self.adapter

    async def start(self) -> None:
        await self.world.start()

    async def crash(self) -> None:
        await self.adapter.stop()
        await self.world.crash()

    async def until(self, found: Callable[[], Any]) -> Any:
        return await self.fake.wait_for(found)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    with memory_home() as home:
        world = World(home)
        async with FakeSlack(clock=world.clock) as fake:
            desk = Desk(world, fake)
            await desk.start()
            yield desk
            await desk.adapter.stop()
            await world.close()


async def test_a_private_message_is_answered_once_also_when_it_comes_twice(desk: Desk) -> None:
    desk.fake.say("Ada", "hello")
    await desk.until(lambda: desk.fake.sent)
    desk.fake.redeliver()
    desk.fake.say("Ada", "and now?")
    await desk.until(lambda: len(desk.fake.sent) == 2)
    await desk.world.settle()
    assert desk.fake.texts() == ["You said: hello", "You said: and now?"]


async def test_a_mention_is_answered_in_its_thread_and_the_talk_goes_on_there(desk: Desk) -> None:
    desk.fake.say("Ada", "lunch?", desk.general)
    asked = desk.fake.say("Bob", "@Desk where is it?", desk.general)
    await desk.until(lambda: desk.fake.sent)
    await desk.world.settle()
    desk.fake.say("Bob", "and when?", desk.general, thread=asked)
    await desk.until(lambda: len(desk.fake.sent) == 2)
    await desk.world.settle()
    assert {message.thread_ts for message in desk.fake.sent} == {asked.ts}
    assert desk.fake.texts() == ["You said: Bob: @Desk where is it?", "You said: Bob: and when?"]
    assert len({run.lane for run in await desk.world.runs()}) == 1
    assert "ignored: not addressed" in await desk.world.outcomes()


async def test_an_answer_is_one_message_that_grows(desk: Desk) -> None:
    desk.world.gate.clear()  # after the first word, which is long enough to be shown
    desk.world.script.append("A-beginning-that-is-long-enough, and here is how it ends.")
    desk.fake.say("Ada", "tell me")
    (begun,) = await desk.until(lambda: desk.fake.sent)
    assert begun.shown == "A-beginning-that-is-long-enough, ▌"
    desk.world.gate.set()
    await desk.until(lambda: desk.fake.sent[0].shown.endswith("how it ends."))
    await desk.world.settle()
    (answer,) = desk.fake.sent
    assert answer.edits[0].endswith("▌")


async def test_a_command_is_answered_to_who_used_it(desk: Desk) -> None:
    desk.fake.command("Ada", "/desk", "whoami", desk.general)
    (answer,) = await desk.until(lambda: desk.fake.sent)
    await desk.world.settle()
    assert answer.shown.startswith("You are **Ada**")
    assert answer.seen_by == desk.fake.person("Ada").id
    assert desk.fake.responses.answered == 1


async def test_an_answer_whose_arrival_nobody_confirmed_is_looked_up(desk: Desk) -> None:
    desk.fake.drop_after()
    desk.fake.say("Ada", "hello")
    await desk.until(lambda: desk.fake.sent)
    while not await desk.world.parts("sent"):
        await desk.world.clock.advance(1)
    await desk.world.settle()
    assert desk.fake.texts() == ["You said: hello"]
    (part,) = await desk.world.parts("sent")
    assert part.message_id == desk.fake.sent[0].ts


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_crash_before_the_answer_was_confirmed_leaves_one_message(desk: Desk, *, arrives: bool) -> None:
    hold = desk.fake.hold(method="chat.postMessage")
    desk.world.config = a_config(channel=CHANNEL, bot={"stream": False})
    desk.fake.say("Ada", "hello")
    await hold.reached.wait()
    if not arrives:
        desk.fake.drop_before(method="chat.postMessage")
        hold.released.set()
        await desk.until(lambda: desk.fake.called("chat.postMessage"))
    await desk.crash()
    hold.release()
    if arrives:
        await desk.until(lambda: desk.fake.sent)
    await desk.world.clock.advance(3600)
    await desk.start()
    await desk.until(lambda: desk.fake.sent)
    await desk.world.settle()
    assert desk.fake.texts() == ["You said: hello"]
    assert await desk.world.parts("unknown") == []


async def test_what_was_asked_while_the_bot_was_down_is_answered_when_it_is_back(desk: Desk) -> None:
    await desk.crash()
    desk.fake.say("Ada", "anybody there?")
    await desk.start()
    await desk.until(lambda: desk.fake.sent)
    await desk.world.settle()
    assert desk.fake.texts() == ["You said: anybody there?"]


async def _begun_in_a_thread(desk: Desk) -> tuple[FakeMessage, FakeMessage]:
    """A mention, and the answer to it of which the first words are shown."""
    desk.world.gate.clear()
    desk.world.script.append("A-beginning-that-is-long-enough, and here is how it ends.")
    asked = desk.fake.say("Ada", "@Desk tell me", desk.general)
    (begun,) = await desk.until(lambda: desk.fake.sent)
    assert (begun.shown, begun.streaming_since > 0) == ("A-beginning-that-is-long-enough,", True)
    assert asked.status == "processing"
    return asked, begun


async def test_c27_an_answer_in_a_thread_is_a_stream_for_who_asked(desk: Desk) -> None:
    asked, begun = await _begun_in_a_thread(desk)
    desk.world.gate.set()
    await desk.until(lambda: begun.shown.endswith("how it ends."))
    await desk.world.settle()
    assert desk.fake.sent == [begun]
    assert (begun.streaming_since, asked.status) == (0.0, "active")
    (started,) = desk.fake.called("chat.startStream")
    assert started.args["recipient_user_id"] == asked.sender.id
    assert not [edit for edit in begun.edits if "▌" in edit]


async def _is_sent(desk: Desk) -> bool:
    return bool(await desk.world.parts("sent"))


@pytest.mark.parametrize("expired", [True, False])
async def test_s10_a_crash_in_the_middle_of_a_stream_ends_in_the_same_message(desk: Desk, *, expired: bool) -> None:
    _, begun = await _begun_in_a_thread(desk)
    await desk.world.until(lambda: _is_sent(desk))
    await desk.crash()
    if expired:
        await desk.world.clock.advance(400)
    desk.world.script.append("A-beginning-that-is-long-enough, and here is how it ends.")
    desk.world.gate.set()
    await desk.start()
    await desk.until(lambda: begun.shown.endswith("how it ends."))
    await desk.world.settle()
    assert desk.fake.sent == [begun]
    assert begun.streaming_since == 0


async def test_s10_a_crash_before_the_start_of_a_stream_was_confirmed_leaves_one_message(desk: Desk) -> None:
    hold = desk.fake.hold(method="chat.startStream")
    desk.world.gate.clear()
    desk.world.script.append("A-beginning-that-is-long-enough, and here is how it ends.")
    desk.fake.say("Ada", "@Desk tell me", desk.general)
    await hold.reached.wait()
    await desk.crash()
    hold.release()
    (begun,) = await desk.until(lambda: desk.fake.sent)
    desk.world.script.append("A-beginning-that-is-long-enough, and here is how it ends.")
    desk.world.gate.set()
    await desk.start()
    await desk.until(lambda: begun.shown.endswith("how it ends."))
    await desk.world.settle()
    assert desk.fake.sent == [begun]


async def test_the_stop_button_stops_the_model_and_keeps_what_was_said(desk: Desk) -> None:
    asked, begun = await _begun_in_a_thread(desk)
    desk.fake.stop("Ada", asked)
    await desk.until(lambda: begun.edits)
    await desk.world.settle()
    assert begun.shown.startswith("A-beginning-that-is-long-enough,")
    assert "how it ends" not in begun.shown
    assert [run.state for run in await desk.world.runs()] == ["cancelled"]
    assert desk.fake.sent == [begun]
