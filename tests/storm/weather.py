"""Platforms in bad weather: what a storm needs of each fake, under one shape."""

from __future__ import annotations

__all__ = ["PLATFORMS", "Weather"]

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Literal

from botkit.app.serve import Serving
from botkit.testing.discord import FakeDiscord
from botkit.testing.slack import FakeSlack
from botkit.testing.telegram import FakeTelegram
from botkit.testing.whatsapp import FakeCloud, FakeTwilio

PUBLIC = "https://bots.example.com"
_HOOK = "/api/bots/webhook/whatsapp/far"


class Weather(ABC):
    """One platform with people on it, whose every next send can be troubled."""

    settings: str
    """The channel's own keys in bots.yaml."""
    variables: dict[str, str]
    """Secrets, as environment variables."""
    doubt: Literal["any", "absent", "none"] = "any"
    """What may stay unknown when no answer came: any message, only those that did not arrive, or none."""

    @abstractmethod
    def say(self, who: str, text: str) -> None: ...

    @abstractmethod
    def read(self, who: str) -> list[str]:
        """What the bot wrote to somebody, oldest first."""

    def calm(self) -> bool:
        """Whether all that people wrote was delivered, so that a repetition is one."""
        return True

    @abstractmethod
    def redeliver(self) -> None:
        """Deliver the newest message once more."""

    @abstractmethod
    def slow_down(self) -> None:
        """The next send is answered with a rate limit of a second."""

    @abstractmethod
    def lose_request(self) -> None:
        """The connection of the next send breaks before anything happened."""

    @abstractmethod
    def lose_answer(self) -> None:
        """The connection of the next send breaks after the message was shown."""

    @abstractmethod
    def break_after(self) -> None:
        """The next send takes effect and is answered with a server error."""

    def connect(self, serving: Serving) -> None:  # noqa: B027 - only some need it
        """The instance runs now."""


class Telegram(Weather):
    def __init__(self, fake: FakeTelegram):
        self.fake = fake
        self.settings = f"platform: telegram, token: {{secret: FAR_TOKEN}}, api_base: {fake.api_base}"
        self.variables = {"FAR_TOKEN": fake.token}

    def say(self, who: str, text: str) -> None:
        self.fake.say(who, text)

    def read(self, who: str) -> list[str]:
        return self.fake.texts(self.fake.dm(who))

    def calm(self) -> bool:
        return not self.fake.queue.pending and not self.fake.queue.repeats

    def redeliver(self) -> None:
        self.fake.redeliver()

    def slow_down(self) -> None:
        self.fake.rate_limit(1, 1, method="sendMessage")

    def lose_request(self) -> None:
        self.fake.drop_before(method="sendMessage")

    def lose_answer(self) -> None:
        self.fake.drop_after(method="sendMessage")

    def break_after(self) -> None:
        self.fake.fail(applied=True, method="sendMessage")


class Discord(Weather):
    doubt = "none"

    def __init__(self, fake: FakeDiscord):
        self.fake = fake
        self.settings = f"platform: discord, token: {{secret: FAR_TOKEN}}, api_base: {fake.api_base}"
        self.variables = {"FAR_TOKEN": fake.token}

    def say(self, who: str, text: str) -> None:
        self.fake.say(who, text)

    def read(self, who: str) -> list[str]:
        channel = self.fake.dm(who).id
        return [message.content for message in self.fake.sent if message.channel_id == channel]

    def redeliver(self) -> None:
        self.fake.redeliver()

    def slow_down(self) -> None:
        self.fake.rate_limit(1, 1)

    def lose_request(self) -> None:
        self.fake.drop_before()

    def lose_answer(self) -> None:
        self.fake.drop_after()

    def break_after(self) -> None:
        self.fake.fail(applied=True)


class Slack(Weather):
    doubt = "none"  # each message is looked up

    def __init__(self, fake: FakeSlack):
        self.fake = fake
        self.settings = (
            f"platform: slack, bot_token: {{secret: FAR_TOKEN}}, app_token: {{secret: FAR_APP}}, "
            f"api_base: {fake.api_base}"
        )
        self.variables = {"FAR_TOKEN": fake.bot_token, "FAR_APP": fake.app_token}

    def say(self, who: str, text: str) -> None:
        self.fake.say(who, text)

    def read(self, who: str) -> list[str]:
        room = self.fake.dm(who)
        return [message.shown for message in self.fake.sent if message.room is room]

    def calm(self) -> bool:
        return not self.fake.outbox.unanswered

    def redeliver(self) -> None:
        self.fake.redeliver()

    def slow_down(self) -> None:
        self.fake.rate_limit(1, 1)

    def lose_request(self) -> None:
        self.fake.drop_before()

    def lose_answer(self) -> None:
        self.fake.drop_after()

    def break_after(self) -> None:
        self.fake.fail("", applied=True, status=502)


class WhatsApp(Weather):
    doubt = "absent"  # of the others, reports tell

    def __init__(self, fake: FakeCloud | FakeTwilio):
        self.fake = fake
        where = f"platform: whatsapp, api_base: {fake.api_base}"
        if isinstance(fake, FakeCloud):
            self.settings = (
                f'{where}, phone_number_id: "{fake.number_id}", access_token: {{secret: FAR_TOKEN}}, '
                "app_secret: {secret: FAR_APP}, verify_token: {secret: FAR_VERIFY}"
            )
        else:
            self.settings = (
                f"{where}, provider: twilio, account_sid: {fake.account_sid}, "
                f'auth_token: {{secret: FAR_TOKEN}}, number: "{fake.number}"'
            )
        self.variables = {
            "FAR_TOKEN": fake.token,
            "FAR_APP": FakeCloud.app_secret,
            "FAR_VERIFY": FakeCloud.verify_token,
        }

    def say(self, who: str, text: str) -> None:
        self.fake.say(who, text)

    def read(self, who: str) -> list[str]:
        return [message.text for message in self.fake.sent if message.person.name == who]

    def redeliver(self) -> None:
        if self.fake.history:
            self.fake.redeliver()

    def slow_down(self) -> None:
        self.fake.rate_limit(1, 1)

    def lose_request(self) -> None:
        self.fake.drop_before()

    def lose_answer(self) -> None:
        self.fake.drop_after()

    def break_after(self) -> None:
        self.fake.fail(applied=True)

    def connect(self, serving: Serving) -> None:
        self.fake.post_to(serving.instance.url.rstrip("/") + _HOOK)


@asynccontextmanager
async def telegram() -> AsyncGenerator[Weather]:
    async with FakeTelegram() as fake:
        yield Telegram(fake)


@asynccontextmanager
async def discord() -> AsyncGenerator[Weather]:
    async with FakeDiscord() as fake:
        yield Discord(fake)


@asynccontextmanager
async def slack() -> AsyncGenerator[Weather]:
    async with FakeSlack() as fake:
        yield Slack(fake)


@asynccontextmanager
async def cloud() -> AsyncGenerator[Weather]:
    async with FakeCloud(statuses=True) as fake:
        yield WhatsApp(fake)
        fake.push = None


@asynccontextmanager
async def twilio() -> AsyncGenerator[Weather]:
    async with FakeTwilio(statuses=True, public=PUBLIC + _HOOK) as fake:
        yield WhatsApp(fake)
        fake.push = None


PLATFORMS = {"telegram": telegram, "discord": discord, "slack": slack, "cloud": cloud, "twilio": twilio}


async def until(condition: Callable[[], object], patience_s: float) -> None:
    async with asyncio.timeout(patience_s):
        while not condition():
            await asyncio.sleep(0.05)
