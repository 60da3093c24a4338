"""What was written while nobody listened: a gateway session that is new brings nothing from before it.

The newest messages the host has of each conversation say where to go on reading. Nothing comes twice: a message is
known by its id.

Source: https://docs.discord.com/developers/resources/message#get-channel-messages
"""

from __future__ import annotations

__all__ = ["catch_up"]

from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

from adapters.catchup import left_off, patiently
from adapters.discord.api import DiscordApi
from adapters.discord.places import Places
from adapters.discord.sending import target_of
from botkit.sdk import Clock, Event

_PAGE = 100
_PAGES = 5
_THREAD = 11


async def catch_up(
    api: DiscordApi, places: Places, heard: Sequence[Event], clock: Clock
) -> AsyncIterator[dict[str, Any]]:
    """Payloads as the gateway would have sent them, in order in each conversation.

    Args:
        heard: the channel's newest events, newest first.
    """
    for conversation, last in left_off(heard, clock, _order).items():
        if conversation.thread:
            thread = {"id": conversation.thread, "type": _THREAD, "parent_id": conversation.room}
            if places.get(conversation.thread) is None:
                places.learn_channel(thread)
        for message in await _missed(api, target_of(conversation), int(last), clock):
            # Only the gateway says in which server a message is; that it is in one is what matters here.
            server = {} if conversation.kind == "dm" else {"guild_id": "0"}
            yield {"t": "MESSAGE_CREATE", "d": {**message, **server}}


async def _missed(api: DiscordApi, channel: str, last: int, clock: Clock) -> list[dict[str, Any]]:
    """The messages after `last`, oldest first; what cannot be had is left with a word in the log."""
    missed: list[dict[str, Any]] = []
    for _ in range(_PAGES):
        page = await _page(api, channel, last, clock)
        missed += page
        if len(page) < _PAGE:
            break
        last = int(page[-1]["id"])
    return missed


async def _page(api: DiscordApi, channel: str, last: int, clock: Clock) -> list[dict[str, Any]]:
    path = f"/channels/{{channel_id}}/messages?after={last}&limit={_PAGE}"
    found = await patiently(
        lambda: api.call("GET", path, safe=True, channel_id=channel), clock, platform="discord", room=channel
    )
    return sorted(cast("list[dict[str, Any]]", found or []), key=lambda message: int(message["id"]))


def _order(message_id: str) -> tuple[int, ...] | None:
    return (int(message_id),) if message_id.isdecimal() else None
