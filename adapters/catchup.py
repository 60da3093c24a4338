"""Reading what was written while nobody listened, on platforms that do not deliver it again.

The newest messages the host has of each conversation say where to go on reading.
"""

from __future__ import annotations

__all__ = ["RECENT_S", "ROOMS_LIMIT", "left_off", "patiently"]

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from botkit.sdk import AdapterError, Clock, Conversation, Event

_log = structlog.get_logger("botkit.adapters")
T = TypeVar("T")
Order = tuple[int, ...]

ROOMS_LIMIT = 100
"""Conversations that are looked into, the most recent ones first."""
RECENT_S = 7 * 86_400
"""A conversation that rested longer is not."""
_ATTEMPTS = 4


def left_off(
    heard: Sequence[Event],
    clock: Clock,
    order: Callable[[str], Order | None],
    *,
    also: Callable[[Event], Sequence[Conversation]] = lambda event: (),
) -> dict[Conversation, str]:
    """Conversation → id of its newest known message.

    Args:
        heard: the channel's newest events, newest first.
        order: how ids of messages follow one another; None for what is no such id.
        also: other conversations in which a message stands.
    """
    found: dict[str, tuple[Conversation, str, Order]] = {}
    oldest = clock.now().timestamp() - RECENT_S
    for event in heard:
        place = order(event.message_id)
        if place is None or not event.conversation.room or event.occurred_at.timestamp() < oldest:
            continue
        for one in (event.conversation, *also(event)):
            known = found.get(one.key)
            if (known is None and len(found) < ROOMS_LIMIT) or (known is not None and place > known[2]):
                found[one.key] = (one, event.message_id, place)
    return {one: message_id for one, message_id, _ in found.values()}


async def patiently(read: Callable[[], Awaitable[T]], clock: Clock, *, platform: str, room: str) -> T | None:
    """A page of messages, asked for again where that may help; None, and a word in the log, when it cannot be had."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return await read()
        except AdapterError as error:
            if not error.retryable or attempt == _ATTEMPTS:
                _log.warning("not_caught_up", platform=platform, room=room, code=error.code, detail=str(error))
                break
            await clock.sleep(error.retry_after_s or 1.0)
    return None
