"""A person on Slack and a bot behind the real engine, journal and outbox: what both of them see."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from adapters.slack import Slack
from botkit.core.config.models import SecretRef, SlackChannel
from botkit.testing.slack import FakeSlack
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

    async def start(self) -> None:
        await self.world.start()
        config = SlackChannel(
            platform="slack",
            bot="desk",
            dm_policy="open",
            bot_token=SecretRef(secret="BOT"),
            app_token=SecretRef(secret="APP"),
            api_base=self.fake.api_base,  # pyright: ignore[reportArgumentType]
        )
        self.adapter = Slack("fake", config, SlackHost(self.world, self.world.clock))
        self.world._adapter = self.adapter  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]  # the world's own adapter is an in-memory one
        await self.adapter.start()
        await self.world.engine.channel_started("fake")

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


async def test_a_command_is_answered(desk: Desk) -> None:
    desk.fake.command("Ada", "/desk", "whoami", desk.general)
    (answer,) = await desk.until(lambda: desk.fake.sent)
    await desk.world.settle()
    assert answer.shown.startswith("You are **Ada**")


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
