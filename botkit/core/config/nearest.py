"""The nearest wins: a room before its channel, before the bot, before the settings of the whole installation.

The table says which layers may decide a setting; `Layers` looks it up. What runs (`botkit.engine.effective`) and what
`botkit explain` tells both come from here, so they cannot disagree.
"""

from __future__ import annotations

__all__ = ["LAYERED", "Found", "Layers", "longest_history"]

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botkit.core.config.config import Config
from botkit.core.config.tree import Path

LAYERED: Mapping[str, tuple[Path, ...]] = {
    "bot": (("room", "bot"), ("channel", "bot")),
    "groups.policy": (("room", "policy"), ("channel", "groups", "policy")),
    "groups.names": (("room", "names"), ("channel", "groups", "names")),
    "model": (("room", "model"), ("channel", "model"), ("bot", "model")),
    "busy": (("room", "busy"), ("channel", "busy"), ("bot", "busy")),
    "while_waiting": (("room", "while_waiting"), ("channel", "while_waiting"), ("bot", "while_waiting")),
    "stream": (("room", "stream"), ("channel", "stream"), ("bot", "stream")),
    "history_messages": (
        ("room", "history_messages"),
        ("channel", "history_messages"),
        ("bot", "history_messages"),
        ("settings", "sessions", "window_messages"),
    ),
    "session_ttl_hours": (
        ("room", "session_ttl_hours"),
        ("channel", "session_ttl_hours"),
        ("bot", "session_ttl_hours"),
        ("settings", "sessions", "ttl_hours"),
    ),
    "locale": (("room", "locale"), ("channel", "locale"), ("bot", "locale"), ("settings", "locale")),
}
"""Setting → where it may stand, the nearest first: a layer, and the keys within it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A setting as it holds."""

    value: Any
    path: Path
    """Where it stands, or where it would stand if it were not a default."""


class Layers:
    """The layers of one conversation. What is not there (a room without an entry, the sandbox) decides nothing.

    Args:
        bot: the bot, when it was chosen already; else the room or the channel says.
    """

    def __init__(self, config: Config, channel: str, room: str = "", *, bot: str = ""):
        found = config.channels.get(channel)
        self._layers: dict[str, tuple[Path, Any]] = {
            "room": (("channels", channel, "rooms", room), found.rooms.get(room) if found is not None else None),
            "channel": (("channels", channel), found),
            "settings": (("settings",), config.settings),
        }
        self.bot: str = bot or self.find("bot").value or ""
        """Key of the bot; empty when nothing says which."""
        self._layers["bot"] = (("bots", self.bot), config.bots.get(self.bot))

    def find(self, name: str) -> Found:
        """The nearest value of a setting of the table; None when no layer decides it."""
        path: Path = ()
        for layer, *keys in LAYERED[name]:
            place, value = self._layers[str(layer)]
            path = (*place, *keys)
            for key in keys:
                value = getattr(value, str(key), None)
            if value is not None:
                return Found(value, path)
        return Found(None, path)

    def appended(self) -> Iterator[Found]:
        """Texts added to the bot's instructions here, in their order."""
        for layer in ("channel", "room"):
            place, value = self._layers[layer]
            if text := getattr(value, "prompt_append", ""):
                yield Found(text, (*place, "prompt_append"))


def longest_history(config: Config) -> int:
    """The most messages any conversation shows its model."""
    usual = config.settings.sessions.window_messages
    limits = [usual if bot.history_messages is None else bot.history_messages for bot in config.bots.values()]
    for channel in config.channels.values():
        limits += [one.history_messages or 0 for one in (channel, *channel.rooms.values())]
    return max(limits, default=usual)
