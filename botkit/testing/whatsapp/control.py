"""The control side over HTTP, for tests whose bot and WhatsApp live in processes of their own.

People are named by their name, messages by their id; the rest is as in `botkit.testing.control`.

    POST /_control/post_to  {"address": "http://127.0.0.1:8080/api/bots/webhook/whatsapp/shop"}
    POST /_control/say      {"who": "Ada", "text": "hello"}
    POST /_control/press    {"who": "Ada", "message": "wamid.…", "label": "Approve"}
    GET  /_control/sent
"""

from __future__ import annotations

__all__ = ["RemoteWhatsApp", "WhatsAppControl", "message_view", "mount_control"]

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from botkit.testing.control import Control
from botkit.testing.remote import Remote
from botkit.testing.whatsapp.world import FakeMessage, FakePerson, FakeWhatsApp


def message_view(message: FakeMessage) -> dict[str, Any]:
    """A message as the control side reports it."""
    return {
        "id": message.id,
        "to": message.person.name,
        "text": message.text,
        "raw_text": message.raw_text,
        "kind": message.kind,
        "labels": list(message.labels),
        "name": message.name,
        "reply_to": message.reply_to,
    }


class WhatsAppControl(Control[FakeWhatsApp]):
    verbs = frozenset({"post_to", "person", "say", "send_file", "press", "status", "close_window"})

    def looks(self) -> Mapping[str, Callable[[], Any]]:
        fake = self.fake
        return {
            "sent": lambda: fake.sent,
            "calls": lambda: [{"path": call["path"]} for call in fake.calls],
            "pending": lambda: fake.pending,
        }

    def arguments(self, args: dict[str, Any]) -> dict[str, Any]:
        if isinstance(args.get("message"), str) and {"label", "state"} & args.keys():
            found = next((one for one in self.fake.sent if one.id == args["message"]), None)
            if found is None:
                raise LookupError(f"no message {args['message']}")
            args["message"] = found
        return args

    def view(self, value: Any) -> Any:
        match value:
            case FakeMessage():
                return message_view(value)
            case FakePerson():
                return asdict(value)
            case _:
                return None


def mount_control(fake: FakeWhatsApp) -> None:
    """Add the control routes; before the server starts."""
    WhatsAppControl(fake).mount()


class RemoteWhatsApp(Remote):
    """The control side of a `python -m botkit.testing.whatsapp` process, for blocking tests.

    remote = RemoteWhatsApp("http://127.0.0.1:9130")
    remote.do("say", who="Ada", text="hello")
    remote.wait_for(lambda sent: [m for m in sent if m["text"] == "hi"])

    It shows `sent`, `calls` or `pending`.
    """
