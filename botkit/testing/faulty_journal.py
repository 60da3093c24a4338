"""A journal that fails on command: for tests of what happens when the disk is full or a lease is lost."""

from __future__ import annotations

__all__ = ["FaultyJournal"]

import asyncio
import inspect
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, cast

from botkit.core.journal import Journal

Fault = Callable[[str, tuple[Any, ...]], Exception | None]


class FaultyJournal:
    """Passes every call of a journal on; each may be replaced by an error or observed.

        journal = FaultyJournal(store.journal)
        journal.fault = lambda name, args: StoreFull("no space") if name == "commit" else None
        await journal.until(lambda: journal.failed >= 2)

    It stands in for a `Journal` (cast it; attributes are forwarded as they are).
    """

    def __init__(self, journal: Journal):
        self._journal = journal
        self._changed = asyncio.Event()
        self.fault: Fault = lambda name, args: None
        """Asked before each call, with the method's name and its positional arguments."""
        self.failed = 0
        """Calls answered with an error of `fault`."""
        self.calls: Counter[str] = Counter()
        """How often each method ended."""

    def __getattr__(self, name: str) -> Any:
        target: Any = getattr(self._journal, name)
        if not callable(target) or inspect.isasyncgenfunction(target):
            return target
        method = cast("Callable[..., Awaitable[Any]]", target)

        async def call(*args: Any, **options: Any) -> Any:
            error = self.fault(name, args)
            if error is not None:
                self.failed += 1
                self.changed()
                raise error
            try:
                return await method(*args, **options)
            finally:
                self.calls[name] += 1
                self.changed()

        return call

    def changed(self) -> None:
        """Have whoever waits in `until` look again."""
        self._changed.set()

    async def until(self, condition: Callable[[], Any]) -> None:
        """Return once a condition holds; it may be asynchronous, and is looked at after each call."""
        while True:
            self._changed.clear()
            held = condition()
            if asyncio.iscoroutine(held):
                held = await held
            if held:
                return
            await self._changed.wait()
