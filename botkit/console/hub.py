"""Keeps every page up to date: one feed per room that is looked at, one pulse for the whole instance."""

from __future__ import annotations

__all__ = ["Hub", "Status"]

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from botkit.console.feed import Feed, Subscription
from botkit.core.clock import Clock
from botkit.core.console import ConsoleApi, Overview, WaitView
from botkit.core.data import Data
from botkit.core.errors import BotkitError

_log = structlog.get_logger("botkit.console")

_BEAT_S = 12.0


class Status(Data, omit_defaults=False):
    """What every open page shows besides its chat."""

    overview: Overview
    waits: tuple[WaitView, ...] = ()


@dataclass(slots=True)
class _Followed:
    feed: Feed
    task: asyncio.Task[None] | None = None
    linger: asyncio.Task[None] | None = None


class Hub:
    """Follows rooms while somebody looks, and reads health and decisions while any page is open.

    Everything it started ends by itself: when the last page closes, or when `ConsoleApi.watch` ends because
    the instance shuts down.

    Args:
        poll_s: seconds between two looks at health and decisions.
        linger_s: seconds a room is still followed after its last stream closed, for the reload of a page.
    """

    def __init__(self, api: ConsoleApi, clock: Clock, *, poll_s: float = 4.0, linger_s: float = 60.0):
        self._api = api
        self._clock = clock
        self._poll_s = poll_s
        self._linger_s = linger_s
        self._followed: dict[str, _Followed] = {}
        self._streams: set[Subscription] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pulse: asyncio.Task[None] | None = None
        self._look = asyncio.Event()
        self.status: bytes = b""
        """JSON of the newest `Status`; empty before the first."""
        self.status_version = 0
        self.trouble = ""
        """Why the status could not be read; empty when it could."""
        self.beats = 0
        """Counts up while pages are open; a stream that shows it proves to be alive."""

    def refresh(self) -> None:
        """Look at health and decisions now: something was decided, or ended."""
        self._look.set()

    @asynccontextmanager
    async def subscribe(self, room: str) -> AsyncGenerator[Subscription]:
        """Follow a room; inside the block every event reaches `Subscription.feed`."""
        followed = self._followed.get(room)
        if followed is None:
            followed = self._followed[room] = _Followed(Feed(room))
            followed.task = self._spawn(self._follow(followed.feed))
        if followed.linger is not None:
            followed.linger.cancel()
            followed.linger = None
        subscription = Subscription(followed.feed)
        followed.feed.subscriptions.add(subscription)
        self._streams.add(subscription)
        if self._pulse is None:
            self._pulse = self._spawn(self._watch_status())
        try:
            await followed.feed.watching.wait()
            yield subscription
        finally:
            followed.feed.subscriptions.discard(subscription)
            self._streams.discard(subscription)
            if not self._streams:
                self.refresh()  # lets the pulse notice that nobody looks any more
            if not followed.feed.subscriptions and not followed.feed.ended and followed.linger is None:
                followed.linger = self._spawn(self._unfollow_later(followed))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _follow(self, feed: Feed) -> None:
        try:
            async with self._api.watch(feed.room) as events:
                feed.watching.set()
                async for event in events:
                    feed.append(event)
                    if event.kind in ("wait", "done"):
                        self.refresh()
        except Exception:
            _log.exception("console_watch_failed", room=feed.room)
        finally:
            feed.end()
            followed = self._followed.pop(feed.room, None)
            if followed is not None and followed.linger is not None:
                followed.linger.cancel()

    async def _unfollow_later(self, followed: _Followed) -> None:
        await self._clock.sleep(self._linger_s)
        followed.linger = None
        if not followed.feed.subscriptions and followed.task is not None:
            followed.task.cancel()

    async def _watch_status(self) -> None:
        beat_at = self._clock.monotonic() + _BEAT_S
        try:
            while self._streams:
                self._look.clear()
                changed = await self._read_status()
                if self._clock.monotonic() >= beat_at:
                    beat_at = self._clock.monotonic() + _BEAT_S
                    self.beats += 1
                    changed = True
                if changed:
                    for stream in self._streams:
                        stream.wake.set()
                await self._pause()
        finally:
            self._pulse = None

    async def _read_status(self) -> bool:
        """Whether there is something to tell the pages."""
        try:
            status = Status(overview=await self._api.overview(), waits=tuple(await self._api.waits()))
        except BotkitError as error:
            changed, self.trouble = self.trouble != str(error), str(error)
        except Exception:
            _log.exception("console_status_failed")
            trouble = "The state of the instance could not be read; the server's log says why."
            changed, self.trouble = self.trouble != trouble, trouble
        else:
            encoded = msgspec.json.encode(status)
            changed, self.trouble, self.status = encoded != self.status or self.trouble != "", "", encoded
        if changed:
            self.status_version += 1
        return changed

    async def _pause(self) -> None:
        """Until the next look is due or asked for."""
        asked = asyncio.ensure_future(self._look.wait())
        due = asyncio.ensure_future(self._clock.sleep(self._poll_s))
        try:
            await asyncio.wait((asked, due), return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.cancel()
            due.cancel()
