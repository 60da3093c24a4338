"""Writing first to a person, in private, where the platform names the chat otherwise than the person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from adapters.discord import Discord
from adapters.slack import Slack
from adapters.whatsapp import WhatsApp
from botkit.core.config.models import DiscordChannel, SecretRef, SlackChannel, WhatsAppChannel
from botkit.core.events import Conversation
from botkit.core.journal import Emit
from botkit.core.messages import OutMessage, Part
from botkit.testing.discord import FakeDiscord
from botkit.testing.models import calls
from botkit.testing.slack import FakeSlack
from tests.engine.support import Host, World, a_config
from tests.runs.support import memory_home

SECRETS = {"BOT": FakeSlack.bot_token, "APP": FakeSlack.app_token, "TOKEN": "fake-discord-token"}


class Named(Host):
    async def secret(self, name: str) -> str:
        return SECRETS[name]


@dataclass
class Desk:
    """A bot whose approvers are asked in private, on one of the platforms."""

    world: World
    fake: FakeDiscord | FakeSlack
    boss: str
    """The platform's id of the approver, who never wrote to the bot."""
    adapter: Discord | Slack | None = None

    async def start(self) -> None:
        people = {"boss": {"roles": ["admin"], "identities": {"fake": [self.boss]}}}
        platform = {"platform": "discord", "token": {"secret": "TOKEN"}}
        if isinstance(self.fake, FakeSlack):
            platform = {"platform": "slack", "bot_token": {"secret": "BOT"}, "app_token": {"secret": "APP"}}
        self.world.config = a_config(channel=platform, people=people, settings={"approvals": {"channel": "fake"}})
        await self.world.start()
        host, base = Named(self.world, self.world.clock), self.fake.api_base
        shared: dict[str, Any] = {"bot": "desk", "dm_policy": "open", "api_base": base}
        if isinstance(self.fake, FakeDiscord):
            config = DiscordChannel(platform="discord", token=SecretRef(secret="TOKEN"), **shared)
            self.adapter = Discord("fake", config, host)
        else:
            tokens: dict[str, Any] = {"bot_token": SecretRef(secret="BOT"), "app_token": SecretRef(secret="APP")}
            self.adapter = Slack("fake", SlackChannel(platform="slack", **tokens, **shared), host)
        self.world._adapter = self.adapter  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]  # the world's own adapter is an in-memory one
        await self.adapter.start()
        await self.world.engine.channel_started("fake")

    async def stop(self) -> None:
        assert self.adapter is not None
        await self.adapter.stop()

    def shown(self, who: str) -> list[Any]:
        """What the bot wrote in the private chat with somebody, besides answers to pressed buttons."""
        room = self.fake.dm(who)
        return [one for one in self.fake.sent if _room_of(one) == room.id and not one.seen_by]


def _room_of(message: Any) -> Any:
    return message.channel_id if hasattr(message, "channel_id") else message.room.id


@pytest.fixture(params=["discord", "slack"])
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    with memory_home() as home:
        world = World(home)
        if request.param == "discord":
            async with FakeDiscord(clock=world.clock) as fake:
                desk = Desk(world, fake, str(fake.user("Boss").id))
                await desk.start()
                yield desk
                await desk.stop()
                await world.close()
        else:
            async with FakeSlack(clock=world.clock) as fake:
                desk = Desk(world, fake, fake.person("Boss").id)
                await desk.start()
                yield desk
                await desk.stop()
                await world.close()


async def test_an_approver_who_never_wrote_is_asked_decides_and_sees_it_also_after_a_restart(desk: Desk) -> None:
    world, fake = desk.world, desk.fake
    world.tools.add("orders__refund", approve=True, order="string")
    world.script.extend([calls(("orders__refund", {"order": "ORD-1"})), "Refunded."])
    fake.say("Ada", "refund please")
    await fake.wait_for(lambda: desk.shown("Boss"))
    await world.settle()
    await desk.stop()
    await world.crash()
    await desk.start()
    (request,) = desk.shown("Boss")
    fake.press("Boss", request, "Approve")
    await fake.wait_for(lambda: not desk.shown("Boss")[0].labels)
    await world.settle()

    assert len(world.tools.effects) == 1
    assert [one.shown if hasattr(one, "shown") else one.content for one in desk.shown("Ada")][-1] == "Refunded."
    assert len(desk.shown("Boss")) == 1


async def test_somebody_the_platform_does_not_know_is_given_up(desk: Desk) -> None:
    assert desk.adapter is not None
    unknown = "U9999999" if isinstance(desk.fake, FakeSlack) else "99999999999"
    room = desk.adapter.direct_room(unknown)
    where = Conversation(channel="fake", room=room, kind="dm")
    (rendered,) = desk.adapter.render(OutMessage(text="hello"), where)
    part = Part(id="p0", conversation=where, text=rendered.text, payload=rendered.payload)
    await desk.world.ports.journal.commit(None, [Emit(part=part)])
    desk.world.engine.outbox.kick(where.key)
    await desk.world.settle()

    assert [one.id for one in await desk.world.parts("failed")] == ["p0"]
    assert desk.fake.sent == []


async def test_what_is_no_id_of_a_person_has_no_private_chat(desk: Desk) -> None:
    assert desk.adapter is not None
    assert [desk.adapter.direct_room(name) for name in ("", "ada", "C0001")] == ["", "", ""]


def test_whatsapp_has_no_other_chat_with_a_person() -> None:
    config = WhatsAppChannel.model_construct(platform="whatsapp", provider="cloud")
    adapter = WhatsApp("wa", config, Named(World.__new__(World), None))  # pyright: ignore[reportArgumentType]
    assert adapter.direct_room("15550001") == "15550001"
