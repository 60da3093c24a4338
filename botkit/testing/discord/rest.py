"""The REST API, version 10: what a bot may ask for, answered from the world."""

from __future__ import annotations

__all__ = ["Rest"]

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from botkit.testing.discord.checks import check_message, rung
from botkit.testing.discord.faults import ApiError, Call
from botkit.testing.discord.gateway import GUILD_MESSAGES, Gateway
from botkit.testing.discord.layouts import COMPONENTS_V2
from botkit.testing.discord.world import APP_ID, THREAD, FakeChannel, FakeFile, FakeGuild, FakeMessage, World

_DIRECT_MESSAGES = 1 << 12
NONCE_WINDOW_S = 300.0
"""Discord remembers nonces for "the past few minutes"."""

Handler = Callable[..., Any]
_ROUTES: list[tuple[str, re.Pattern[str], str]] = []


def _route(method: str, path: str) -> Callable[[Handler], Handler]:
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>\\d+)", path) + "$")

    def register(handler: Handler) -> Handler:
        _ROUTES.append((method, pattern, handler.__name__))
        return handler

    return register


class Rest:
    """Every documented route a chat bot needs; others answer 404 as unknown ones do."""

    def __init__(self, world: World, gateway: Gateway, *, gateway_address: Callable[[], str], public_key: str):
        self.world = world
        self.gateway = gateway
        self._gateway_address = gateway_address
        self._public_key = public_key
        self._nonces: dict[tuple[int, str], tuple[float, FakeMessage]] = {}
        self.sessions_left = 1000

    def answer(self, call: Call) -> Any:
        """The JSON answer; None is 204. Raises `ApiError`."""
        for method, pattern, name in _ROUTES:
            found = pattern.match(call.path)
            if found is not None and method == call.method:
                return getattr(self, name)(call, **{key: int(value) for key, value in found.groupdict().items()})
        raise ApiError(404, 0, "404: Not Found")

    # --- who am I ---------------------------------------------------------------------------------------

    @_route("GET", "/users/@me")
    def me(self, call: Call) -> Any:
        return self.world.bot.as_json()

    @_route("GET", "/oauth2/applications/@me")
    def application_by_oauth(self, call: Call) -> Any:
        return self.application(call)

    @_route("GET", "/applications/@me")
    def application(self, call: Call) -> Any:
        return {
            "id": str(APP_ID),
            "name": self.world.bot.name,
            "flags": self.world.flags,
            "verify_key": self._public_key,
            "description": "",
            "icon": None,
            "bot_public": True,
            "bot_require_code_grant": False,
            "owner": {**self.world.bot.as_json(), "id": "1", "username": "owner", "global_name": "Owner", "bot": False},
            "team": None,
            "approximate_guild_count": len(self.world.guilds),
        }

    @_route("GET", "/gateway/bot")
    def gateway_bot(self, call: Call) -> Any:
        limit = {"total": 1000, "remaining": self.sessions_left, "reset_after": 14_400_000, "max_concurrency": 1}
        return {"url": self._gateway_address(), "shards": 1, "session_start_limit": limit}

    @_route("GET", "/applications/{app}/commands")
    def commands(self, call: Call, app: int) -> Any:
        return self.world.commands

    @_route("PUT", "/applications/{app}/commands")
    def put_commands(self, call: Call, app: int) -> Any:
        listed: list[dict[str, Any]] = call.body["_"]
        for command in listed:
            if not re.fullmatch(r"[-_\w]{1,32}", command["name"]) or not 1 <= len(command["description"]) <= 100:
                raise ApiError(400, 50035, "Invalid Form Body")
        self.world.commands = [
            {"id": str(self.world.snowflake()), "application_id": str(APP_ID), "version": "1", **command}
            for command in listed
        ]
        return self.world.commands

    # --- channels ---------------------------------------------------------------------------------------

    def _channel(self, number: int) -> FakeChannel:
        channel = self.world.channels.get(number)
        if channel is None:
            raise ApiError(404, 10003, "Unknown Channel")
        guild = self.world.guilds.get(channel.guild_id)
        if channel.guild_id and (guild is None or APP_ID not in guild.members):
            raise ApiError(403, 50001, "Missing Access")
        return channel

    def _writable(self, number: int) -> FakeChannel:
        channel = self._channel(number)
        if channel.user is not None and not channel.user.accepts_dms:
            raise ApiError(403, 50007, "Cannot send messages to this user")
        if not channel.writable:
            raise ApiError(403, 50013, "Missing Permissions")
        if channel.archived:
            raise ApiError(400, 50083, "Thread is archived")
        return channel

    def _message(self, channel: FakeChannel, number: int) -> FakeMessage:
        message = self.world.live(number, channel.id)
        if message is None or message.seen_by:
            raise ApiError(404, 10008, "Unknown Message")
        return message

    @_route("POST", "/users/@me/channels")
    def open_dm(self, call: Call) -> Any:
        user = self.world.users.get(int(call.body["recipient_id"]))
        if user is None:
            raise ApiError(400, 50033, "Invalid Recipient(s)")
        return self.world.channel_json(self.world.dm(user))

    @_route("GET", "/channels/{channel}")
    def channel(self, call: Call, channel: int) -> Any:
        return self.world.channel_json(self._channel(channel))

    @_route("PATCH", "/channels/{channel}")
    def edit_channel(self, call: Call, channel: int) -> Any:
        found = self._channel(channel)
        if found.locked:
            raise ApiError(403, 50013, "Missing Permissions")
        found.archived = bool(call.body.get("archived", found.archived))
        found.name = str(call.body.get("name", found.name))
        return self.world.channel_json(found)

    @_route("POST", "/channels/{channel}/typing")
    def type(self, call: Call, channel: int) -> None:
        self.world.typing.append(self._writable(channel).id)

    @_route("POST", "/channels/{channel}/messages/{message}/threads")
    def start_thread(self, call: Call, channel: int, message: int) -> Any:
        parent = self._writable(channel)
        thread = FakeChannel(
            self._message(parent, message).id, THREAD, str(call.body["name"]), parent.guild_id, parent.id
        )
        self.world.channels[thread.id] = thread
        made = self.world.channel_json(thread)
        self.gateway.dispatch("THREAD_CREATE", made | {"newly_created": True}, intent=1)
        return made

    # --- messages ---------------------------------------------------------------------------------------

    @_route("GET", "/channels/{channel}/messages")
    def history(self, call: Call, channel: int) -> Any:
        found = self._channel(channel)
        after = int(call.query.get("after", "0"))
        limit = min(int(call.query.get("limit", "50")), 100)
        shown = [m for m in self.world.order if m.channel_id == found.id and not m.deleted and not m.seen_by]
        page = [m for m in shown if m.id > after][:limit] if after else shown[-limit:]
        return [self.world.message_json(message) for message in reversed(page)]

    @_route("GET", "/channels/{channel}/messages/{message}")
    def message(self, call: Call, channel: int, message: int) -> Any:
        return self.world.message_json(self._message(self._channel(channel), message))

    @_route("POST", "/channels/{channel}/messages")
    def create_message(self, call: Call, channel: int) -> Any:
        place = self._writable(channel)
        check_message(call, creates=True)
        nonce = str(call.body.get("nonce", ""))
        known = self._nonces.get((place.id, nonce)) if nonce and call.body.get("enforce_nonce") else None
        if known is not None and self.world.clock.monotonic() - known[0] <= NONCE_WINDOW_S:
            return self.world.message_json(known[1]) | {"nonce": nonce}
        message = self.write(place, call)
        if nonce:
            message.nonce = nonce
            self._nonces[place.id, nonce] = (self.world.clock.monotonic(), message)
        self.announce("MESSAGE_CREATE", message)
        return self.world.message_json(message) | ({"nonce": nonce} if nonce else {})

    def write(self, place: FakeChannel, call: Call, *, flags: int = 0, seen_by: int = 0) -> FakeMessage:
        """The message that a checked call asks for."""
        reference: dict[str, Any] = call.body.get("message_reference") or {}
        answered = int(reference.get("message_id", 0))
        if answered and self.world.live(answered, place.id) is None:
            if reference.get("fail_if_not_exists", True):
                raise ApiError(400, 50035, "Invalid Form Body")
            answered = 0
        content = str(call.body.get("content") or "").strip()
        message = FakeMessage(
            self.world.snowflake(),
            place.id,
            self.world.bot,
            self.world.clock.now(),
            content,
            kind=19 if answered else 0,
            flags=flags | int(call.body.get("flags", 0)),
            components=call.body.get("components") or [],
            reply_to=answered,
            rang=rung(self.world, place, call.body, content, answered),
            seen_by=seen_by,
        )
        message.files = [self._file(place, *file) for file in call.files]
        for file, described in zip(message.files, call.body.get("attachments") or (), strict=False):
            file.duration_s = float(described.get("duration_secs") or 0)
        return self.world.store(message)

    def _file(self, place: FakeChannel, name: str, data: bytes, mime: str) -> FakeFile:
        file = FakeFile(self.world.snowflake(), name, data, mime, len(data), place.id)
        self.world.files[file.id] = file
        return file

    @_route("PATCH", "/channels/{channel}/messages/{message}")
    def edit_message(self, call: Call, channel: int, message: int) -> Any:
        place = self._writable(channel)
        found = self._message(place, message)
        if found.author is not self.world.bot:
            raise ApiError(403, 50005, "Cannot edit a message authored by another user")
        if found.flags & COMPONENTS_V2:  # once it is one, it stays one
            call = replace(call, body={"flags": COMPONENTS_V2, **call.body})
        check_message(call, creates=False)
        self.change(found, call)
        self.announce("MESSAGE_UPDATE", found)
        return self.world.message_json(found)

    def change(self, message: FakeMessage, call: Call) -> None:
        """Apply a checked edit."""
        message.flags |= int(call.body.get("flags") or 0) & COMPONENTS_V2
        if "content" in call.body:
            message.edits.append(message.content)
            message.content = str(call.body["content"] or "").strip()
        if "components" in call.body:
            message.components = call.body["components"] or []
        place = self.world.channels[message.channel_id]
        message.files += [self._file(place, *file) for file in call.files]
        message.edited_at = self.world.clock.now()

    @_route("DELETE", "/channels/{channel}/messages/{message}")
    def delete_message(self, call: Call, channel: int, message: int) -> None:
        found = self._message(self._channel(channel), message)
        found.deleted = True
        self.announce("MESSAGE_DELETE", found)

    def announce(self, name: str, message: FakeMessage) -> None:
        """Tell the gateway about a message everybody there can see."""
        if message.seen_by:
            return
        place = self.world.channels[message.channel_id]
        guild: FakeGuild | None = self.world.guilds.get(place.guild_id)
        if name == "MESSAGE_DELETE":
            data: dict[str, Any] = {"id": str(message.id), "channel_id": str(place.id)}
        else:
            data = self.world.message_json(message)
            if message.nonce:
                data["nonce"] = message.nonce
            if guild is not None:
                data["member"] = self.world.member_json(message.author, guild)
        if guild is not None:
            data["guild_id"] = str(guild.id)
        self.gateway.dispatch(name, data, intent=GUILD_MESSAGES if guild is not None else _DIRECT_MESSAGES)

    def react(self, method: str, channel: int, message: int, emoji: str) -> None:
        """PUT and DELETE `…/reactions/{emoji}/@me`, whose path no pattern of numbers fits."""
        found = self._message(self._channel(channel), message)
        if not emoji or emoji.isascii():
            raise ApiError(400, 10014, "Unknown Emoji")
        people = found.reactions.setdefault(emoji, set())
        if method == "PUT":
            people.add(APP_ID)
        else:
            people.discard(APP_ID)
