"""The Discord channel against the adapter contract, and what only Discord has (D1 … D14)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.discord import Discord
from botkit.core.config.models import DiscordChannel, SecretRef
from botkit.sdk.adapter import Adapter
from botkit.testing.adapters import AdapterContract, Courier, Emulator, MemoryHost, Seen
from botkit.testing.discord import ApiError, FakeDiscord, FakeMessage, Fault

_BLOCK = re.compile(r"```[^\n`]*\n(.*?)\n?```", re.DOTALL)


def shown(content: str) -> str:
    """What people read of a message: without the marks of bold and code blocks."""
    return content.replace("**", "").replace("\\|", "|")


class DiscordEmulator(Emulator):
    """`FakeDiscord` as the contract drives it."""

    inert_words = ("@everyone", "@Bob", "<@&1>")

    def __init__(self, fake: FakeDiscord):
        self.fake = fake
        self.guild = fake.guild("Team")
        self.general = fake.channel(self.guild, "general")
        fake.user("Ada")
        fake.user("Bob")

    def adapter(self, host: MemoryHost, **settings: Any) -> Adapter:
        host.secrets["DISCORD_TOKEN"] = self.fake.token
        config = DiscordChannel(
            platform="discord",
            bot="helper",
            dm_policy="open",
            token=SecretRef(secret="DISCORD_TOKEN"),
            api_base=self.fake.api_base,
            **settings,
        )
        return Discord("support", config, host)

    def mention(self) -> str:
        return "@Desk"

    async def say(self, text: str, *, who: str = "Ada", group: bool = False, reply_to: str = "") -> str:
        place = self.general if group else None
        return str(self.fake.say(who, text, place, reply_to=int(reply_to or 0)).id)

    async def bot_says(self, text: str) -> None:
        self.fake.user("Robo", bot=True)
        self.fake.say("Robo", text, self.general)

    async def edit(self, message_id: str, text: str) -> None:
        self.fake.edit(self.fake.world.messages[int(message_id)], text)

    async def send_file(self, data: bytes, *, kind: str = "file", name: str = "a.txt", claimed_bytes: int = 0) -> None:
        mime = {"voice": "audio/ogg", "image": "image/png"}.get(kind, "text/plain")
        seconds = 2.5 if kind == "voice" else 0.0
        self.fake.send_file("Ada", data, name=name, mime=mime, size=claimed_bytes, voice_s=seconds)

    async def press(self, label: str, *, who: str = "Ada") -> None:
        message = next(m for m in reversed(self.fake.sent) if label in m.labels)
        self.fake.press(who, message, label)

    async def unsupported(self) -> None:
        self.fake.say("Ada", "", extra={"poll": {"question": {"text": "Lunch?"}, "answers": []}})

    async def malformed(self) -> None:
        self.fake.raw_event("MESSAGE_CREATE", {"id": 5, "author": "nobody", "content": ["\ud83d"]})

    async def redeliver(self) -> None:
        self.fake.redeliver()

    def expire_files(self) -> None:
        for file in self.fake.world.files.values():
            file.gone = True

    def seen(self) -> list[Seen]:
        return [self._seen(message) for message in self.fake.sent]

    @staticmethod
    def _seen(message: FakeMessage) -> Seen:
        code = tuple(_BLOCK.findall(message.content))
        return Seen(shown(message.content), str(message.id), str(message.channel_id), tuple(message.labels), code)

    def previews(self) -> list[str]:
        return []

    def open_presses(self) -> int:
        return sum(item.state == "open" for item in self.fake.world.interactions.values())

    def requests(self) -> int:
        return len(self.fake.calls) + len(self.fake.gateway.identifies) + len(self.fake.gateway.resumes)

    def rate_limit(self, times: int, retry_after_s: int) -> None:
        self.fake.rate_limit(times, retry_after_s)

    def fail_after_effect(self) -> None:
        self.fake.fail(applied=True, status=502)

    def drop_answer(self) -> None:
        self.fake.drop_after()

    def refuse_second_send(self) -> None:
        error = ApiError(429, 0, "You are being rate limited.", retry_after=2, **{"global": False})
        self.fake.faults.add(Fault("error", after=1, error=error))

    async def revoke_token(self) -> None:
        self.fake.revoke_token()

    async def go_offline(self) -> None:
        await self.fake.go_offline()

    async def come_back(self) -> None:
        await self.fake.come_back()


@pytest.fixture
async def fake(host: MemoryHost) -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord(clock=host.clock) as server:
        yield server


@pytest.fixture
def emulator(fake: FakeDiscord) -> DiscordEmulator:
    return DiscordEmulator(fake)


@pytest.fixture
def host() -> MemoryHost:
    return MemoryHost(public_url="https://bots.example.com")


@pytest.fixture
async def adapter(emulator: DiscordEmulator, host: MemoryHost) -> AsyncIterator[Adapter]:
    adapter = emulator.adapter(host)
    await adapter.start()
    yield adapter
    await adapter.stop()


@pytest.fixture
def courier(adapter: Adapter, host: MemoryHost) -> Courier:
    return Courier(adapter, host.clock)


class TestContract(AdapterContract):
    @pytest.fixture
    def emulator(self, fake: FakeDiscord) -> DiscordEmulator:
        return DiscordEmulator(fake)

    def rings(self, emulator: Emulator) -> list[str]:
        assert isinstance(emulator, DiscordEmulator)
        return [name for message in emulator.fake.sent for name in message.rang]
