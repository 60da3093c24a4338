"""A whole instance on all four platforms at once, for what people send and get besides text."""

from __future__ import annotations

__all__ = ["PLATFORM_NAMES", "MediaDesk"]

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from botkit.app.environment import load_environment
from botkit.app.serve import Serving, serve
from botkit.testing.project.chats import Chat
from botkit.testing.project.platforms import PLATFORMS, PUBLIC_URL

PLATFORM_NAMES = tuple(PLATFORMS)
_PATIENCE_S = 45


class MediaDesk:
    """The bot `desk`, reached by Ada on each platform."""

    def __init__(self, serving: Serving, chats: Mapping[str, Chat]):
        self.serving = serving
        self.chats = chats

    @classmethod
    @asynccontextmanager
    async def open(
        cls, folder: Path, config: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch, *platforms: str
    ) -> AsyncGenerator[MediaDesk]:
        """Run bots.yaml with a channel for each platform, named like it.

        Args:
            config: everything else of bots.yaml.
        """
        chats = {name: PLATFORMS[name]() for name in platforms or PLATFORM_NAMES}
        async with AsyncExitStack() as stack:
            channels: dict[str, Any] = {}
            for name, chat in chats.items():
                await stack.enter_async_context(chat.fake)
                settings, secrets = chat.channel()
                channels[name] = {"platform": name, "bot": "desk", "dm_policy": "open", **settings}
                for variable, value in secrets.items():
                    monkeypatch.setenv(variable, value)
            monkeypatch.setenv("BOTKIT_PORT", "0")
            monkeypatch.setenv("BOTKIT_PUBLIC_URL", PUBLIC_URL)
            (folder / "bots.yaml").write_text(json.dumps({"version": 1, **config, "channels": channels}))
            serving = await stack.enter_async_context(
                serve(load_environment(cwd=folder), mode="dev", actor="ada", tell=lambda _: None)
            )
            desk = cls(serving, chats)
            await desk._connected()
            yield desk
            if "whatsapp" in chats:
                fake: Any = chats["whatsapp"].fake
                fake.push = None

    async def _connected(self) -> None:
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                states = {one.name: one for one in self.serving.instance.channels.health() if one.name in self.chats}
                assert not any(one.state == "fatal" for one in states.values()), states
                if len(states) == len(self.chats) and all(one.state == "ok" for one in states.values()):
                    break
                await asyncio.sleep(0.01)
        for name, chat in self.chats.items():
            chat.connected(self.serving.instance.url.rstrip("/"), name)

    def speak(self, platform: str, data: bytes) -> None:
        """Ada sends a voice message."""
        fake = self.chats[platform].fake
        match platform:
            case "telegram":
                fake.send_file("Ada", data, kind="voice", name="voice.ogg", mime="audio/ogg")
            case "discord":
                fake.send_file("Ada", data, name="voice-message.ogg", mime="audio/ogg", voice_s=2.0)
            case "slack":
                fake.send_file("Ada", data, name="audio_message.ogg", mime="audio/ogg", voice_s=2.0)
            case _:
                fake.send_file("Ada", data, kind="voice")

    def send(self, platform: str, data: bytes, name: str, mime: str, *, kind: str = "document") -> None:
        """Ada sends a picture or a document."""
        fake = self.chats[platform].fake
        match platform:
            case "telegram":
                fake.send_file("Ada", data, kind="photo" if kind == "image" else kind, name=name, mime=mime)
            case "whatsapp":
                fake.send_file("Ada", data, kind=kind, name=name)
            case _:
                fake.send_file("Ada", data, name=name, mime=mime)

    def write(self, platform: str, text: str) -> None:
        self.chats[platform].fake.say("Ada", text)

    async def answered(self, platform: str, count: int) -> list[Any]:
        """The bot's messages to Ada, as the platform's fake has them, once there are so many and nothing is unsent."""
        chat = self.chats[platform]

        await chat.fake.wait_for(lambda: len(chat.shown("Ada")) >= count, timeout_s=_PATIENCE_S)
        async with asyncio.timeout(_PATIENCE_S):
            while self.serving.instance.engine.outbox.busy:
                await asyncio.sleep(0.01)
        return [one.message for one in chat.shown("Ada")]

    def sound_of(self, platform: str, message: Any) -> tuple[str, bytes]:
        """How the platform shows a sound that the bot sent, and its bytes."""
        match platform:
            case "telegram":
                return message.kind, message.file.data
            case "discord":
                (file,) = message.files
                return "voice" if message.flags & (1 << 13) else "file", file.data
            case "slack":
                (file,) = message.files
                return "file", file.data
            case _:
                return message.kind, message.data

    async def traces(self) -> list[Any]:
        """Of all runs, newest first."""
        runs = await self.serving.operations.runs.list()
        return [await self.serving.operations.runs.show(run=one.run.id) for one in runs]
