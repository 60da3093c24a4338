"""What was written while nobody listened: a gateway session that is new brings nothing from before it.

The newest messages the host has of each conversation say where to go on reading. Nothing comes twice: a message is
known by its id.

Source: https://docs.discord.com/developers/resources/message#get-channel-messages
"""

from __future__ import annotations

__all__ = ["catch_up"]

from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import structlog

from adapters.discord.api import DiscordApi
from adapters.discord.places import Places
from adapters.discord.sending import target_of
from botkit.sdk import AdapterError, Clock, Conversation, Event

_log = structlog.get_logger("botkit.discord")

ROOMS_LIMIT = 100
"""Conversations that are looked into, the most recent ones first."""
RECENT_S = 7 * 86_400
"""A conversation that rested longer is not."""
_PAGE = 100
_PAGES = 5
_ATTEMPTS = 4
_THREAD = 11


async def catch_up(
    api: DiscordApi, places: Places, heard: Sequence[Event], clock: Clock
) -> AsyncIterator[dict[str, Any]]:
    """Payloads as the gateway would have sent them, in order in each conversation.

    Args:
        heard: the channel's newest events, newest first.
    """
    for conversation, last in _left_off(heard, clock).items():
        if conversation.thread:
            thread = {"id": conversation.thread, "type": _THREAD, "parent_id": conversation.room}
            if places.get(conversation.thread) is None:
                places.learn_channel(thread)
        for message in await _missed(api, target_of(conversation), last, clock):
            # Only the gateway says in which server a message is; that it is in one is what matters here.
            server = {} if conversation.kind == "dm" else {"guild_id": "0"}
            yield {"t": "MESSAGE_CREATE", "d": {**message, **server}}


def _left_off(heard: Sequence[Event], clock: Clock) -> dict[Conversation, int]:
    """Conversation → id of its newest known message."""
    found: dict[str, tuple[Conversation, int]] = {}
    oldest = clock.now().timestamp() - RECENT_S
    for event in heard:
        place = event.conversation
        if not event.message_id.isdecimal() or not place.room or event.occurred_at.timestamp() < oldest:
            continue
        known = found.get(place.key)
        if known is not None or len(found) < ROOMS_LIMIT:
            found[place.key] = (place, max(int(event.message_id), known[1] if known else 0))
    return dict(found.values())


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
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            found = cast("list[dict[str, Any]]", await api.call("GET", path, safe=True, channel_id=channel))
            return sorted(found, key=lambda message: int(message["id"]))
        except AdapterError as error:
            if not error.retryable or attempt == _ATTEMPTS:
                _log.warning("discord_not_caught_up", room=channel, code=error.code, detail=str(error))
                return []
            await clock.sleep(error.retry_after_s or 1.0)
    return []
