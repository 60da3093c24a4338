"""What people do: write, press, use commands, edit, react. Every deed becomes the event Discord would send."""

from __future__ import annotations

__all__ = ["People", "Who"]

import re
from typing import Any

from botkit.testing.discord.gateway import Gateway
from botkit.testing.discord.rest import Rest
from botkit.testing.discord.world import (
    APP_ID,
    VOICE_MESSAGE,
    FakeChannel,
    FakeFile,
    FakeGuild,
    FakeInteraction,
    FakeMessage,
    FakeUser,
    World,
)

Who = FakeUser | str
"""A person, or a name: the same name is the same person, made at first use."""
_REACTIONS = {True: 1 << 10, False: 1 << 13}
"""Intents, by whether it is in a server."""


class People:
    """The control side that acts as people."""

    def __init__(self, world: World, gateway: Gateway, rest: Rest):
        self.world = world
        self.gateway = gateway
        self.rest = rest
        self.interact_by_http = False
        """The application has an interactions endpoint: interactions do not come over the gateway."""
        self.posts: list[tuple[FakeInteraction, dict[str, Any]]] = []
        """Interactions to post to that endpoint."""
        self._named: dict[str, FakeUser] = {}

    # --- who and where ----------------------------------------------------------------------------------

    def user(self, who: Who, *, bot: bool = False) -> FakeUser:
        if isinstance(who, FakeUser):
            return who
        if who not in self._named:
            self._named[who] = self.world.add_user(who, bot=bot)
        return self._named[who]

    def dm(self, who: Who) -> FakeChannel:
        return self.world.dm(self.user(who))

    def guild(self, name: str = "Team") -> FakeGuild:
        """A new server the bot is in; a connected bot hears of it."""
        guild = self.world.add_guild(name)
        self.gateway.dispatch("GUILD_CREATE", self.world.guild_json(guild), intent=1)
        return guild

    def channel(self, guild: FakeGuild, name: str = "general") -> FakeChannel:
        channel = self.world.add_channel(guild, name)
        self.gateway.dispatch("CHANNEL_CREATE", self.world.channel_json(channel), intent=1)
        return channel

    def thread(self, parent: FakeChannel, name: str = "a thread") -> FakeChannel:
        guild = self.world.guilds[parent.guild_id]
        thread = self.world.add_channel(guild, name, parent=parent)
        self.gateway.dispatch("THREAD_CREATE", self.world.channel_json(thread) | {"newly_created": True}, intent=1)
        return thread

    def leave(self, guild: FakeGuild) -> None:
        """The bot is removed from a server."""
        guild.members.discard(APP_ID)
        self.gateway.dispatch("GUILD_DELETE", {"id": str(guild.id)}, intent=1)

    # --- messages ---------------------------------------------------------------------------------------

    def say(
        self,
        who: Who,
        text: str,
        place: FakeChannel | None = None,
        *,
        reply_to: FakeMessage | int = 0,
        kind: int = 0,
        extra: dict[str, Any] | None = None,
    ) -> FakeMessage:
        """A person writes. Without `place` it is their direct chat. `@Name` becomes a mention, as their app does.

        `extra` adds fields of the message object (`poll`, `sticker_items`, `webhook_id` …).
        """
        answered = reply_to.id if isinstance(reply_to, FakeMessage) else reply_to
        message = self._message(who, place, text)
        message.kind = kind or (19 if answered else 0)
        message.reply_to = answered
        message.extra = dict(extra or {})
        replied = self.world.live(answered) if answered else None
        if replied is not None and replied.author not in message.mentions and place is not None:
            message.mentions.append(replied.author)  # a reply rings whom it answers unless switched off
        return self._arrives(message)

    def send_file(
        self,
        who: Who,
        data: bytes = b"file",
        place: FakeChannel | None = None,
        *,
        name: str = "note.txt",
        mime: str = "text/plain",
        size: int = 0,
        voice_s: float = 0.0,
        text: str = "",
    ) -> FakeMessage:
        """A person sends a file. `size` claims more bytes than there are; `voice_s` makes it a voice message."""
        message = self._message(who, place, text)
        file = FakeFile(
            self.world.snowflake(), name, data, mime, size or len(data), message.channel_id, duration_s=voice_s
        )
        self.world.files[file.id] = file
        message.files.append(file)
        message.flags = VOICE_MESSAGE if voice_s else 0
        return self._arrives(message)

    def edit(self, message: FakeMessage, text: str) -> FakeMessage:
        message.edits.append(message.content)
        message.content, message.mentions, message.mention_roles = self._mentions(message.channel_id, text)
        message.edited_at = self.world.clock.now()
        self.rest.announce("MESSAGE_UPDATE", message)
        return message

    def unfurl(self, message: FakeMessage) -> None:
        """Discord adds a preview of a link: an update nobody wrote."""
        self.rest.announce("MESSAGE_UPDATE", message)

    def delete(self, message: FakeMessage) -> None:
        message.deleted = True
        self.rest.announce("MESSAGE_DELETE", message)

    def react(self, who: Who, message: FakeMessage, emoji: str) -> None:
        user = self.user(who)
        message.reactions.setdefault(emoji, set()).add(user.id)
        place = self.world.channels[message.channel_id]
        data: dict[str, Any] = {
            "user_id": str(user.id),
            "channel_id": str(place.id),
            "message_id": str(message.id),
            "message_author_id": str(message.author.id),
            "emoji": {"id": None, "name": emoji},
            "burst": False,
            "type": 0,
        }
        if place.guild_id:
            guild = self.world.guilds[place.guild_id]
            data |= {
                "guild_id": str(guild.id),
                "member": {**self.world.member_json(user, guild), "user": user.as_json()},
            }
        self.gateway.dispatch("MESSAGE_REACTION_ADD", data, intent=_REACTIONS[bool(place.guild_id)])

    def raw_event(self, name: str, data: dict[str, Any]) -> None:
        """Any dispatch, also a malformed one."""
        self.gateway.dispatch(name, data)

    def _message(self, who: Who, place: FakeChannel | None, text: str) -> FakeMessage:
        user = self.user(who)
        channel = place or self.world.dm(user)
        if channel.guild_id:
            self.world.guilds[channel.guild_id].members.add(user.id)
        content, mentions, roles = self._mentions(channel.id, text)
        return FakeMessage(
            self.world.snowflake(),
            channel.id,
            user,
            self.world.clock.now(),
            content,
            mentions=mentions,
            mention_roles=roles,
        )

    def _mentions(self, channel_id: int, text: str) -> tuple[str, list[FakeUser], list[int]]:
        """`@Desk` → `<@4242>`; `@&Desk` → its role."""
        found: list[FakeUser] = []
        roles: list[int] = []
        for user in self.world.users.values():
            content = re.sub(rf"@{re.escape(user.name)}\b", f"<@{user.id}>", text)
            if content != text:
                found.append(user)
                text = content
        guild = self.world.guilds.get(self.world.channels[channel_id].guild_id)
        if guild is not None and f"@&{self.world.bot.name}" in text:
            roles.append(guild.bot_role)
            text = text.replace(f"@&{self.world.bot.name}", f"<@&{guild.bot_role}>")
        return text, found, roles

    def _arrives(self, message: FakeMessage) -> FakeMessage:
        self.world.store(message)
        self.rest.announce("MESSAGE_CREATE", message)
        return message

    # --- interactions -----------------------------------------------------------------------------------

    def press(self, who: Who, message: FakeMessage, label: str) -> FakeInteraction:
        """Press the button of that label. Raises `LookupError` when there is none."""
        button = next((item for item in message.buttons if item.get("label") == label), None)
        if button is None or "custom_id" not in button:
            raise LookupError(f"message {message.id} has no button {label!r}: {message.labels}")
        data = {"custom_id": button["custom_id"], "component_type": 2, "id": 1}
        return self._interact(3, self.user(who), self.world.channels[message.channel_id], data, message)

    def choose(self, who: Who, message: FakeMessage, *labels: str, menu: int = 0) -> FakeInteraction:
        """Choose options of a menu of the message. Raises `LookupError` when there is no such menu or option."""
        if menu >= len(message.menus):
            raise LookupError(f"message {message.id} has no menu {menu}")
        found = message.menus[menu]
        values = {str(option["label"]): str(option["value"]) for option in found["options"]}
        if not found.get("min_values", 1) <= len(labels) <= found.get("max_values", 1):
            raise LookupError(f"the menu does not take {len(labels)} options")
        data = {"custom_id": found["custom_id"], "component_type": 3, "id": 1}
        data |= {"values": [values[label] for label in labels]}
        return self._interact(3, self.user(who), self.world.channels[message.channel_id], data, message)

    def submit(self, pressed: FakeInteraction, answers: dict[str, str | bool | list[str]]) -> FakeInteraction:
        """Send the dialog that a press opened, filled in by the labels people read.

        Raises `LookupError` when there is no dialog, a label is unknown, or a required input is empty.
        """
        if pressed.dialog is None:
            raise LookupError("no dialog was opened")
        labels = {str(label["label"]): label["component"] for label in pressed.dialog["components"]}
        if unknown := set(answers) - set(labels):
            raise LookupError(f"the dialog has no {unknown}: {list(labels)}")
        components = [
            {"type": 18, "id": number, "component": _filled(component, answers.get(label))}
            for number, (label, component) in enumerate(labels.items(), 1)
        ]
        data = {"custom_id": pressed.dialog["custom_id"], "components": components}
        return self._interact(5, pressed.user, self.world.channels[pressed.channel_id], data, pressed.message)

    def command(self, who: Who, name: str, place: FakeChannel | None = None, **options: str) -> FakeInteraction:
        """Use a slash command. Raises `LookupError` when the bot did not register it, or an option of it."""
        known = next((command for command in self.world.commands if command["name"] == name), None)
        if known is None:
            raise LookupError(f"no command /{name}: {[command['name'] for command in self.world.commands]}")
        data: dict[str, Any] = {"id": known["id"], "name": name, "type": 1}
        if undeclared := set(options) - {option["name"] for option in known.get("options") or ()}:
            raise LookupError(f"/{name} has no option {sorted(undeclared)}")
        if options:
            data["options"] = [{"name": key, "type": 3, "value": value} for key, value in options.items()]
        user = self.user(who)
        return self._interact(2, user, place or self.world.dm(user), data)

    def _interact(
        self, kind: Any, user: FakeUser, place: FakeChannel, data: dict[str, Any], message: FakeMessage | None = None
    ) -> FakeInteraction:
        number = self.world.snowflake()
        made = FakeInteraction(
            number, f"token-{number}", kind, user, place.id, self.world.clock.monotonic(), message=message
        )
        self.world.interactions[number] = made
        payload: dict[str, Any] = {
            "id": str(number),
            "application_id": str(APP_ID),
            "type": kind,
            "token": made.token,
            "version": 1,
            "data": data,
            "channel_id": str(place.id),
            "channel": self.world.channel_json(place),
            "locale": user.locale,
            "entitlements": [],
            "attachment_size_limit": 10_485_760,
            "context": 0 if place.guild_id else 1,
            "app_permissions": "0",
            "authorizing_integration_owners": {"0": str(place.guild_id)},
        }
        if message is not None:
            payload["message"] = self.world.message_json(message)
        guild = self.world.guilds.get(place.guild_id)
        if guild is not None:
            payload |= {"guild_id": str(guild.id), "guild_locale": "en-US"}
            payload["member"] = self.world.member_json(user, guild) | {"user": user.as_json(), "permissions": "0"}
        else:
            payload["user"] = user.as_json()
        if self.interact_by_http:
            self.posts.append((made, payload))
        else:
            self.gateway.dispatch("INTERACTION_CREATE", payload)
        return made


def _filled(component: dict[str, Any], answer: str | bool | list[str] | None) -> dict[str, Any]:
    """What Discord sends of one input of a dialog."""
    made: dict[str, Any] = {"type": component["type"], "id": 9, "custom_id": component["custom_id"]}
    if component["type"] == 23:
        return made | {"value": bool(component.get("default")) if answer is None else bool(answer)}
    answer = component.get("value") if answer is None else answer
    if component.get("required", True) and answer in (None, "", []):
        raise LookupError(f"{component['custom_id']} is required")
    if component["type"] == 3:
        values = {str(option["label"]): str(option["value"]) for option in component["options"]}
        chosen = [answer] if isinstance(answer, str) else answer if isinstance(answer, list) else []
        return made | {"values": [values[label] for label in chosen]}
    text = str(answer or "")
    if not component.get("min_length", 0) <= len(text) <= component.get("max_length", 4000):
        raise LookupError(f"{component['custom_id']} does not take {len(text)} characters")
    return made | {"value": text}
