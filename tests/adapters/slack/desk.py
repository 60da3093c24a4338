"""A bot on Slack behind the real engine, journal and outbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.slack import Slack
from botkit.core.config.models import SecretRef, SlackChannel
from botkit.testing.slack import FakeSlack
from tests.engine.support import Host, World, a_config

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
