"""Private chats with people who are named by their own id, which looks like that of any channel: `@80351110224678912`.

Source: https://docs.discord.com/developers/resources/user#create-dm
"""

from __future__ import annotations

__all__ = ["DirectRooms"]

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, cast

from msgspec.structs import replace

from adapters.discord.api import DiscordApi
from botkit.sdk import Part

_MARK = "@"
_REMEMBERED = 10_000


class DirectRooms:
    """Opens the chat of whoever is written to. Opening it twice gives the same one."""

    def __init__(self) -> None:
        self._rooms: OrderedDict[str, str] = OrderedDict()

    def room(self, user_id: str) -> str:
        """The room to write to a person; empty for what is no person's id."""
        return f"{_MARK}{user_id}" if user_id.isdecimal() else ""

    async def placed(self, api: DiscordApi, part: Part) -> Part:
        """The part in the room it belongs to. Raises what `DiscordApi.call` raises."""
        room = part.conversation.room
        if not room.startswith(_MARK):
            return part
        if room not in self._rooms:
            body = {"recipient_id": room.removeprefix(_MARK)}
            opened = await api.call("POST", "/users/@me/channels", body=body, safe=True)
            self._rooms[room] = str(cast("Mapping[str, Any]", opened)["id"])
            if len(self._rooms) > _REMEMBERED:
                self._rooms.popitem(last=False)
        return replace(part, conversation=replace(part.conversation, room=self._rooms[room]))
