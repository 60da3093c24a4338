"""Call-log rows on their way to the store, in groups: a client does not wait for the disk.

Rows are written as soon as the one group before them is: within milliseconds, and all of them before botkit stops.
"""

from __future__ import annotations

__all__ = ["Ledger"]

import asyncio

import structlog

from botkit.core.errors import BotkitError
from botkit.core.stores import CallLog
from botkit.core.tools import CallRecord

_GROUP = 500
_WAITING_LIMIT = 50_000
"""Rows kept while the store refuses them."""
_RETRY_S = 1.0
_log = structlog.get_logger("botkit.gateway")


class Ledger:
    """Writes records in the order they came. Repeating a row changes nothing, so a failed group is tried again."""

    def __init__(self, log: CallLog):
        self._log = log
        self._waiting: list[CallRecord] = []
        self._writer: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()

    def add(self, record: CallRecord) -> None:
        if len(self._waiting) >= _WAITING_LIMIT:
            _log.error("call_not_logged", call_id=record.id, advice="The store has refused rows for too long.")
            return
        self._waiting.append(record)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="write the call log")

    async def settle(self) -> None:
        """Wait until all rows so far are written, or were refused once more."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
            self._writer = None
        while self._waiting and await self._group():
            pass

    async def _write(self) -> None:
        while self._waiting:
            if not await asyncio.shield(self._group()):
                await asyncio.sleep(_RETRY_S)

    async def _group(self) -> bool:
        async with self._writing:
            group = self._waiting[:_GROUP]
            try:
                await self._log.append(group)
            except BotkitError as error:
                _log.warning("calls_not_logged", rows=len(group), error=str(error))
                return False
            del self._waiting[: len(group)]
            return True
