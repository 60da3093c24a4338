"""The bot's side of the notice board (`board.py`), loaded by the nursery as the platform `board`."""

from __future__ import annotations

__all__ = ["BoardAdapter"]

import asyncio
import itertools
import json
import os
from typing import Any, ClassVar

import msgspec

from botkit.core.events import Conversation, Event
from botkit.core.messages import Part, Receipt
from botkit.sdk import AdapterHost, Health
from botkit.testing.platform import FakeAdapter, FakePlatform
from tests.chaos.board import CAPABILITIES


class BoardAdapter(FakeAdapter):
    """One connection to the board. Renders as the fake platform in memory does; sends over the wire."""

    platform: ClassVar[str] = "board"

    def __init__(self, channel: str, config: Any, host: AdapterHost):
        super().__init__(channel, config, host, platform=FakePlatform(CAPABILITIES))
        self._port = int(config.options["port"])
        self._numbers = itertools.count()
        self._answers: dict[int, asyncio.Future[str]] = {}
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        await asyncio.sleep(float(os.environ.get("CHAOS_BOARD_LATE_S") or 0))  # platforms may take long to connect to
        limit = 16 * 1024 * 1024
        reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=limit)
        self._tasks = [asyncio.create_task(work) for work in (self._read(reader), self._take())]
        for task in self._tasks:
            task.add_done_callback(_loudly)
        self._writer.write(json.dumps({"hello": self.config.options["account"]}).encode() + b"\n")
        self.host.report(Health(state="ok"))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writer.close()
        self.host.report(Health(state="off"))

    async def send(self, part: Part) -> Receipt:
        return Receipt(message_id=await self._ask("take", msgspec.to_builtins(part)))

    async def update(self, part: Part, text: str) -> None:
        await self._ask("edit", [part.message_id, text])

    async def typing(self, conversation: Conversation) -> None:
        """Nobody at the board sees that."""

    async def _ask(self, what: str, value: Any) -> str:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self._writer.write(json.dumps({"id": number, what: value}).encode() + b"\n")
        return await answer

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            told: dict[str, Any] = json.loads(line)
            if "event" in told:
                self._events.put_nowait(msgspec.convert(told["event"], Event))
            else:
                self._answers.pop(told["id"]).set_result(told["shown"])

    async def _take(self) -> None:
        """Accept event after event; the board is told only what is stored."""
        while True:
            event = await self._events.get()
            await self.host.accept(event)
            self._writer.write(json.dumps({"ack": event.dedupe_key}).encode() + b"\n")


def _loudly(task: asyncio.Task[None]) -> None:
    """A mistake in this file must not look like one of botkit's."""
    if not task.cancelled() and (error := task.exception()) is not None:
        os.write(2, f"the board's adapter failed: {error!r}\n".encode())
