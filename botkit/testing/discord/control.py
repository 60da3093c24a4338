"""The control side over HTTP, for tests whose bot and Discord live in processes of their own.

People are named by their name, channels, servers and messages by their id; the rest is as in
`botkit.testing.control`.

    POST /_control/say      {"who": "Ada", "text": "hello"}
    POST /_control/press    {"who": "Ada", "message": "123", "label": "Approve"}
    GET  /_control/sent
"""

from __future__ import annotations

__all__ = ["DiscordControl", "RemoteDiscord", "message_view", "mount_control"]

from collections.abc import Callable, Mapping
from typing import Any

from botkit.testing.control import Control
from botkit.testing.discord.server import FakeDiscord
from botkit.testing.discord.world import FakeChannel, FakeGuild, FakeInteraction, FakeMessage, FakeUser
from botkit.testing.remote import Remote


def message_view(message: FakeMessage) -> dict[str, Any]:
    """A message as the control side reports it."""
    return {
        "id": str(message.id),
        "channel": str(message.channel_id),
        "from": message.author.name,
        "text": message.content,
        "labels": message.labels,
        "edits": message.edits,
        "reply_to": str(message.reply_to or ""),
        "nonce": message.nonce,
        "seen_by": str(message.seen_by or ""),
        "deleted": message.deleted,
    }


class DiscordControl(Control[FakeDiscord]):
    verbs = frozenset(
        {
            *("user", "dm", "guild", "channel", "thread", "leave", "say", "send_file", "edit", "delete", "react"),
            *("press", "command", "raw_event"),
        }
    )

    def looks(self) -> Mapping[str, Callable[[], Any]]:
        fake = self.fake
        return {
            "sent": lambda: fake.sent,
            "all": lambda: fake.world.order,
            "calls": lambda: [{"method": call.method, "path": call.path, "body": call.body} for call in fake.calls],
        }

    def arguments(self, args: dict[str, Any]) -> dict[str, Any]:
        world = self.fake.world
        tables: dict[str, dict[int, Any]] = {
            "place": world.channels,
            "parent": world.channels,
            "guild": world.guilds,
            "message": world.messages,
        }
        for name, table in tables.items():
            if args.get(name) is not None:
                number = int(args[name])
                if number not in table:
                    raise LookupError(f"no {name} {number}")
                args[name] = table[number]
        return args

    def view(self, value: Any) -> Any:
        match value:
            case FakeMessage():
                return message_view(value)
            case FakeChannel() | FakeGuild() | FakeUser():
                return {"id": str(value.id), "name": value.name}
            case FakeInteraction():
                return {"id": str(value.id), "state": value.state}
            case _:
                return None


def mount_control(fake: FakeDiscord) -> None:
    """Add the control routes; before the server starts."""
    DiscordControl(fake).mount()


class RemoteDiscord(Remote):
    """The control side of a `python -m botkit.testing.discord` process, for blocking tests.

    remote = RemoteDiscord("http://127.0.0.1:9120")
    remote.do("say", who="Ada", text="hello")
    remote.wait_for(lambda sent: [m for m in sent if m["text"] == "hi"])

    It shows `sent`, `all` or `calls`.
    """
