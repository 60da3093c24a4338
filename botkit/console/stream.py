"""The one event stream of an open page.

    event: hello     {"resumed": false, "replay": ["run_…"]}
    event: live      a `LiveEvent`, numbered by its `id`
    event: ready     everything from before is told
    event: status    a `Status`, whenever it changed
    event: trouble   {"message": "…"}: the status cannot be read
    event: beat      {}: still here
    event: resync    the stream had fallen behind; read the history again
    event: bye       the instance shuts down; connect again later

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

__all__ = ["NO_ROOM", "events"]

from collections.abc import AsyncGenerator

import msgspec

from botkit.console.feed import Feed, Item, Subscription
from botkit.console.hub import Hub

NO_ROOM = "~"
"""The room of pages without a chat. Nobody writes there, but watching it ends at shutdown like any other."""

_RETRY_MS = 1_000


async def events(hub: Hub, room: str, last_event_id: str = "") -> AsyncGenerator[bytes]:
    """Everything a page has to know from now on; from `last_event_id` on where that is still kept.

    Ends when the instance shuts down.
    """
    async with hub.subscribe(room) as stream:
        feed = stream.feed
        position = feed.position(last_event_id)
        missed = feed.since(position) if position is not None else None
        yield f"retry: {_RETRY_MS}\n\n".encode() + _opening(feed, missed)
        cursor = _Cursor(hub, stream)
        while not feed.ended:
            for chunk in cursor.news():
                yield chunk
            await stream.wake.wait()
            stream.wake.clear()
        for chunk in cursor.news():
            yield chunk
        yield _event("bye", b"{}")


class _Cursor:
    """What one stream has told so far."""

    def __init__(self, hub: Hub, stream: Subscription):
        self._hub = hub
        self._feed = stream.feed
        self._seq = stream.feed.last
        self._status = 0
        self._beats = hub.beats

    def news(self) -> list[bytes]:
        chunks: list[bytes] = []
        items = self._feed.since(self._seq)
        if items is None:
            chunks.append(_event("resync", b"{}") + _opening(self._feed, None))
        else:
            chunks.extend(_live(self._feed, item) for item in items)
        self._seq = self._feed.last
        if self._status != self._hub.status_version:
            self._status = self._hub.status_version
            if self._hub.trouble:
                chunks.append(_event("trouble", msgspec.json.encode({"message": self._hub.trouble})))
            else:
                chunks.append(_event("status", self._hub.status))
        if self._beats != self._hub.beats:
            self._beats = self._hub.beats
            chunks.append(_event("beat", b"{}"))
        return chunks


def _opening(feed: Feed, missed: list[Item] | None) -> bytes:
    """Where the stream begins: after what the client had, or with the turns under way."""
    items = feed.unsettled() if missed is None else missed
    replay = sorted({item.run_id for item in items}) if missed is None else []
    hello = msgspec.json.encode({"resumed": missed is not None, "replay": replay})
    told = b"".join(_live(feed, item) for item in items)
    return _event("hello", hello) + told + _event("ready", b"{}", feed.event_id(feed.last))


def _live(feed: Feed, item: Item) -> bytes:
    return _event("live", item.payload, feed.event_id(item.seq))


def _event(name: str, data: bytes, event_id: str = "") -> bytes:
    """JSON has no line breaks of its own, so one `data` line holds it."""
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}event: {name}\ndata: ".encode() + data + b"\n\n"
