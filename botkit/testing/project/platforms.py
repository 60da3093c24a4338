"""The platforms a project can be tested on."""

from __future__ import annotations

__all__ = ["PLATFORMS", "Discord", "Slack", "Telegram", "WhatsApp"]

from collections.abc import Sequence
from typing import Any, ClassVar

from botkit.testing.discord import FakeDiscord, FakeMessage
from botkit.testing.discord.world import FakeInteraction
from botkit.testing.project.chats import Chat, Seen
from botkit.testing.slack import FakeMessage as SlackMessage
from botkit.testing.slack import FakeSlack
from botkit.testing.telegram import FakeTelegram
from botkit.testing.whatsapp import FakeCloud

PUBLIC_URL = "https://bots.example"
"""Of every project under test; what is sent there is delivered on this machine."""


class Telegram(Chat):
    platform: ClassVar[str] = "telegram"
    fake: FakeTelegram

    def __init__(self) -> None:
        super().__init__(FakeTelegram())

    def channel(self) -> tuple[dict[str, Any], dict[str, str]]:
        settings = {"token": {"secret": "KIT_TELEGRAM"}, "api_base": self.fake.api_base}
        return settings, {"KIT_TELEGRAM": self.fake.token}

    def shown(self, who: str) -> list[Seen]:
        chat = self.fake.dm(who).id
        return [
            Seen(
                one.text,
                tuple(one.labels),
                (one.file.name,) if one.file is not None else (),
                id=str(one.message_id),
                message=one,
            )
            for one in self.fake.sent
            if one.chat_id == chat
        ]


class Discord(Chat):
    platform: ClassVar[str] = "discord"
    fake: FakeDiscord

    def __init__(self) -> None:
        super().__init__(FakeDiscord())

    def channel(self) -> tuple[dict[str, Any], dict[str, str]]:
        settings = {"token": {"secret": "KIT_DISCORD"}, "api_base": self.fake.api_base}
        return settings, {"KIT_DISCORD": self.fake.token}

    def shown(self, who: str) -> list[Seen]:
        place = self.fake.dm(who).id
        return [
            Seen(
                one.text,
                tuple(one.labels),
                tuple(file.name for file in one.files),
                tuple(option["label"] for menu in one.menus for option in menu["options"]),
                id=str(one.id),
                message=one,
            )
            for one in self.fake.sent
            if one.channel_id == place
        ]

    def choose(self, who: str, message: FakeMessage, labels: Sequence[str]) -> None:
        if not message.menus:
            return super().choose(who, message, labels)
        self.fake.choose(who, message, *labels)
        return None

    def is_open(self, pressed: FakeInteraction) -> bool:
        return pressed.dialog is not None


class Slack(Chat):
    platform: ClassVar[str] = "slack"
    fake: FakeSlack

    def __init__(self) -> None:
        super().__init__(FakeSlack())

    def channel(self) -> tuple[dict[str, Any], dict[str, str]]:
        settings = {
            "bot_token": {"secret": "KIT_SLACK_BOT"},
            "app_token": {"secret": "KIT_SLACK_APP"},
            "api_base": self.fake.api_base,
        }
        return settings, {"KIT_SLACK_BOT": self.fake.bot_token, "KIT_SLACK_APP": self.fake.app_token}

    def identity(self, who: str) -> str:
        return self.fake.person(who).id

    def shown(self, who: str) -> list[Seen]:
        room = self.fake.dm(who).id
        return [
            Seen(
                one.shown,
                tuple(one.labels),
                tuple(file.name for file in one.files),
                tuple(str(option["text"]["text"]) for menu in one.menus for option in menu.get("options", ())),
                id=one.ts,
                message=one,
            )
            for one in self.fake.sent
            if one.room.id == room
        ]

    def choose(self, who: str, message: SlackMessage, labels: Sequence[str]) -> None:
        if not message.menus:
            return super().choose(who, message, labels)
        self.fake.choose(who, message, *labels)
        return None

    def is_open(self, pressed: dict[str, Any]) -> bool:
        return self.fake.world.triggers[pressed["trigger_id"]].view is not None


class WhatsApp(Chat):
    """By Meta's Cloud API; botkit speaks to Twilio the same way."""

    platform: ClassVar[str] = "whatsapp"
    fake: FakeCloud

    def __init__(self) -> None:
        super().__init__(FakeCloud(statuses=True))

    def channel(self) -> tuple[dict[str, Any], dict[str, str]]:
        secrets = {
            "access_token": ("KIT_WHATSAPP", self.fake.token),
            "app_secret": ("KIT_WHATSAPP_APP", self.fake.app_secret),
            "verify_token": ("KIT_WHATSAPP_VERIFY", self.fake.verify_token),
        }
        settings: dict[str, Any] = {key: {"secret": name} for key, (name, _) in secrets.items()}
        settings |= {"phone_number_id": self.fake.number_id, "api_base": self.fake.api_base}
        return settings, dict(secrets.values())

    def connected(self, url: str, channel: str) -> None:
        self.fake.post_to(f"{url}/api/bots/webhook/whatsapp/{channel}")

    def identity(self, who: str) -> str:
        return self.fake.person(who).user_id

    def shown(self, who: str) -> list[Seen]:
        return [
            Seen(one.text, one.labels, (one.name,) if one.name else (), id=one.id, message=one)
            for one in self.fake.sent
            if one.person.name == who
        ]


PLATFORMS: dict[str, type[Telegram | Discord | Slack | WhatsApp]] = {
    kind.platform: kind for kind in (Telegram, Discord, Slack, WhatsApp)
}
