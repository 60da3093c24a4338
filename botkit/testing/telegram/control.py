"""The control side over HTTP, for tests whose bot and Telegram live in processes of their own.

`POST /_control/{verb}` takes a JSON object with the arguments of the `FakeTelegram` method of that name;
people are named by their first name, chats by their id, messages by `[chat_id, message_id]`. The answer is
`{"ok": true, "result": …}`, or `{"ok": false, "error": "…"}` with status 400.

    POST /_control/say      {"who": "Ada", "text": "hello"}
    POST /_control/press    {"who": "Ada", "message": [700001, 2], "button": "Approve"}
    GET  /_control/sent
"""

from __future__ import annotations

__all__ = ["RemoteTelegram", "message_view", "mount_control"]

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, cast

from aiohttp import web

from botkit.testing.remote import Remote
from botkit.testing.telegram.server import FakeTelegram
from botkit.testing.telegram.world import FakeChat, FakeDraft, FakeMessage, FakeUser

_VERBS = frozenset(
    {
        *("user", "dm", "group", "topic", "say", "send_file", "send_other", "edit", "press", "expire_callbacks"),
        *("react", "stop_generation", "join", "leave", "block", "unblock", "kick_bot", "migrate", "raw_update"),
        *("redeliver", "rate_limit", "fail", "drop_before", "drop_after", "hold", "clear_faults"),
        *("revoke_token", "restore_token"),
    }
)


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


def mount_control(fake: FakeTelegram) -> None:
    """Add the control routes; before the server starts."""

    async def act(request: web.Request) -> web.Response:
        verb = request.match_info["verb"]
        if verb not in _VERBS:
            return web.json_response({"ok": False, "error": f"no verb {verb!r}: one of {sorted(_VERBS)}"}, status=404)
        try:
            args = _arguments(fake, cast("dict[str, Any]", await request.json()) if request.can_read_body else {})
            result = cast("Callable[..., Any]", getattr(fake, verb))(**args)
        except (LookupError, TypeError, ValueError) as error:
            return web.json_response({"ok": False, "error": str(error)}, status=400)
        fake.queue.wake()
        return web.json_response({"ok": True, "result": _view(result)})

    async def look(request: web.Request) -> web.Response:
        match request.match_info["what"]:
            case "sent":
                result: Any = [message_view(message) for message in fake.sent]
            case "all":
                result = [message_view(message) for message in fake.world.order]
            case "drafts":
                result = [_view(draft) for draft in fake.drafts]
            case "calls":
                result = [{"method": call.method, "args": call.args} for call in fake.calls]
            case "pending":
                result = len(fake.queue.pending)
            case what:
                return web.json_response({"ok": False, "error": f"nothing called {what!r}"}, status=404)
        return web.json_response({"ok": True, "result": result})

    fake.application.router.add_post("/_control/{verb}", act)
    fake.application.router.add_get("/_control/{what}", look)


def _arguments(fake: FakeTelegram, body: dict[str, Any]) -> dict[str, Any]:
    """Replace ids by what they name."""
    args = dict(body)
    if "chat" in args and args["chat"] is not None:
        chat = fake.world.chats.get(int(args["chat"]))
        if chat is None:
            raise LookupError(f"no chat {args['chat']}")
        args["chat"] = chat
    if "message" in args:
        chat_id, message_id = args["message"]
        message = fake.world.find(int(chat_id), int(message_id))
        if message is None:
            raise LookupError(f"no message {args['message']}")
        args["message"] = message
    if isinstance(args.get("data"), str):
        args["data"] = args["data"].encode()
    return args


def _view(value: Any) -> Any:
    match value:
        case FakeMessage():
            return message_view(value)
        case FakeChat():
            return {"id": value.id, "kind": value.kind, "title": value.title, "topics": value.topics}
        case FakeUser() | FakeDraft():
            return asdict(value)
        case None | bool() | int() | str():
            return value
        case _:
            return None


class RemoteTelegram(Remote):
    """The control side of a `python -m botkit.testing.telegram` process, for blocking tests.

    remote = RemoteTelegram("http://127.0.0.1:9110")
    remote.do("say", who="Ada", text="hello")
    remote.wait_for(lambda sent: [m for m in sent if m["text"] == "hi"])

    It shows `sent`, `all`, `drafts`, `calls` or `pending`.
    """
