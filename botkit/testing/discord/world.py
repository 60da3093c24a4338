"""What exists at the fake: people, servers, channels, messages, interactions, and their API v10 JSON."""

from __future__ import annotations

__all__ = [
    "APP_ID",
    "FakeChannel",
    "FakeFile",
    "FakeGuild",
    "FakeInteraction",
    "FakeMessage",
    "FakeUser",
    "World",
    "iso",
]

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from botkit.core.clock import Clock
from botkit.testing.discord.layouts import all_components

APP_ID = 4242
"""Application and bot user share their id, as at Discord."""
_EPOCH_MS = 1_420_070_400_000
MESSAGE_CONTENT_FLAG = 1 << 18
EPHEMERAL = 1 << 6
LOADING = 1 << 7
VOICE_MESSAGE = 1 << 13
DM, TEXT, THREAD = 1, 0, 11
_NO_COLORS = {"primary_color": 0, "secondary_color": None, "tertiary_color": None}
_PLAIN_GUILD: dict[str, Any] = {
    "afk_timeout": 300,
    "default_message_notifications": 0,
    "explicit_content_filter": 0,
    "features": [],
    "mfa_level": 0,
    "nsfw_level": 0,
    "preferred_locale": "en-US",
    "premium_progress_bar_enabled": False,
    "premium_tier": 0,
    "system_channel_flags": 0,
    "verification_level": 0,
    **dict.fromkeys(("afk_channel_id", "application_id", "banner", "description", "discovery_splash", "hub_type")),
    **dict.fromkeys(("icon", "incidents_data", "public_updates_channel_id", "rules_channel_id", "splash")),
    **dict.fromkeys(("safety_alerts_channel_id", "system_channel_id", "vanity_url_code")),
}
"""What a new server has of everything nobody here asks for."""
_PUBLIC_PERMISSIONS = "274877991936"


def iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds")


@dataclass(slots=True)
class FakeUser:
    id: int
    username: str
    name: str
    """The display name."""
    bot: bool = False
    locale: str = "en-US"
    accepts_dms: bool = True

    def as_json(self) -> dict[str, Any]:
        user: dict[str, Any] = {
            "id": str(self.id),
            "username": self.username,
            "discriminator": "0",
            "global_name": None if self.bot else self.name,
            "avatar": None,
            "public_flags": 0,
        }
        return user | ({"bot": True} if self.bot else {})


@dataclass(slots=True)
class FakeGuild:
    id: int
    name: str
    bot_role: int
    """The role Discord makes for the bot."""
    members: set[int] = field(default_factory=set[int])


@dataclass(slots=True)
class FakeChannel:
    id: int
    kind: int
    """0 a server's text channel, 1 a direct message, 11 a public thread."""
    name: str = ""
    guild_id: int = 0
    parent_id: int = 0
    user: FakeUser | None = None
    """The other side of a direct message."""
    archived: bool = False
    locked: bool = False
    writable: bool = True
    """False: the bot lacks the right to write there."""
    last_message_id: int = 0


@dataclass(slots=True)
class FakeFile:
    id: int
    name: str
    data: bytes
    mime: str
    size: int
    channel_id: int
    duration_s: float = 0.0
    expired: bool = False
    """Its signed address is no longer valid."""
    gone: bool = False


@dataclass(slots=True)
class FakeMessage:
    """A message as people see it now, with what it was before."""

    id: int
    channel_id: int
    author: FakeUser
    at: datetime
    content: str = ""
    kind: int = 0
    flags: int = 0
    edited_at: datetime | None = None
    edits: list[str] = field(default_factory=list[str])
    """Earlier contents, oldest first."""
    components: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    files: list[FakeFile] = field(default_factory=list[FakeFile])
    reply_to: int = 0
    mentions: list[FakeUser] = field(default_factory=list[FakeUser])
    mention_roles: list[int] = field(default_factory=list[int])
    rang: list[str] = field(default_factory=list[str])
    """Who was notified: user names, `@everyone`, `@role`."""
    nonce: str = ""
    reactions: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    deleted: bool = False
    seen_by: int = 0
    """The only person who sees it (ephemeral); 0: everybody there."""
    extra: dict[str, Any] = field(default_factory=dict[str, Any])
    """More fields of the message object, such as a poll."""

    @property
    def buttons(self) -> list[dict[str, Any]]:
        return [item for item in all_components(self.components) if item.get("type") == 2]

    @property
    def menus(self) -> list[dict[str, Any]]:
        return [item for item in all_components(self.components) if item.get("type") == 3]

    @property
    def text(self) -> str:
        """What people read of it: the content, or the texts of its components."""
        texts = [str(item["content"]) for item in all_components(self.components) if item.get("type") == 10]
        return "\n".join([self.content, *texts]) if self.content else "\n".join(texts)

    @property
    def labels(self) -> list[str]:
        return [str(button.get("label", "")) for button in self.buttons]


@dataclass(slots=True)
class FakeInteraction:
    """A pressed button or a slash command, and what the bot did about it."""

    id: int
    token: str
    kind: Literal[2, 3, 5]
    user: FakeUser
    channel_id: int
    at_s: float
    """On the monotonic clock."""
    message: FakeMessage | None = None
    state: Literal["open", "deferred", "answered", "failed"] = "open"
    """`deferred`: the person sees that the bot thinks."""
    response: FakeMessage | None = None
    """What `@original` names."""
    flags: int = 0
    dialog: dict[str, Any] | None = None
    """The form that was opened as its answer."""


class World:
    """All state of one bot's Discord, without any HTTP."""

    def __init__(self, *, clock: Clock, name: str = "Desk"):
        self.clock = clock
        self.bot = FakeUser(APP_ID, name, name, bot=True)
        self.users: dict[int, FakeUser] = {APP_ID: self.bot}
        self.guilds: dict[int, FakeGuild] = {}
        self.channels: dict[int, FakeChannel] = {}
        self.messages: dict[int, FakeMessage] = {}
        self.order: list[FakeMessage] = []
        self.files: dict[int, FakeFile] = {}
        self.interactions: dict[int, FakeInteraction] = {}
        self.commands: list[dict[str, Any]] = []
        self.typing: list[int] = []
        """Channel ids, one for each signal."""
        self.flags = MESSAGE_CONTENT_FLAG
        """Of the application: which privileged intents its owner switched on."""
        self.public_base = ""
        self._count = 0

    def snowflake(self) -> int:
        """The next id; it contains the time, as ids do there."""
        self._count += 1
        milliseconds = int(self.clock.now().timestamp() * 1000) - _EPOCH_MS
        return (milliseconds << 22) | (self._count & 0x3FFFFF)

    # --- people and places ------------------------------------------------------------------------------

    def add_user(self, name: str, *, bot: bool = False) -> FakeUser:
        user = FakeUser(self.snowflake(), name.lower(), name, bot)
        self.users[user.id] = user
        return user

    def dm(self, user: FakeUser) -> FakeChannel:
        for channel in self.channels.values():
            if channel.user is user:
                return channel
        channel = FakeChannel(self.snowflake(), DM, user=user)
        self.channels[channel.id] = channel
        return channel

    def add_guild(self, name: str) -> FakeGuild:
        guild = FakeGuild(self.snowflake(), name, self.snowflake(), {APP_ID})
        self.guilds[guild.id] = guild
        return guild

    def add_channel(self, guild: FakeGuild, name: str, *, parent: FakeChannel | None = None) -> FakeChannel:
        kind = TEXT if parent is None else THREAD
        channel = FakeChannel(self.snowflake(), kind, name, guild.id, parent.id if parent else 0)
        self.channels[channel.id] = channel
        return channel

    def store(self, message: FakeMessage) -> FakeMessage:
        self.messages[message.id] = message
        self.order.append(message)
        self.channels[message.channel_id].last_message_id = message.id
        return message

    def live(self, message_id: int, channel_id: int = 0) -> FakeMessage | None:
        message = self.messages.get(message_id)
        if message is None or message.deleted or (channel_id and message.channel_id != channel_id):
            return None
        return message

    # --- JSON -------------------------------------------------------------------------------------------

    def channel_json(self, channel: FakeChannel) -> dict[str, Any]:
        found: dict[str, Any] = {"id": str(channel.id), "type": channel.kind, "flags": 0}
        found["last_message_id"] = str(channel.last_message_id) if channel.last_message_id else None
        if channel.user is not None:
            return found | {"recipients": [channel.user.as_json()]}
        found |= {"guild_id": str(channel.guild_id), "name": channel.name}
        found["parent_id"] = str(channel.parent_id) if channel.parent_id else None
        if channel.kind == THREAD:
            found["thread_metadata"] = {
                "archived": channel.archived,
                "auto_archive_duration": 1440,
                "archive_timestamp": iso(self.clock.now()),
                "locked": channel.locked,
            }
            found |= {"owner_id": str(APP_ID), "message_count": 0, "member_count": 1}
        else:
            found |= {"position": 0, "permission_overwrites": [], "nsfw": False, "topic": None}
        return found

    def member_json(self, user: FakeUser, guild: FakeGuild) -> dict[str, Any]:
        roles = [str(guild.bot_role)] if user is self.bot else []
        joined = {"joined_at": iso(self.clock.now()), "premium_since": None, "pending": False, "flags": 0}
        return {"roles": roles, "nick": None, "avatar": None, "deaf": False, "mute": False, **joined}

    def guild_json(self, guild: FakeGuild) -> dict[str, Any]:
        mine = [channel for channel in self.channels.values() if channel.guild_id == guild.id]
        role = {"id": str(guild.bot_role), "name": self.bot.name, "managed": True, "tags": {"bot_id": str(APP_ID)}}
        everyone = {"id": str(guild.id), "name": "@everyone", "managed": False}
        shared: dict[str, Any] = {"color": 0, "hoist": False, "position": 0, "mentionable": False}
        shared |= {"permissions": _PUBLIC_PERMISSIONS, "colors": _NO_COLORS, "flags": 0}
        return {
            "id": str(guild.id),
            "name": guild.name,
            "owner_id": "1",
            "unavailable": False,
            "joined_at": iso(self.clock.now()),
            "large": False,
            "member_count": len(guild.members),
            "roles": [{**everyone, **shared}, {**role, **shared}],
            "channels": [self.channel_json(channel) for channel in mine if channel.kind != THREAD],
            "threads": [self.channel_json(channel) for channel in mine if channel.kind == THREAD],
            "members": [{**self.member_json(self.bot, guild), "user": self.bot.as_json()}],
            "emojis": [],
            "stickers": [],
            "presences": [],
            "voice_states": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
            **_PLAIN_GUILD,
        }

    @staticmethod
    def signature(file: FakeFile) -> str:
        """What a valid address of the file carries now; older addresses lose theirs when they expire."""
        return "renewed" if file.expired else f"{file.id:x}"

    def file_json(self, file: FakeFile) -> dict[str, Any]:
        address = f"{self.public_base}/cdn/attachments/{file.channel_id}/{file.id}/{file.name}"
        found: dict[str, Any] = {
            "id": str(file.id),
            "filename": file.name,
            "size": file.size,
            "url": f"{address}?ex={self.signature(file)}",
            "proxy_url": address,
            "content_type": file.mime,
        }
        if file.duration_s:
            found |= {"duration_secs": file.duration_s, "waveform": "AAAA"}
        return found

    def message_json(self, message: FakeMessage, *, depth: int = 1) -> dict[str, Any]:
        """The message object as REST gives it; the gateway adds `guild_id` and `member`."""
        found: dict[str, Any] = {
            "id": str(message.id),
            "channel_id": str(message.channel_id),
            "author": message.author.as_json(),
            "content": message.content,
            "timestamp": iso(message.at),
            "edited_timestamp": iso(message.edited_at),
            "tts": False,
            "mention_everyone": "@everyone" in message.rang,
            "mentions": [user.as_json() for user in message.mentions],
            "mention_roles": [str(role) for role in message.mention_roles],
            "attachments": [self.file_json(file) for file in message.files],
            "embeds": [],
            "components": message.components,
            "pinned": False,
            "type": message.kind,
            "flags": message.flags,
        }
        if message.reply_to:
            channel = self.channels[message.channel_id]
            reference: dict[str, Any] = {"type": 0, "channel_id": found["channel_id"]}
            reference["message_id"] = str(message.reply_to)
            found["message_reference"] = reference | ({"guild_id": str(channel.guild_id)} if channel.guild_id else {})
            answered = self.live(message.reply_to)
            if depth:
                found["referenced_message"] = self.message_json(answered, depth=0) if answered else None
        return found | message.extra
