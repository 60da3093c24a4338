"""Which settings hold in a channel or a room, and where each of them comes from."""

from __future__ import annotations

__all__ = ["Setting", "explain"]

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from botkit.core.config.config import Config
from botkit.core.config.emit import inline
from botkit.core.config.locate import nearest
from botkit.core.config.models import Bot, Channel, Settings
from botkit.core.config.tree import Path, Place, follow, is_empty, raw_values
from botkit.core.errors import NotFound


@dataclass(frozen=True, slots=True)
class Setting:
    """One effective setting."""

    name: str
    value: str
    """As YAML."""
    source: str
    """`room -100`, `channel tg`, `bot helper`, `settings`, `models.default` or `built-in`."""
    place: Place | None = None
    """Where it stands; None when it is built in."""

    def __str__(self) -> str:
        where = f"{self.source}, {self.place.file}:{self.place.line}" if self.place else self.source
        return f"{self.name}: {self.value}  ({where})"


_SHARED = ("busy", "while_waiting", "stream", "history_messages", "session_ttl_hours", "locale")
"""Settings of a bot that a channel or a room may replace."""
_OF_CHANNEL = ("platform", "enabled", "dm_policy", "allow", "on_unknown_send", "api_base")
_OF_BOT = (
    "workspace", "welcome", "fallback", "max_iterations", "max_output_tokens", "max_turn_tokens", "max_turn_cost",
    "timeout_s", "temperature",
)  # fmt: skip
_IN_SETTINGS: Mapping[str, Path] = {
    "history_messages": ("settings", "sessions", "window_messages"),
    "session_ttl_hours": ("settings", "sessions", "ttl_hours"),
    "locale": ("settings", "locale"),
}


def explain(config: Config, channel: str, room: str | None = None) -> list[Setting]:
    """Effective settings of a channel, or of one of its rooms: room before channel before bot before settings.

    A room without an entry of its own has the channel's settings.

    Raises:
        NotFound: no such channel, or its bot is not in the file.
    """
    found = config.channels.get(channel)
    if found is None:
        hint = nearest(channel, config.channels) or f"there is: {', '.join(config.channels) or 'none'}"
        raise NotFound(f"no channel is called {channel} ({hint})", channel=channel)
    return list(_Explainer(config, channel, found, room).settings())


class _Explainer:
    def __init__(self, config: Config, name: str, channel: Channel, room: str | None):
        self.config = config
        self.channel = channel
        self.here: Path = ("channels", name)
        self.room: Path = (*self.here, "rooms", room) if room is not None else self.here
        overrides = channel.rooms.get(room) if room is not None else None
        self.bot = (overrides.bot if overrides else None) or channel.bot
        if self.bot not in config.bots:
            raise NotFound(f"no bot is called {self.bot}", bot=self.bot)

    def settings(self) -> Iterator[Setting]:
        bot: Path = ("bots", self.bot)
        yield self.first("bot", (*self.room, "bot"), (*self.here, "bot"))
        for name in _OF_CHANNEL:
            if name in type(self.channel).model_fields:
                yield self.first(name, (*self.here, name), default=_default(type(self.channel), name))
        yield self.first("groups.policy", (*self.room, "policy"), (*self.here, "groups", "policy"), default="mention")
        yield self.first("groups.names", (*self.room, "names"), (*self.here, "groups", "names"), default=[])
        yield self.first("groups.allow", (*self.here, "groups", "allow"))
        yield self.model(bot)
        yield from self.prompt(bot)
        for name in _SHARED:
            layers: list[Path] = [(*self.room, name), (*self.here, name), (*bot, name)]
            if name in _IN_SETTINGS:
                layers.append(_IN_SETTINGS[name])
            default = _default(Bot, name)
            yield self.first(name, *layers, default=_default(Settings, name) if default is None else default)
        for name in _OF_BOT:
            yield self.first(name, (*bot, name), default=_default(Bot, name))
        yield self.first("sessions.scope", ("settings", "sessions", "scope"), default="room")
        yield self.first("timezone", ("settings", "timezone"), default=_default(Settings, "timezone"))

    def first(self, name: str, *paths: Path, default: Any = None) -> Setting:
        """The first of the paths that stands in the file, else the default."""
        for path in paths:
            found, node, _ = follow(self.config.origin.tree, path)
            if found == path and not is_empty(node):
                # as written: placeholders stay placeholders
                return Setting(name, inline(raw_values(node)), self.source(path), self.config.place(*path))
        return Setting(name, inline(_plain(default)), "built-in")

    def model(self, bot: Path) -> Setting:
        chosen = self.first("model", (*self.room, "model"), (*self.here, "model"), (*bot, "model"))
        if chosen.place is None and "default" in self.config.models:
            return Setting("model", "default", "models.default", self.config.place("models", "default"))
        return chosen if chosen.place else Setting("model", inline(self.config.bots[self.bot].model), "built-in")

    def prompt(self, bot: Path) -> Iterator[Setting]:
        yield self.first("prompt", (*bot, "prompt_file"), (*bot, "prompt"), default="")
        for path in dict.fromkeys([(*self.here, "prompt_append"), (*self.room, "prompt_append")]):
            appended = self.first("prompt_append", path)
            if appended.place is not None:
                yield appended

    def source(self, path: Path) -> str:
        parts = [str(part) for part in path]
        if parts[0] == "channels":
            return f"room {parts[3]}" if len(parts) > 4 and parts[2] == "rooms" else f"channel {parts[1]}"
        return f"bot {parts[1]}" if parts[0] == "bots" else "settings"


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json", by_alias=True, exclude_unset=True) if isinstance(value, BaseModel) else value


def _default(model: type[BaseModel], name: str) -> Any:
    field = model.model_fields[name]
    return None if field.is_required() else field.get_default(call_default_factory=True, validated_data={})
