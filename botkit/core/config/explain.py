"""Which settings hold in a channel or a room, and where each of them comes from."""

from __future__ import annotations

__all__ = ["Setting", "explain"]

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel

from botkit.core.config.config import Config
from botkit.core.config.emit import inline
from botkit.core.config.locate import nearest
from botkit.core.config.models import Channel, SecretRef
from botkit.core.config.nearest import LAYERED, Layers
from botkit.core.config.tree import Path, Place, follow, is_empty, raw_values
from botkit.core.errors import NotFound


@dataclass(frozen=True, slots=True)
class Setting:
    """One effective setting."""

    name: str
    value: str
    """As YAML."""
    source: str
    """`room -100`, `channel tg`, `bot helper`, `workspace desk`, `settings`, `models.default` or `built-in`."""
    place: Place | None = None
    """Where it stands; None when it is built in."""

    def __str__(self) -> str:
        where = f"{self.source}, {self.place.file}:{self.place.line}" if self.place else self.source
        return f"{self.name}: {self.value}  ({where})"


_TOLD_APART = ("prompt", "prompt_file", "prompt_append", "rooms", "groups")
"""Keys of a bot or a channel that `_Explainer` tells in its own way."""


def explain(config: Config, channel: str, room: str | None = None) -> list[Setting]:
    """Every effective setting of a channel, or of one of its rooms: room before channel before bot before settings.

    A room without an entry of its own has the channel's settings.

    Raises:
        NotFound: no such channel, or its bot is not in the file.
    """
    found = config.channels.get(channel)
    if found is None:
        hint = nearest(channel, config.channels) or f"there is: {', '.join(config.channels) or 'none'}"
        raise NotFound(f"no channel is called {channel} ({hint})", channel=channel)
    layers = Layers(config, channel, room or "")
    if layers.bot not in config.bots:
        raise NotFound(f"no bot is called {layers.bot}", bot=layers.bot)
    return list(_Explainer(config, channel, found, layers).settings())


class _Explainer:
    def __init__(self, config: Config, name: str, channel: Channel, layers: Layers):
        self.config = config
        self.channel = channel
        self.here: Path = ("channels", name)
        self.bot: Path = ("bots", layers.bot)
        self.layers = layers

    def settings(self) -> Iterator[Setting]:
        for name in LAYERED:
            found = self.layers.find(name)
            yield self.setting(name, found.value, found.path)
        bot = self.config.bots[self.layers.bot]
        yield self.setting("prompt", bot.prompt, (*self.bot, "prompt_file"), (*self.bot, "prompt"))
        for found in self.layers.appended():
            yield self.setting("prompt_append", found.value, found.path)
        yield self.setting("groups.allow", self.channel.groups.allow, (*self.here, "groups", "allow"))
        yield from self.others("channel", self.channel, self.here)
        yield from self.others("bot", bot, self.bot)
        if (workspace := self.config.workspaces.get(bot.workspace)) is not None:
            recording = ("workspaces", bot.workspace, "record_payloads")
            yield self.setting("workspace.record_payloads", workspace.record_payloads, recording)
        yield from self.others("settings", self.config.settings, ("settings",))

    def others(self, layer: str, model: BaseModel, here: Path, *within: str) -> Iterator[Setting]:
        """What a channel, a bot or the settings say that no other layer can."""
        for key in type(model).model_fields:
            keys, value = (*within, key), getattr(model, key)
            if (layer, *keys) in _LAYERED_PATHS or key in _TOLD_APART or _is_secret(model, key):
                continue
            if layer == "settings" and isinstance(value, BaseModel):
                yield from self.others(layer, value, here, *keys)
            else:
                name = ".".join(keys)
                both = layer == "bot" and key in type(self.channel).model_fields
                yield self.setting(f"bot.{name}" if both else name, value, (*here, *keys))

    def setting(self, name: str, value: Any, *paths: Path) -> Setting:
        """A value with the first of the places where it stands."""
        for path in paths:
            found, node, _ = follow(self.config.origin.tree, path)
            if found == path and not is_empty(node):
                # as written: placeholders stay placeholders
                return Setting(name, inline(raw_values(node)), _source(path), self.config.place(*path))
        if name == "model" and "default" in self.config.models:
            return Setting(name, "default", "models.default", self.config.place("models", "default"))
        return Setting(name, inline(_plain(value)), "built-in")


_LAYERED_PATHS = {path for paths in LAYERED.values() for path in paths}


def _source(path: Path) -> str:
    parts = [str(part) for part in path]
    if parts[0] == "channels":
        return f"room {parts[3]}" if len(parts) > 4 and parts[2] == "rooms" else f"channel {parts[1]}"
    return f"{parts[0].removesuffix('s')} {parts[1]}" if parts[0] in ("bots", "workspaces") else "settings"


def _is_secret(model: BaseModel, key: str) -> bool:
    """Whether a key holds credentials, stored or not."""
    return SecretRef.__name__ in str(type(model).model_fields[key].annotation)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in cast("Mapping[str, Any]", value).items()}
    return value
