"""The live events of one room, numbered and kept for a while, so a dropped connection misses nothing."""

from __future__ import annotations

__all__ = ["Feed", "Item", "Subscription"]

import asyncio
from collections import deque
from dataclasses import dataclass

import msgspec

from botkit.core.ids import short_token
from botkit.core.live import LiveEvent

_KEEP_EVENTS = 5_000
_KEEP_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Item:
    """One numbered event."""

    seq: int
    run_id: str
    payload: bytes
    """JSON of the `LiveEvent`."""


class Subscription:
    """One open stream of a feed, and what wakes it up."""

    def __init__(self, feed: Feed):
        self.feed = feed
        self.wake = asyncio.Event()


class Feed:
    """The recent events of one room, for any number of streams, each with its own place in it."""

    def __init__(self, room: str, *, keep_events: int = _KEEP_EVENTS, keep_bytes: int = _KEEP_BYTES):
        self.room = room
        self.boot = short_token(8)
        """Numbers given out under another boot mean nothing here."""
        self.last = 0
        """Number of the newest event."""
        self.watching = asyncio.Event()
        """Set once nothing can be missed any more."""
        self.ended = False
        """No event will follow: the instance shuts down."""
        self.subscriptions: set[Subscription] = set()
        self._keep_events = keep_events
        self._keep_bytes = keep_bytes
        self._items: deque[Item] = deque()
        self._bytes = 0
        self._settled: dict[str, int] = {}
        self._resting: set[str] = set()

    def append(self, event: LiveEvent) -> None:
        """Number an event, keep it, and wake every stream."""
        self.last += 1
        item = Item(self.last, event.run_id, msgspec.json.encode(event))
        self._items.append(item)
        self._bytes += len(item.payload)
        while len(self._items) > self._keep_events or (self._bytes > self._keep_bytes and len(self._items) > 1):
            self._bytes -= len(self._items.popleft().payload)
        self._settle(event)
        self._wake()

    def _settle(self, event: LiveEvent) -> None:
        """A run rests from its `done`, and what it said is delivered while it does, until it goes on."""
        if event.kind == "done":
            self._resting.add(event.run_id)
        elif event.kind != "part":
            self._resting.discard(event.run_id)
        if event.run_id in self._resting:
            self._settled[event.run_id] = self.last

    def end(self) -> None:
        """Nothing follows."""
        self.ended = True
        self.watching.set()
        self._wake()

    def since(self, seq: int) -> list[Item] | None:
        """Events after `seq`, in order; None when some of them are not kept any more."""
        oldest = self.last - len(self._items) + 1
        if seq > self.last or seq < oldest - 1:
            return None
        return [item for item in self._items if item.seq > seq]

    def unsettled(self) -> list[Item]:
        """Events of turns under way, as far back as they are kept: what a page opened just now has to see.

        What ended or paused is in the history already.
        """
        oldest = self.last - len(self._items) + 1
        self._settled = {run_id: seq for run_id, seq in self._settled.items() if seq >= oldest}
        self._resting &= self._settled.keys()
        return [item for item in self._items if item.run_id and item.seq > self._settled.get(item.run_id, 0)]

    def event_id(self, seq: int) -> str:
        return f"{self.boot}.{seq}"

    def position(self, event_id: str) -> int | None:
        """The number in an event id; None for one that is not of this boot."""
        boot, _, number = event_id.partition(".")
        return int(number) if boot == self.boot and number.isascii() and number.isdigit() else None

    def _wake(self) -> None:
        for subscription in self.subscriptions:
            subscription.wake.set()
