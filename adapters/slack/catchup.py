"""What was written while nobody listened: Slack delivers a missed event again for about an hour at most, then never.

The newest messages the host has of each conversation say where to go on reading. Nothing comes twice: a message is
known by its channel and its `ts`.

Source: https://docs.slack.dev/reference/methods/conversations.history
"""

from __future__ import annotations

__all__ = ["catch_up"]

from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import msgspec

from adapters.catchup import left_off, patiently
from adapters.slack.api import SlackApi
from botkit.sdk import Clock, Conversation, Event

_PAGE = 200
_PAGES = 5


async def catch_up(api: SlackApi, heard: Sequence[Event], clock: Clock) -> AsyncIterator[dict[str, Any]]:
    """Payloads as Slack would have sent them, in order in each conversation.

    Args:
        heard: the channel's newest events, newest first.
    """
    for place, last in left_off(heard, clock, _order, also=_rooms_of).items():
        where = {"channel": place.room, "channel_type": "im" if place.kind == "dm" else "channel"}
        for message in await _missed(api, place, last, clock):
            yield {"type": "event_callback", "event": {**message, **where}}


def _rooms_of(event: Event) -> Sequence[Conversation]:
    """What opened a thread stands in the room too."""
    place = event.conversation
    return (msgspec.structs.replace(place, thread=""),) if place.thread == event.message_id else ()


async def _missed(api: SlackApi, place: Conversation, last: str, clock: Clock) -> list[dict[str, Any]]:
    """The messages after `last`, oldest first; what cannot be had is left with a word in the log."""
    missed: list[dict[str, Any]] = []
    cursor = ""
    for _ in range(_PAGES):
        page, cursor = await _page(api, place, last, cursor, clock)
        missed += page
        if not cursor:
            break
    known = _order(last) or (0, 0)
    return sorted((message for message in missed if _at(message) > known), key=_at)  # a thread brings its root


async def _page(
    api: SlackApi, place: Conversation, last: str, cursor: str, clock: Clock
) -> tuple[list[dict[str, Any]], str]:
    method = "conversations.replies" if place.thread else "conversations.history"
    where = {"channel": place.room, "ts": place.thread or None, "oldest": last, "limit": _PAGE}
    found = await patiently(
        lambda: api.call(method, safe=True, cursor=cursor or None, **where), clock, platform="slack", room=place.room
    )
    if found is None:
        return [], ""
    more = cast("dict[str, Any]", found.get("response_metadata") or {})
    return cast("list[dict[str, Any]]", found.get("messages") or []), str(more.get("next_cursor") or "")


def _order(ts: str) -> tuple[int, ...] | None:
    """`1763740800.000100` as numbers."""
    seconds, _, number = ts.partition(".")
    return (int(seconds), int(number)) if seconds.isdecimal() and number.isdecimal() else None


def _at(message: dict[str, Any]) -> tuple[int, ...]:
    return _order(str(message.get("ts"))) or (0, 0)
