"""The fake Slack as the adapter contract drives it, and what tests build by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from adapters.slack import Slack
from botkit.core.config.models import SecretRef, SlackChannel
from botkit.core.events import Conversation
from botkit.core.messages import OutMessage, Part
from botkit.sdk.adapter import Adapter
from botkit.testing.adapters import Emulator, MemoryHost, Seen
from botkit.testing.slack import FakeMessage, FakeRoom, FakeSlack
from tests.adapters.hooks import received

_BLOCK = re.compile(r"```[^\n`]*\n(.*?)\n?```", re.DOTALL)
RINGS = re.compile(r"<(?:!|@[UW]|!subteam)[^>]*>")


def a_channel(api_base: str = "", **settings: Any) -> SlackChannel:
    """A channel's settings; its secrets are called `BOT`, `APP` and `SIGN`."""
    given: dict[str, Any] = {
        "bot": "helper",
        "dm_policy": "open",
        "bot_token": SecretRef(secret="BOT"),
        "app_token": SecretRef(secret="APP"),
        "signing_secret": SecretRef(secret="SIGN"),
        **({"api_base": api_base} if api_base else {}),
        **settings,
    }
    return SlackChannel(platform="slack", **given)


class SlackEmulator(Emulator):
    """`FakeSlack` as the contract drives it."""

    inert_words = ("<!channel>", "<!here>", "<@U0002>")

    def __init__(self, fake: FakeSlack):
        self.fake = fake
        fake.person("Ada")
        fake.person("Bob")
        self.general = fake.channel("general")
        self.pressed: dict[str, Any] = {}

    def knows_secrets(self, host: MemoryHost) -> MemoryHost:
        host.secrets |= {"BOT": self.fake.bot_token, "APP": self.fake.app_token, "SIGN": self.fake.signing_secret}
        return host

    def adapter(self, host: MemoryHost, **settings: Any) -> Adapter:
        self.knows_secrets(host)
        return Slack("support", a_channel(self.fake.api_base, **settings), host)

    def mention(self) -> str:
        return "@Desk"

    def message(self, ts: str) -> FakeMessage:
        return next(message for message in self.fake.world.messages if message.ts == ts)

    async def say(self, text: str, *, who: str = "Ada", group: bool = False, reply_to: str = "") -> str:
        thread = self.message(reply_to) if reply_to else ""
        return self.fake.say(who, text, self.general if group else None, thread=thread).ts

    async def bot_says(self, text: str) -> None:
        self.fake.person("Robo", is_bot=True)
        self.fake.say("Robo", text, self.general)

    async def edit(self, message_id: str, text: str) -> None:
        self.fake.edit(self.message(message_id), text)

    async def send_file(self, data: bytes, *, kind: str = "file", name: str = "a.txt", claimed_bytes: int = 0) -> None:
        mime = {"voice": "audio/webm", "image": "image/png"}.get(kind, "text/plain")
        seconds = 2.5 if kind == "voice" else 0.0
        self.fake.send_file("Ada", data, name=name, mime=mime, size=claimed_bytes, voice_s=seconds)

    async def press(self, label: str, *, who: str = "Ada") -> None:
        message = next(m for m in reversed(self.fake.sent) if label in m.labels)
        self.pressed = self.fake.press(who, message, label)

    async def choose(self, *labels: str, who: str = "Ada") -> None:
        self.fake.choose(who, next(m for m in reversed(self.fake.sent) if m.menus), *labels)

    async def send_form(self, answers: Mapping[str, str | bool | list[str]], *, who: str = "Ada") -> None:
        self.fake.submit(self.pressed, dict(answers))

    async def unsupported(self) -> None:
        self.fake.say("Ada", "", subtype="huddle_thread")

    async def malformed(self) -> None:
        self.fake.event({"type": "message", "channel": {"id": 5}, "text": ["\ud83d"]})

    async def redeliver(self) -> None:
        self.fake.redeliver()

    def expire_files(self) -> None:
        for file in self.fake.world.files.values():
            file.gone = True

    def seen(self) -> list[Seen]:
        return [self._seen(message) for message in self.fake.sent]

    @staticmethod
    def _seen(message: FakeMessage) -> Seen:
        text = message.shown.replace("**", "").replace("&lt;", "<")
        code = tuple(_BLOCK.findall(message.shown))
        options = tuple(str(option["text"]["text"]) for menu in message.menus for option in menu.get("options", ()))
        files = tuple(file.name for file in message.files)
        return Seen(text, message.ts, message.room.id, tuple(message.labels), code, options, files)

    def previews(self) -> list[str]:
        return []

    def open_presses(self) -> int:
        return sum(delivery.kind == "interactive" for delivery in self.fake.outbox.unanswered)

    def requests(self) -> int:
        return len(self.fake.calls) + self.fake.outbox.connections

    def rate_limit(self, times: int, retry_after_s: int) -> None:
        self.fake.rate_limit(times, retry_after_s)

    def fail_after_effect(self) -> None:
        self.fake.fail("", applied=True, status=502)

    def drop_answer(self) -> None:
        self.fake.drop_after()

    def refuse_second_send(self) -> None:
        self.fake.rate_limit(1, 2, after=1)

    async def revoke_token(self) -> None:
        self.fake.revoke_token()

    async def go_offline(self) -> None:
        await self.fake.go_offline()

    async def come_back(self) -> None:
        await self.fake.come_back()


class PostedEmulator(SlackEmulator):
    """The same, with everything posted by Slack to a server in front of the adapter."""

    cannot = frozenset({"C4"})  # the contract holds the store and stops; a server would have a request open meanwhile

    def __init__(self, fake: FakeSlack):
        super().__init__(fake)
        self.current: Adapter | None = None

    def adapter(self, host: MemoryHost, **settings: Any) -> Adapter:
        host.public_url = "https://bots.example.com"
        self.current = super().adapter(host, mode="events", app_token=None, **settings)
        return self.current

    async def receive(self, request: web.Request) -> web.Response:
        return await received(self.current, request)


def conversation_of(room: FakeRoom, thread: str = "") -> Conversation:
    kind = "dm" if room.kind == "im" else "group"
    return Conversation(channel="support", room=room.id, thread=thread, kind=kind)


def a_part(adapter: Adapter, room: FakeRoom, text: str, **more: Any) -> Part:
    where = conversation_of(room, more.pop("thread", ""))
    return Part(id="p", conversation=where, payload=adapter.render(OutMessage(text=text), where)[0].payload, **more)
