"""The control side over HTTP, for tests whose bot and Telegram live in processes of their own.

People are named by their first name, chats by their id, messages by `[chat_id, message_id]`; the rest is as in
`botkit.testing.control`.

    POST /_control/say      {"who": "Ada", "text": "hello"}
    POST /_control/press    {"who": "Ada", "message": [700001, 2], "button": "Approve"}
    GET  /_control/sent
"""

from __future__ import annotations

__all__ = ["RemoteTelegram", "TelegramControl", "message_view", "mount_control"]

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from botkit.testing.control import Control
from botkit.testing.remote import Remote
from botkit.testing.telegram.server import FakeTelegram
from botkit.testing.telegram.world import FakeChat, FakeDraft, FakeMessage, FakeUser


def message_view(message: FakeMessage) -> dict[str, Any]:
    """A message as the control side reports it."""
    return {
        "chat_id": message.chat_id,
        "message_id": message.message_id,
        "from": message.sender.first_name,
        "text": message.text,
        "kind": message.kind,
        "thread": message.thread,
        "reply_to": message.reply_to,
        "labels": message.labels,
        "edits": message.edits,
        "via": message.via,
        "deleted": message.deleted,
    }


class TelegramControl(Control[FakeTelegram]):
    verbs = frozenset(
        {
            *("user", "dm", "group", "topic", "say", "send_file", "send_other", "edit", "press", "expire_callbacks"),
            *("react", "stop_generation", "join", "leave", "block", "unblock", "kick_bot", "migrate", "raw_update"),
        }
    )

    def looks(self) -> Mapping[str, Callable[[], Any]]:
        fake = self.fake
        return {
            "sent": lambda: fake.sent,
            "all": lambda: fake.world.order,
            "drafts": lambda: fake.drafts,
            "calls": lambda: [{"method": call.method, "args": call.args} for call in fake.calls],
            "pending": lambda: len(fake.queue.pending),
        }

    def arguments(self, args: dict[str, Any]) -> dict[str, Any]:
        if args.get("chat") is not None:
            number = int(args["chat"])
            if number not in self.fake.world.chats:
                raise LookupError(f"no chat {number}")
            args["chat"] = self.fake.world.chats[number]
        if "message" in args:
            chat_id, message_id = args["message"]
            message = self.fake.world.find(int(chat_id), int(message_id))
            if message is None:
                raise LookupError(f"no message {args['message']}")
            args["message"] = message
        return args

    def view(self, value: Any) -> Any:
        match value:
            case FakeMessage():
                return message_view(value)
            case FakeChat():
                return {"id": value.id, "kind": value.kind, "title": value.title, "topics": value.topics}
            case FakeUser() | FakeDraft():
                return asdict(value)
            case _:
                return None


def mount_control(fake: FakeTelegram) -> None:
    """Add the control routes; before the server starts."""
    TelegramControl(fake).mount()


class RemoteTelegram(Remote):
    """The control side of a `python -m botkit.testing.telegram` process, for blocking tests.

    remote = RemoteTelegram("http://127.0.0.1:9110")
    remote.do("say", who="Ada", text="hello")
    remote.wait_for(lambda sent: [m for m in sent if m["text"] == "hi"])

    It shows `sent`, `all`, `drafts`, `calls` or `pending`.
    """
