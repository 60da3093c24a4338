"""A person on a platform and a bot behind the real engine, journal and outbox: what all platforms' tests begin with."""

from __future__ import annotations

__all__ = ["Desk", "DiscordDesk", "SlackDesk", "TelegramDesk", "WhatsAppDesk"]

from abc import abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Generic, Self, TypeVar

from pydantic import BaseModel

from adapters.discord import Discord
from adapters.slack import Slack
from adapters.telegram import Telegram
from adapters.whatsapp import WhatsApp
from botkit.core.config.models import DiscordChannel, SlackChannel, TelegramChannel, WhatsAppChannel
from botkit.sdk import Adapter
from botkit.sdk.adapter import HttpRequest
from botkit.testing.discord import FakeDiscord
from botkit.testing.site import Loopback
from botkit.testing.slack import FakeSlack
from botkit.testing.telegram import FakeTelegram
from botkit.testing.whatsapp import FakeCloud
from tests.engine.support import Host, World, a_config
from tests.runs.support import memory_home

Fake = TypeVar("Fake", bound=Loopback)


class DeskHost(Host):
    """A host that knows secrets by their names."""

    secrets: Mapping[str, str]

    async def secret(self, name: str) -> str:
        return self.secrets[name.lower()]


class Desk(Generic[Fake]):
    """The bot `desk` on one platform. What a subclass says is how that platform does things."""

    platform: ClassVar[str]
    secrets: ClassVar[Mapping[str, str]]
    """Key in bots.yaml → the secret."""
    hears_edits: ClassVar[bool] = True
    hears_deletions: ClassVar[bool] = True
    has_groups: ClassVar[bool] = True
    public_url: ClassVar[str] = ""

    def __init__(self, world: World, fake: Fake):
        self.world = world
        self.fake = fake
        world.make_adapter = self._make_adapter
        self.configure()

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncGenerator[Self]:
        """Started; ends with the block."""
        with memory_home() as home:
            world = World(home)
            async with cls.make_fake(world) as fake:
                desk = cls(world, fake)
                await desk.start()
                try:
                    yield desk
                finally:
                    await desk.adapter.stop()
                    await world.close()

    @classmethod
    @abstractmethod
    def make_fake(cls, world: World) -> Fake: ...

    @abstractmethod
    def make(self, channel: dict[str, Any], host: Host) -> Adapter:
        """The adapter for a channel with these keys."""

    @property
    def channel(self) -> dict[str, Any]:
        """The channel as bots.yaml has it."""
        return {"platform": self.platform, **{key: {"secret": key.upper()} for key in self.secrets}}

    def configure(self, *, stream: bool = True, **more: Any) -> None:
        self.world.config = a_config(channel=self.channel, bot={"stream": stream}, **more)

    def _make_adapter(self) -> Adapter:
        host = DeskHost(self.world, self.world.clock, public_url=self.public_url)
        host.secrets = self.secrets
        channel = {**self.channel, "bot": "desk", "dm_policy": "open", "api_base": self.fake.api_base}
        self.adapter = self.make(channel, host)
        return self.adapter

    async def start(self) -> None:
        await self.world.start()

    async def crash(self) -> None:
        await self.adapter.stop()
        await self.world.crash()

    async def until(self, found: Callable[[], Any]) -> Any:
        return await self.fake.wait_for(found)

    # --- what people do, the same on each ---------------------------------------------------------------

    @abstractmethod
    def texts(self) -> list[str]:
        """What the bot said."""

    def say(self, text: str, *, who: str = "Ada") -> Any:
        people: Any = self.fake
        return people.say(who, text)

    def say_in_group(self, text: str, *, who: str = "Ada") -> Any:
        raise AssertionError(f"no groups on {self.platform}")

    def mention(self) -> str:
        return "@Desk"

    def edit(self, message: Any, text: str) -> None:
        people: Any = self.fake
        people.edit(message, text)

    def delete(self, message: Any) -> None:
        people: Any = self.fake
        people.delete(message)

    def redeliver(self) -> None:
        people: Any = self.fake
        people.redeliver()


def _valid(model: type[BaseModel], channel: dict[str, Any]) -> Any:
    return model.model_validate(channel)


class TelegramDesk(Desk[FakeTelegram]):
    platform = "telegram"
    secrets = {"token": "4242:fake-telegram-token"}
    hears_deletions = False
    """The Bot API tells of none."""

    @classmethod
    def make_fake(cls, world: World) -> FakeTelegram:
        return FakeTelegram()

    def make(self, channel: dict[str, Any], host: Host) -> Adapter:
        return Telegram("fake", _valid(TelegramChannel, channel), host)

    def texts(self) -> list[str]:
        return self.fake.texts()

    def mention(self) -> str:
        return "@desk_bot"

    def say_in_group(self, text: str, *, who: str = "Ada") -> Any:
        group = next((chat for chat in self.fake.world.chats.values() if chat.kind == "supergroup"), None)
        return self.fake.say(who, text, group or self.fake.group())


class DiscordDesk(Desk[FakeDiscord]):
    """With a server `Team` and its channel `general`."""

    platform = "discord"
    secrets = {"token": "fake-discord-token"}

    def __init__(self, world: World, fake: FakeDiscord):
        super().__init__(world, fake)
        self.general = fake.channel(fake.guild("Team"), "general")

    @classmethod
    def make_fake(cls, world: World) -> FakeDiscord:
        return FakeDiscord(clock=world.clock)

    def make(self, channel: dict[str, Any], host: Host) -> Adapter:
        return Discord("fake", _valid(DiscordChannel, channel), host)

    def texts(self) -> list[str]:
        return self.fake.texts()

    def say_in_group(self, text: str, *, who: str = "Ada") -> Any:
        return self.fake.say(who, text, self.general)


class SlackDesk(Desk[FakeSlack]):
    """With the channel `general`."""

    platform = "slack"
    secrets = {"bot_token": FakeSlack.bot_token, "app_token": FakeSlack.app_token}

    def __init__(self, world: World, fake: FakeSlack):
        super().__init__(world, fake)
        self.general = fake.channel("general")

    @classmethod
    def make_fake(cls, world: World) -> FakeSlack:
        return FakeSlack(clock=world.clock)

    def make(self, channel: dict[str, Any], host: Host) -> Adapter:
        return Slack("fake", _valid(SlackChannel, channel), host)

    def texts(self) -> list[str]:
        return self.fake.texts()

    def say_in_group(self, text: str, *, who: str = "Ada") -> Any:
        return self.fake.say(who, text, self.general)


class WhatsAppDesk(Desk[FakeCloud]):
    """By Meta's Cloud API, which tells of no edits and no deletions, and has no groups for us."""

    platform = "whatsapp"
    secrets = {
        "access_token": FakeCloud.token,
        "app_secret": FakeCloud.app_secret,
        "verify_token": FakeCloud.verify_token,
    }
    hears_edits = hears_deletions = has_groups = False
    public_url = "https://bots.example"

    @classmethod
    def make_fake(cls, world: World) -> FakeCloud:
        return FakeCloud(clock=world.clock)

    @property
    def channel(self) -> dict[str, Any]:
        return {**super().channel, "phone_number_id": FakeCloud.number_id}

    def make(self, channel: dict[str, Any], host: Host) -> Adapter:
        adapter = WhatsApp("fake", _valid(WhatsAppChannel, channel), host)

        async def push(request: HttpRequest) -> int:
            return (await adapter.webhook(request)).status

        self.fake.push = push
        return adapter

    async def crash(self) -> None:
        self.fake.push = None
        await super().crash()

    def texts(self) -> list[str]:
        return self.fake.texts()
