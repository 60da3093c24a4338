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
import structlog

from adapters.slack.api import SlackApi
from botkit.sdk import AdapterError, Clock, Conversation, Event

_log = structlog.get_logger("botkit.slack")

ROOMS_LIMIT = 100
"""Conversations that are looked into, the most recent ones first."""
RECENT_S = 7 * 86_400
"""A conversation that rested longer is not."""
_PAGE = 200
_PAGES = 5
_ATTEMPTS = 4


async def catch_up(api: SlackApi, heard: Sequence[Event], clock: Clock) -> AsyncIterator[dict[str, Any]]:
    """Payloads as Slack would have sent them, in order in each conversation.

    Args:
        heard: the channel's newest events, newest first.
    """
    for place, last in _left_off(heard, clock).items():
        where = {"channel": place.room, "channel_type": "im" if place.kind == "dm" else "channel"}
        for message in await _missed(api, place, last, clock):
            yield {"type": "event_callback", "event": {**message, **where}}


def _left_off(heard: Sequence[Event], clock: Clock) -> dict[Conversation, str]:
    """Conversation → `ts` of its newest known message."""
    found: dict[str, tuple[Conversation, str]] = {}
    oldest = clock.now().timestamp() - RECENT_S
    for event in heard:
        place, ts = event.conversation, event.message_id
        if not _is_ts(ts) or not place.room or event.occurred_at.timestamp() < oldest:
            continue
        places = [place]
        if place.thread == ts:  # what opened a thread stands in the room
            places.append(msgspec.structs.replace(place, thread=""))
        for one in places:
            known = found.get(one.key)
            if known is not None or len(found) < ROOMS_LIMIT:
                found[one.key] = (one, max(ts, known[1], key=_order) if known else ts)
    return dict(found.values())


async def _missed(api: SlackApi, place: Conversation, last: str, clock: Clock) -> list[dict[str, Any]]:
    """The messages after `last`, oldest first; what cannot be had is left with a word in the log."""
    missed: list[dict[str, Any]] = []
    cursor = ""
    for _ in range(_PAGES):
        page, cursor = await _page(api, place, last, cursor, clock)
        missed += page
        if not cursor:
            break
    fresh = [message for message in missed if _order(str(message.get("ts"))) > _order(last)]  # a thread brings its root
    return sorted(fresh, key=lambda message: _order(str(message["ts"])))


async def _page(
    api: SlackApi, place: Conversation, last: str, cursor: str, clock: Clock
) -> tuple[list[dict[str, Any]], str]:
    method = "conversations.replies" if place.thread else "conversations.history"
    where = {"channel": place.room, "ts": place.thread or None, "oldest": last, "limit": _PAGE}
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            found = await api.call(method, safe=True, cursor=cursor or None, **where)
        except AdapterError as error:
            if not error.retryable or attempt == _ATTEMPTS:
                _log.warning("slack_not_caught_up", room=place.room, code=error.code, detail=str(error))
                break
            await clock.sleep(error.retry_after_s or 1.0)
        else:
            more = cast("dict[str, Any]", found.get("response_metadata") or {})
            return cast("list[dict[str, Any]]", found.get("messages") or []), str(more.get("next_cursor") or "")
    return [], ""


def _is_ts(text: str) -> bool:
    seconds, _, number = text.partition(".")
    return seconds.isdecimal() and number.isdecimal()


def _order(ts: str) -> tuple[int, int]:
    seconds, _, number = ts.partition(".")
    return (int(seconds), int(number)) if _is_ts(ts) else (0, 0)
