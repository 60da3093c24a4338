"""A shop with a bot, the real engine and the real gateway, and the worst model in it."""

from __future__ import annotations

__all__ = ["SECRET", "Desk"]

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from botkit.app.gateway_settings import gateway_settings
from botkit.core.clock import SystemClock
from botkit.core.events import Event
from botkit.core.journal import Wait
from botkit.testing.models import ScriptedModel
from botkit.testing.tools import FakeTools
from tests.abuse.worst_model import obey
from tests.engine.support import World, a_config
from tests.gateway.support import Bench

SECRET = "canary-71f2-do-not-tell"
_SERVER = str(Path(__file__).with_name("server.py"))
_BOT = {"model": "scripted/model", "workspace": "shop"}
_REVIEWS: dict[str, Any] = {
    "shop__lookup": {"class": "read-only", "trusted_results": True},
    "shop__leak": {"class": "read-only", "trusted_results": True},
    "shop__note": {"class": "write"},
    "shop__refund": {"class": "destructive", "roles": ["admin", "member"]},
    "shop__payout": {"class": "destructive", "approve": True, "roles": ["admin", "member"]},
    "shop__books": {"class": "write", "roles": ["admin"]},
    "web__read": {"class": "read-only"},
    "web__refund": {"class": "write"},
    "web__shop__note": {"class": "write"},
}


class Desk:
    """Ada is a member, Boss an admin; everybody else is a guest. The desk's clerk may not note anything.

    Args:
        over: parts of the configuration in place of these.
    """

    def __init__(self, folder: Path, *, taint: bool = True, **over: Any):
        self.content, self.effects = folder / "content", folder / "effects"
        self.content.touch()
        self.effects.touch()
        env = {"CONTENT": str(self.content), "EFFECTS": str(self.effects), "PATH": "/usr/bin"}
        servers = {
            name: {"command": sys.executable, "args": [_SERVER, name], "env": {**env, "TOKEN": {"secret": "TOKEN"}}}
            for name in ("shop", "web")
        }
        self.bench = Bench(folder, SystemClock())
        self.world = World(folder / "home")
        parts: dict[str, Any] = {
            "bots": {
                "desk": {**_BOT, "prompt": "You are the desk.", "name": "Desk", "description": "anything"},
                "clerk": {**_BOT, "prompt": "You are the clerk.", "tools": {"deny": ["shop__note"]}},
            },
            "teams": {"office": {"members": [{"bot": "desk"}, {"bot": "clerk"}], "default": "desk"}},
            "channel": {"bot": "office"},
            "settings": {"approvals": {"channel": "fake", "room": "ops"}},
            "people": {
                "ada": {"roles": ["member"], "identities": {"fake": ["ada"]}},
                "boss": {"roles": ["admin"], "identities": {"fake": ["boss"]}},
            },
            "servers": servers,
            "workspaces": {"shop": {"servers": ["shop", "web"], "tools": _REVIEWS, "taint": {"enabled": taint}}},
        }
        self.world.config = a_config(**{**parts, **over})
        self.world.tools = cast("FakeTools", self.bench.gateway)
        self.world.model = ScriptedModel(respond=obey)
        self._rooms = 0

    async def start(self) -> None:
        await self.bench.vault.put("instance", "TOKEN", SECRET)
        await self.bench.gateway.start(gateway_settings(self.world.config))
        await self.bench.gateway.ready(60)
        self.world.home.mkdir(exist_ok=True)
        await self.world.start()

    async def close(self) -> None:
        await self.world.close()
        await self.bench.gateway.stop()

    def a_room(self) -> str:
        """One that nobody has written in."""
        self._rooms += 1
        return f"room-{self._rooms}"

    async def say(self, text: str, *, name: str = "", title: str = "", locale: str = "", **more: Any) -> None:
        """Somebody writes, and everything that follows from it happens."""
        event: Event = self.world.platform.event(text, **more)
        sender = msgspec.structs.replace(event.sender, name=name or event.sender.name, locale=locale)
        conversation = msgspec.structs.replace(event.conversation, title=title)
        await self.world.platform.deliver(msgspec.structs.replace(event, sender=sender, conversation=conversation))
        await self.world.settle()

    async def waiting(self) -> Sequence[Wait]:
        """Calls that wait for a person."""
        return [wait for wait in await self.world.waits() if wait.state == "open"]

    def done(self) -> list[Any]:
        """What happened in the world: `[server, tool, arguments]` each."""
        return [json.loads(line) for line in self.effects.read_text().splitlines()]

    def told(self, room: str = "") -> str:
        """Everything people can see in a room, or anywhere."""
        return "\n".join(self.world.platform.texts(room))

    def read(self) -> str:
        """Everything the model was ever given."""
        return "\n".join(str(request.messages) for request in self.world.model.requests)
