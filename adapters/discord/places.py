"""What the gateway told about servers, channels and threads: enough to tell which room an event belongs to.

Discord names a thread by an id of its own and says nowhere in a message to which channel it belongs.
"""

from __future__ import annotations

__all__ = ["Place", "Places"]

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

Raw = Mapping[str, Any]

_THREADS = frozenset({10, 11, 12})
"""Announcement, public and private threads."""
_KEPT = 20_000


class Place(NamedTuple):
    """A channel or a thread."""

    id: str
    name: str = ""
    parent: str = ""
    """Of a thread: the channel it hangs on."""
    guild: str = ""

    @property
    def is_thread(self) -> bool:
        return bool(self.parent)


class Places:
    """A cache; what it does not know can be asked with `GET /channels/{id}` and put in by `learn_channel`."""

    def __init__(self) -> None:
        self._places: OrderedDict[str, Place] = OrderedDict()
        self._roles: set[str] = set()
        """Roles that stand for the bot itself: people mention them by mistake."""

    def get(self, channel_id: str) -> Place | None:
        return self._places.get(channel_id)

    def is_my_role(self, role_id: str) -> bool:
        return role_id in self._roles

    def learn(self, name: str, data: Raw, me: str) -> None:
        """Take note of a gateway event. Malformed ones are passed over.

        Args:
            me: the bot's user id.
        """
        match name:
            case "GUILD_CREATE":
                self._guild(data, me)
            case "CHANNEL_CREATE" | "CHANNEL_UPDATE" | "THREAD_CREATE" | "THREAD_UPDATE":
                self.learn_channel(data)
            case "CHANNEL_DELETE" | "THREAD_DELETE":
                self._places.pop(str(data.get("id", "")), None)
            case "THREAD_LIST_SYNC":
                for thread in _maps(data.get("threads")):
                    self.learn_channel(thread, str(data.get("guild_id", "")))
            case _:
                pass

    def learn_channel(self, channel: Raw, guild: str = "") -> None:
        number = str(channel.get("id", ""))
        if not number:
            return
        parent = str(channel.get("parent_id") or "") if channel.get("type") in _THREADS else ""
        self._places[number] = Place(
            number, str(channel.get("name") or ""), parent, str(channel.get("guild_id") or guild)
        )
        self._places.move_to_end(number)
        while len(self._places) > _KEPT:
            self._places.popitem(last=False)

    def _guild(self, guild: Raw, me: str) -> None:
        number = str(guild.get("id", ""))
        for channel in (*_maps(guild.get("channels")), *_maps(guild.get("threads"))):
            self.learn_channel(channel, number)
        for role in _maps(guild.get("roles")):
            tags: object = role.get("tags")
            if isinstance(tags, Mapping) and str(cast("Raw", tags).get("bot_id", "")) == me:
                self._roles.add(str(role.get("id", "")))


def _maps(value: object) -> list[Raw]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Raw", item) for item in items if isinstance(item, Mapping)]
