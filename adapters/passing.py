"""What is shown in passing on any platform: it may fail, and never overtakes what stays."""

from __future__ import annotations

__all__ = ["Passing"]

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakValueDictionary

import structlog

from botkit.sdk import BotkitError, Clock, Conversation, RateLimited


class Passing:
    """The passing side of all conversations of one channel: typing, drafts, intermediate edits, reactions.

    An edit that is on its way is finished even when its turn is cancelled, and `settled` lets the final text wait for
    it: the two can not overtake each other.
    """

    def __init__(self, clock: Clock, channel: str, platform: str):
        self._clock = clock
        self._channel = channel
        self._log = structlog.get_logger(f"botkit.{platform}")
        self._failed = f"{platform}_call_failed"
        self._quiet_until: dict[str, float] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._showing: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Give up what is on its way."""
        tasks = tuple(self._showing)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def settled(self, conversation: Conversation) -> AsyncGenerator[None]:
        """Inside, nothing that changes what this conversation shows is on its way."""
        async with self.lock(conversation.key):
            yield

    def lock(self, key: str) -> asyncio.Lock:
        """Held while what a conversation shows is being changed; gone when nobody holds or awaits it."""
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        return lock

    async def finish(self, showing: Coroutine[Any, Any, None]) -> None:
        """See something to its end, also when whoever asked for it is cancelled."""
        task = asyncio.create_task(showing)
        self._showing.add(task)
        task.add_done_callback(self._showing.discard)
        await asyncio.shield(task)

    async def try_to(self, key: str, call: Callable[[], Awaitable[Any]]) -> bool:
        """Make a call whose failure nobody needs to hear of.

        False: it failed, or was left out because the platform asked to wait with calls of this `key`.
        """
        if self._clock.monotonic() < self._quiet_until.get(key, 0.0):
            return False
        self._quiet_until.pop(key, None)
        try:
            await call()
        except RateLimited as error:
            self._quiet_until[key] = self._clock.monotonic() + (error.retry_after_s or 1.0)
            return False
        except BotkitError as error:
            self._log.debug(self._failed, channel=self._channel, code=error.code, detail=str(error))
            return False
        return True
