"""Two streams, one screen: what the turn being followed showed is not shown again by the watch over the room."""

from __future__ import annotations

__all__ = ["Seen"]

from collections import Counter, deque

from botkit.core.live import LiveEvent

_REMEMBERED_PARTS = 200


class Seen:
    """Remembers what was followed. A run may be worked on several times: before and after a decision.

    Both streams carry the same events in the same order, but the watch may lag behind. So executions are
    counted on both sides, by the `status` that begins each: one that was followed to its end is no news.
    """

    def __init__(self) -> None:
        self._followed: Counter[str] = Counter()
        self._watched: Counter[str] = Counter()
        self._parts: deque[str] = deque(maxlen=_REMEMBERED_PARTS)

    def follow(self, event: LiveEvent) -> None:
        """Note an event that was shown while following a turn."""
        if event.kind == "done" and event.run_id:
            self._followed[event.run_id] += 1
        elif event.kind == "part":
            self._parts.append(str(event.data.get("part_id")))

    def is_news(self, event: LiveEvent) -> bool:
        """Whether an event of the watch shows something that was not followed. Call it for every event."""
        if event.kind == "status" and event.run_id:
            self._watched[event.run_id] += 1
            return False
        if event.kind == "part":
            known = str(event.data.get("part_id")) in self._parts
            return not known and (not event.run_id or self._is_new_execution(event.run_id))
        return event.kind == "done" and self._is_new_execution(event.run_id)

    def _is_new_execution(self, run_id: str) -> bool:
        return self._watched[run_id] > self._followed[run_id]
