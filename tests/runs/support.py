"""Lanes, step contexts and the outbox on the real SQLite store, with a handler that a test scripts."""

from __future__ import annotations

__all__ = ["Lab", "Script", "a_message", "a_part", "a_run", "memory_home"]

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from contextlib import AsyncExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

from botkit.core.clock import Clock
from botkit.core.events import Conversation, Event, User
from botkit.core.ids import new_id
from botkit.core.journal import Consume, Emit, InboxRow, Journal, OpenRun, Run, StartRun
from botkit.core.live import LiveHub
from botkit.core.messages import Part
from botkit.runs.context import RunContext
from botkit.runs.lanes import LaneRuntime, LaneScope
from botkit.runs.outbox import Outbox
from botkit.sdk import Adapter, Health
from botkit.store.open import Store, open_store
from botkit.store.rows import PART_COLUMNS, read_part
from botkit.testing.clock import ManualClock
from botkit.testing.faulty_journal import FaultyJournal
from botkit.testing.platform import FakeAdapter, FakePlatform

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
_numbers = iter(range(1, 1_000_000))


@contextmanager
def memory_home() -> Generator[Path]:
    """A directory in memory where the machine has that: flushing it costs nothing."""
    memory = Path("/dev/shm")
    base = tempfile.mkdtemp(prefix="botkit-", dir=memory if memory.is_dir() else None)
    try:
        yield Path(base) / "home"
    finally:
        shutil.rmtree(base, ignore_errors=True)


def a_message(text: str = "hi", *, room: str = "r1", **more: Any) -> Event:
    number = next(_numbers)
    values: dict[str, Any] = {"kind": "message", "addressed": "dm", **more}
    return Event(
        channel="fake",
        dedupe_key=f"update:{number}",
        conversation=Conversation(channel="fake", room=room),
        sender=User(id="ada"),
        occurred_at=NOW,
        text=text,
        **values,
    )


def a_run(lane: str = "fake:r1:", **more: Any) -> Run:
    values: dict[str, Any] = {"id": new_id("run"), "trace_id": "trc", "bot": "desk", "person_id": "ada", **more}
    return Run(lane=lane, conversation=lane, channel="fake", **values)


def a_part(text: str = "hello", *, room: str = "r1", **more: Any) -> Part:
    values: dict[str, Any] = {"id": f"part-{next(_numbers)}", **more}
    return Part(conversation=Conversation(channel="fake", room=room), payload={"text": text}, text=text, **values)


Work = Callable[[LaneScope, Sequence[InboxRow]], Awaitable[None]]


class Script:
    """A lane handler that notes what it was given and consumes it, unless `work` does something else."""

    def __init__(self, work: Work | None = None):
        self.work = work
        self.handled: list[str] = []
        self.recovered: list[str] = []
        self.failures: list[Exception] = []
        self.interrupts: list[str] = []
        self.controls: Callable[[Event], bool] = lambda event: event.kind == "stop_generation"
        self.on_failed: Callable[[Exception], None] = lambda error: None
        self.size: Callable[[Sequence[InboxRow]], int] = lambda rows: 1
        self.changed: Callable[[], None] = lambda: None
        """Called when something was noted."""

    def control(self, event: Event) -> bool:
        return self.controls(event)

    def batch(self, lane: str, events: Sequence[InboxRow]) -> int:
        return self.size(events)

    async def handle(self, scope: LaneScope, rows: Sequence[InboxRow]) -> None:
        self.handled.append("+".join(row.event.text for row in rows))
        self.changed()
        if self.work is not None:
            await self.work(scope, rows)
        else:
            await self.consume(scope, rows)

    async def consume(self, scope: LaneScope, rows: Sequence[InboxRow]) -> None:
        await scope.journal.commit(scope.claim, (Consume(event_ids=tuple(row.id for row in rows), outcome="done"),))

    async def recover(self, scope: LaneScope, run: OpenRun) -> None:
        self.recovered.append(run.run.id)
        if self.work is not None:
            scope.open(run)
            await self.work(scope, ())

    async def failed(self, scope: LaneScope, rows: Sequence[InboxRow], run: OpenRun | None, error: Exception) -> None:
        self.failures.append(error)
        self.on_failed(error)
        await self.consume(scope, rows)

    async def interrupted(self, scope: LaneScope, row: InboxRow) -> None:
        self.interrupts.append(row.event.text or row.event.kind)
        if scope.current is not None:
            scope.current.stop.set()


class _Host:
    def __init__(self, clock: Clock):
        self.clock = clock
        self.public_url = ""
        self.commands: Sequence[tuple[str, str]] = ()

    async def accept(self, event: Event) -> bool:
        return True

    async def secret(self, name: str) -> str:
        return ""

    def report(self, health: Health) -> None: ...

    async def load_file(self, attachment: object) -> bytes:
        return b""

    async def heard(self, limit: int = 500) -> Sequence[Event]:
        return ()


class Lab:
    """One process's lanes and outbox. `crash` and `open` are its death and its next boot."""

    def __init__(self, home: Path, script: Script | None = None):
        self.home = home
        self.clock = ManualClock()
        self.platform = FakePlatform()
        self.script = script or Script()
        self.on = True
        """Whether the channel's adapter runs."""
        self.max_parallel = 50
        self.unknown_policy: Literal["hold", "resend"] = "hold"
        self._stack = AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> Lab:
        self.store: Store = await self._stack.enter_async_context(open_store(self.home, clock=self.clock))
        self.journal = FaultyJournal(self.store.journal)
        journal = cast("Journal", self.journal)
        self.live = LiveHub()
        self.lanes = LaneRuntime(
            journal=journal, clock=self.clock, live=self.live, spawn=self.spawn, max_parallel=self.max_parallel
        )
        self.lanes.attach(self.script)
        self.script.changed = self.journal.changed
        self.outbox = Outbox(journal=journal, clock=self.clock, live=self.live, senders=self, spawn=self.spawn)
        self._adapter = FakeAdapter("fake", None, cast("Any", _Host(self.clock)), platform=self.platform)
        await self._adapter.start()
        return self

    def adapter(self, channel: str) -> Adapter | None:
        return self._adapter if self.on else None

    def policy(self, channel: str) -> Literal["hold", "resend"]:
        return self.unknown_policy

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def accept(self, event: Event) -> bool:
        return (await self.lanes.accept(event, event.conversation.key)).new

    async def emit(self, *parts: Part) -> None:
        """Commit parts as a turn would, and have them delivered."""
        await self.journal.commit(None, [Emit(part=part) for part in parts])
        for part in parts:
            self.outbox.kick(part.conversation.key)

    def rows(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        """What the database says, read past the store."""
        with closing(sqlite3.connect(self.home / "botkit.db")) as database:
            return database.execute(query, arguments).fetchall()

    def state(self, part: Part) -> str:
        """The state of a part in the journal."""
        return str(self.rows("SELECT state FROM parts WHERE id = ?", part.id)[0][0])

    def owned(self) -> list[str]:
        """Lanes that some process owns."""
        return [row[0] for row in self.rows("SELECT lane FROM lanes WHERE owner != '' ORDER BY lane")]

    def undone(self) -> int:
        """Events nobody has dealt with yet."""
        return self.rows("SELECT count(*) FROM inbox WHERE done_at = 0")[0][0]

    async def channel_started(self) -> None:
        """What the engine does when the adapter runs."""
        columns = ", ".join(column.name for column in PART_COLUMNS)
        rows = self.rows(f"SELECT {columns} FROM parts WHERE state = 'unknown' ORDER BY seq")
        await self.outbox.channel_started("fake", [read_part(row) for row in rows])

    async def recover(self) -> None:
        """What the engine does at its start."""
        found = await self.journal.recover()
        await self.lanes.recover(found.lanes)
        await self.outbox.resolve_unknown(found.unknown_parts)
        for conversation in found.conversations:
            self.outbox.kick(conversation)

    async def settle(self) -> None:
        """Return once nothing is being worked on."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks), return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0)

    async def start_run(self, scope: LaneScope, rows: Sequence[InboxRow] = (), **more: Any) -> RunContext:
        run = a_run(scope.lane, **more)
        return scope.open(OpenRun(run=run), first_writes=(StartRun(run=run, event_ids=tuple(row.id for row in rows)),))

    async def crash(self) -> None:
        """Die where it stands."""
        self.store.writer.abandon()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.store.abandon()
        await self._stack.aclose()

    async def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*tuple(self._tasks), return_exceptions=True)
        await self._stack.aclose()
