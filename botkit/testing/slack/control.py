"""The control side over HTTP, for tests whose bot and Slack live in processes of their own.

People are named by their name, rooms by their id, messages by their `ts`; the rest is as in `botkit.testing.control`.

    POST /_control/say      {"who": "Ada", "text": "hello"}
    POST /_control/press    {"who": "Ada", "message": "1763600000.000100", "label": "Approve"}
    GET  /_control/sent
"""

from __future__ import annotations

__all__ = ["RemoteSlack", "SlackControl", "message_view", "mount_control"]

from collections.abc import Callable, Mapping
from typing import Any

from botkit.testing.control import Control
from botkit.testing.remote import Remote
from botkit.testing.slack.server import FakeSlack
from botkit.testing.slack.world import FakeMessage, FakePerson, FakeRoom


def message_view(message: FakeMessage) -> dict[str, Any]:
    """A message as the control side reports it."""
    return {
        "ts": message.ts,
        "room": message.room.id,
        "thread": message.thread_ts,
        "from": message.sender.name,
        "text": message.shown,
        "labels": message.labels,
        "edits": message.edits,
        "streaming": bool(message.streaming_since),
        "seen_by": message.seen_by,
        "deleted": message.deleted,
    }


class SlackControl(Control[FakeSlack]):
    verbs = frozenset(
        {
            *("person", "dm", "channel", "say", "send_file", "edit", "delete", "react", "press", "command", "event"),
            *("open_assistant", "look_at", "stop", "post_to", "ask_to_reconnect", "freeze", "thaw"),
        }
    )

    def looks(self) -> Mapping[str, Callable[[], Any]]:
        fake = self.fake
        return {
            "sent": lambda: fake.sent,
            "all": lambda: fake.world.messages,
            "calls": lambda: [{"method": call.method, "args": call.args} for call in fake.calls],
            "unanswered": lambda: len(fake.outbox.unanswered),
        }

    def arguments(self, args: dict[str, Any]) -> dict[str, Any]:
        world = self.fake.world
        if args.get("room") is not None:
            if args["room"] not in world.rooms:
                raise LookupError(f"no room {args['room']}")
            args["room"] = world.rooms[args["room"]]
        for name in ("message", "thread", "root"):
            if args.get(name):
                found = next((message for message in world.messages if message.ts == args[name]), None)
                if found is None:
                    raise LookupError(f"no {name} {args[name]}")
                args[name] = found
        return args

    def view(self, value: Any) -> Any:
        match value:
            case FakeMessage():
                return message_view(value)
            case FakeRoom() | FakePerson():
                return {"id": value.id, "name": value.name}
            case _:
                return None


def mount_control(fake: FakeSlack) -> None:
    """Add the control routes; before the server starts."""
    SlackControl(fake).mount()


class RemoteSlack(Remote):
    """The control side of a `python -m botkit.testing.slack` process, for blocking tests.

    remote = RemoteSlack("http://127.0.0.1:9130")
    remote.do("say", who="Ada", text="hello")
    remote.wait_for(lambda sent: [m for m in sent if m["text"] == "hi"])

    It shows `sent`, `all`, `calls` or `unanswered`.
    """
