"""The control side over HTTP, for tests whose bot and Discord live in processes of their own.

`POST /_control/{verb}` takes a JSON object with the arguments of the `FakeDiscord` method of that name; people
are named by their name, channels, servers and messages by their id. The answer is
`{"ok": true, "result": …}`, or `{"ok": false, "error": "…"}` with status 400.

    POST /_control/say      {"who": "Ada", "text": "hello"}
    POST /_control/press    {"who": "Ada", "message": "123", "label": "Approve"}
    GET  /_control/sent
"""

from __future__ import annotations

__all__ = ["RemoteDiscord", "message_view", "mount_control"]

from collections.abc import Callable
from typing import Any, cast

from aiohttp import web

from botkit.testing.discord.server import FakeDiscord
from botkit.testing.discord.world import FakeChannel, FakeGuild, FakeInteraction, FakeMessage, FakeUser
from botkit.testing.remote import Remote

_VERBS = frozenset(
    {
        *("user", "dm", "guild", "channel", "thread", "leave", "say", "send_file", "edit", "delete", "react"),
        *("press", "command", "raw_event", "redeliver", "rate_limit", "fail", "drop_before", "drop_after", "hold"),
        *("revoke_token", "restore_token"),
    }
)


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


def mount_control(fake: FakeDiscord) -> None:
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
        fake.wake()
        return web.json_response({"ok": True, "result": _view(result)})

    async def look(request: web.Request) -> web.Response:
        match request.match_info["what"]:
            case "sent":
                result: Any = [message_view(message) for message in fake.sent]
            case "all":
                result = [message_view(message) for message in fake.world.order]
            case "calls":
                result = [{"method": call.method, "path": call.path, "body": call.body} for call in fake.calls]
            case what:
                return web.json_response({"ok": False, "error": f"nothing called {what!r}"}, status=404)
        return web.json_response({"ok": True, "result": result})

    fake.application.router.add_post("/_control/{verb}", act)
    fake.application.router.add_get("/_control/{what}", look)


def _arguments(fake: FakeDiscord, body: dict[str, Any]) -> dict[str, Any]:
    """Replace ids by what they name. Raises `LookupError`."""
    args = dict(body)
    tables: dict[str, dict[int, Any]] = {
        "place": fake.world.channels,
        "parent": fake.world.channels,
        "guild": fake.world.guilds,
        "message": fake.world.messages,
    }
    for name, table in tables.items():
        if args.get(name) is not None:
            number = int(args[name])
            if number not in table:
                raise LookupError(f"no {name} {number}")
            args[name] = table[number]
    if isinstance(args.get("data"), str):
        args["data"] = args["data"].encode()
    return args


def _view(value: Any) -> Any:
    match value:
        case FakeMessage():
            return message_view(value)
        case FakeChannel() | FakeGuild() | FakeUser():
            return {"id": str(value.id), "name": value.name}
        case FakeInteraction():
            return {"id": str(value.id), "state": value.state}
        case None | bool() | int() | str():
            return value
        case _:
            return None


class RemoteDiscord(Remote):
    """The control side of a `python -m botkit.testing.discord` process, for blocking tests.

    remote = RemoteDiscord("http://127.0.0.1:9120")
    remote.do("say", who="Ada", text="hello")
    remote.wait_for(lambda sent: [m for m in sent if m["text"] == "hi"])

    It shows `sent`, `all` or `calls`.
    """
