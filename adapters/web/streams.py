"""Open streams of visitors: frames out, bounded in number and in what waits for a slow reader.

A stream may end at any time without loss: the browser comes back with the id of the last frame it saw, and gets the
rest from what is stored. So a reader that falls behind is simply sent away.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

__all__ = ["BEAT", "Frame", "Stream", "Streams"]

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from botkit.sdk import RateLimited

_WAITING = 256
_OF_ONE_VISITOR = 6
_OF_ONE_NETWORK = 300
_OF_A_CHANNEL = 5_000
_AGAIN_S = 10.0


class Frame:
    """One event of a stream. `cursor`: everything up to this time (microseconds) has been told; 0: tells nothing."""

    __slots__ = ("cursor", "data", "name")

    def __init__(self, name: str, data: Mapping[str, Any], cursor: int = 0):
        self.name = name
        self.data = data
        self.cursor = cursor

    def encode(self) -> bytes:
        """JSON has no line breaks of its own, so one `data` line holds it."""
        head = f"id: {self.cursor}\n" if self.cursor else ""
        body = json.dumps(self.data, ensure_ascii=False, separators=(",", ":"))
        return f"{head}event: {self.name}\ndata: {body}\n\n".encode("utf-8", "replace")


BEAT = Frame("beat", {})
"""Still here; and a moment to look for what another process said."""


class Stream:
    """What one browser tab still has to be told."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Frame | None] = asyncio.Queue()

    def put(self, frame: Frame) -> None:
        if self._queue.qsize() < _WAITING:
            self._queue.put_nowait(frame)
        else:
            self.end()

    def end(self) -> None:
        """After what waits already nothing more comes."""
        self._queue.put_nowait(None)

    async def next(self) -> Frame | None:
        """None: the stream ends."""
        return await self._queue.get()


class Streams:
    """All open streams of one channel, by visitor."""

    def __init__(self) -> None:
        self._of: defaultdict[str, set[Stream]] = defaultdict(set)
        self._networks: Counter[str] = Counter()

    @property
    def count(self) -> int:
        return self._networks.total()

    @contextmanager
    def open(self, visitor: str, network: str) -> Generator[Stream]:
        """A stream that hears everything from now on. Raises `RateLimited` when there are too many."""
        crowded = (
            len(self._of.get(visitor, ())) >= _OF_ONE_VISITOR
            or self._networks[network] >= _OF_ONE_NETWORK
            or self.count >= _OF_A_CHANNEL
        )
        if crowded:
            raise RateLimited("too many open streams", retry_after_s=_AGAIN_S)
        stream = Stream()
        self._of[visitor].add(stream)
        self._networks[network] += 1
        try:
            yield stream
        finally:
            self._of[visitor].discard(stream)
            if not self._of[visitor]:
                del self._of[visitor]
            self._networks[network] -= 1
            if not self._networks[network]:
                del self._networks[network]

    def are_watching(self, visitor: str) -> bool:
        """Whether a tab of this visitor is open here."""
        return visitor in self._of

    def tell(self, visitor: str, frame: Frame) -> None:
        """To every tab of a visitor."""
        for stream in tuple(self._of.get(visitor, ())):
            stream.put(frame)

    def tell_all(self, frame: Frame) -> None:
        for streams in tuple(self._of.values()):
            for stream in tuple(streams):
                stream.put(frame)

    def end_all(self) -> None:
        for streams in tuple(self._of.values()):
            for stream in tuple(streams):
                stream.end()
