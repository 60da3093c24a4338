"""Private chats with people who are named by their own id.

Source: https://docs.slack.dev/reference/methods/conversations.open
"""

from __future__ import annotations

__all__ = ["DirectRooms"]

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, cast

from msgspec.structs import replace

from adapters.slack.api import SlackApi
from botkit.sdk import Part

_PERSON = ("U", "W")
_REMEMBERED = 10_000


class DirectRooms:
    """Opens the chat of whoever is written to. Opening it twice gives the same one."""

    def __init__(self) -> None:
        self._rooms: OrderedDict[str, str] = OrderedDict()

    def room(self, user_id: str) -> str:
        """The room to write to a person; empty for what is no person's id."""
        return user_id if user_id.startswith(_PERSON) else ""

    async def placed(self, api: SlackApi, part: Part) -> Part:
        """The part in the room it belongs to. Raises what `SlackApi.call` raises."""
        person = part.conversation.room
        if not person.startswith(_PERSON):
            return part
        if person not in self._rooms:
            opened = await api.call("conversations.open", safe=True, users=person)
            self._rooms[person] = str(cast("Mapping[str, Any]", opened["channel"])["id"])
            if len(self._rooms) > _REMEMBERED:
                self._rooms.popitem(last=False)
        return replace(part, conversation=replace(part.conversation, room=self._rooms[person]))
