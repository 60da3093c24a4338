"""A visitor and a bot behind the real engine, journal and outbox: what survives a kill, and what is told after it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from adapters.web import Web
from botkit.core.config.models import WebChannel
from botkit.core.events import Conversation
from botkit.core.recall import Recalled
from botkit.testing.web import Served, Visitor
from tests.adapters.web.emulator import SITE
from tests.engine.support import Host, World, a_config
from tests.runs.support import memory_home

CHANNEL = {"platform": "web", "dm_policy": "open", "allowed_origins": [SITE]}


class EngineHost(Host):
    def signing_keys(self) -> Sequence[bytes]:
        return [b"k" * 32]

    async def recall(self, conversation: Conversation, user_ids: Sequence[str], limit: int) -> Recalled:
        store = self.world.store
        return await store.conversations.recall(conversation.channel, conversation.key, user_ids, limit=limit)


class Desk:
    """The bot `desk` on a web site."""

    def __init__(self, world: World, served: Served):
        self.world = world
        self.served = served
        world.config = a_config(channel=CHANNEL, bot={"stream": True})

    async def start(self) -> None:
        await self.world.start()
        config = WebChannel(platform="web", bot="desk", allowed_origins=(SITE,), messages_per_minute=600)
        self.adapter = Web("fake", config, EngineHost(self.world, self.world.clock))
        self.world._adapter = self.adapter  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]  # the world's own adapter is an in-memory one
        await self.adapter.start()
        self.served.adapter = self.adapter
        await self.world.engine.channel_started("fake")

    async def crash(self) -> None:
        """The process dies: connections break, nothing is said or stored any more."""
        self.served.adapter = None
        self.adapter.closing()
        await self.world.crash()
        await self.adapter.stop()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    with memory_home() as home:
        world = World(home)
        async with Served() as served:
            desk = Desk(world, served)
            await desk.start()
            yield desk
            served.adapter = None
            await desk.adapter.stop()
            await world.close()


@pytest.fixture
async def ada(desk: Desk) -> AsyncIterator[Visitor]:
    async with Visitor(desk.served.base, origin=SITE) as visitor:
        yield visitor


def finished(visitor: Visitor) -> list[str]:
    return [one.text for one in visitor.messages("bot") if not one.data.get("live")]


async def test_a_message_sent_again_and_again_is_one_turn(desk: Desk, ada: Visitor) -> None:
    await ada.say("hello")
    for _ in range(100):
        answer = await ada.again()
        assert (answer.status_code, answer.json()["new"]) == (200, False)
    await ada.until(lambda: finished(ada) == ["You said: hello"])
    await desk.world.settle()
    assert len(await desk.world.runs()) == 1
    assert finished(ada) == ["You said: hello"]


async def test_an_answer_cut_off_by_a_kill_is_finished_and_told_to_who_comes_back(desk: Desk, ada: Visitor) -> None:
    await ada.say("first")
    await ada.until(lambda: finished(ada) == ["You said: first"])
    desk.world.gate.clear()
    await ada.say("second")
    await desk.world.asked(2)
    before = ada.resets
    await desk.crash()
    desk.world.gate.set()
    await desk.start()  # the visitor knocks by itself, with the id of the last frame it saw
    await ada.until(lambda: finished(ada) == ["You said: first", "You said: second"])
    await desk.world.settle()
    assert ada.resets == before
    assert [one.text for one in ada.messages("me")] == ["first", "second"]
    assert [run.state for run in await desk.world.runs()] == ["completed", "completed"]


async def test_a_stopped_answer_ends_as_one_message(desk: Desk, ada: Visitor) -> None:
    desk.world.gate.clear()
    await ada.say("a long story")
    await desk.world.asked()
    await ada.do("stop")
    desk.world.gate.set()
    await desk.world.settle()
    (run,) = await desk.world.runs()
    assert run.state == "cancelled"
    assert len(ada.messages("bot")) <= 1
    assert not [one for one in ada.messages("bot") if one.data.get("live")]


async def test_what_two_tabs_see_is_the_same(desk: Desk, ada: Visitor) -> None:
    other = Visitor(desk.served.base, origin=SITE)
    other.token = ada.token
    await other.begin()
    other.listen()
    await other.until(lambda: other.resets)
    await ada.say("hello")
    for tab in (ada, other):
        await tab.until(lambda tab=tab: finished(tab) == ["You said: hello"])
        assert [one.text for one in tab.messages("me")] == ["hello"]
    assert other.id == ada.id
    await other.close()
