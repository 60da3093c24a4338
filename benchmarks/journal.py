"""The bare journal: what durability itself costs, without an engine on top.

    python -m benchmarks.journal [--turns N] [--concurrency N] [--drivers]

A bare turn is one inbound event with its claim, five steps of one kilobyte, and one outbound part with the end
of the run and the release of the lane: seven commits, each durable before the next begins. Other benchmarks run
`bare_turns` beside their own load and report the ratio, because absolute numbers belong to one machine.
"""

from __future__ import annotations

__all__ = ["STEPS", "Sample", "bare_turn", "bare_turns", "main"]

import argparse
import asyncio
import queue
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiosqlite
import msgspec

from botkit.core.events import Conversation, Event, User
from botkit.core.ids import new_id
from botkit.core.journal import Emit, Journal, Run, SetRun, StartRun, StepDone, Write
from botkit.core.messages import Part
from botkit.store.open import open_store
from botkit.store.sqlite import Synchronous

STEPS = 5
_RESULT = msgspec.Raw(msgspec.json.encode({"text": "x" * 1000}))
_ROOMS = 500
_AT = datetime(2026, 11, 20, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Sample:
    """One measurement of many turns."""

    turns_s: float
    cpu_ms: float
    """Of this process, all threads, for each turn."""
    p50_ms: float
    p99_ms: float

    def __str__(self) -> str:
        return (
            f"{self.turns_s:7.0f} turns/s  {self.cpu_ms:6.3f} ms CPU/turn  "
            f"p50 {self.p50_ms:7.2f} ms  p99 {self.p99_ms:7.2f} ms"
        )


async def bare_turn(journal: Journal, number: int) -> None:
    """One turn. Turns with numbers less than 500 apart never meet in a lane."""
    room = Conversation(channel="bench", room=str(number % _ROOMS))
    event = Event(
        channel="bench",
        dedupe_key=f"u{number}",
        kind="message",
        conversation=room,
        sender=User(id="1", name="Ada"),
        occurred_at=_AT,
        text="where is ORD-1042?",
    )
    accepted = await journal.accept(event, room.key)
    assert accepted.claimed is not None, "the lane of another turn"
    claim = accepted.claimed.claim
    run = Run(
        id=new_id("run"),
        lane=room.key,
        conversation=room.key,
        channel="bench",
        bot="helper",
        person_id="per_1",
        trace_id="t",
        input={"text": event.text},
    )
    writes: list[Write] = [StartRun(run=run, event_ids=(accepted.id,))]
    for step in range(STEPS):
        done = StepDone(run_id=run.id, key=f"turn/{step}", name="step", result=_RESULT, started_at=1, ended_at=2)
        await journal.commit(claim, [*writes, done])
        writes = []
    part = Part(id=new_id("part"), run_id=run.id, conversation=room, payload={"text": "shipped"}, text="shipped")
    end = SetRun(run_id=run.id, state="completed", at=3, output={"text": "shipped"})
    await journal.commit(claim, [end, Emit(part=part)], release=True)


async def bare_turns(journal: Journal, turns: int, *, concurrency: int = 50, first: int = 0) -> Sample:
    """Run turns `first` … `first + turns`, so many at once; `concurrency=1` measures idle latency."""
    return await _measure(lambda number: bare_turn(journal, number), turns, concurrency, first)


async def _measure(work: Callable[[int], Awaitable[None]], turns: int, concurrency: int, first: int = 0) -> Sample:
    numbers = iter(range(first, first + turns))
    times: list[float] = []

    async def worker() -> None:
        for number in numbers:
            began = time.perf_counter()
            await work(number)
            times.append(time.perf_counter() - began)

    cpu, began = time.process_time(), time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(concurrency)))
    took, used = time.perf_counter() - began, time.process_time() - cpu
    times.sort()
    return Sample(
        turns_s=turns / took,
        cpu_ms=used / turns * 1000,
        p50_ms=statistics.median(times) * 1000,
        p99_ms=times[int(len(times) * 0.99)] * 1000,
    )


# ── which driver for the writer thread ───────────────────────────────────────────────────────────────────

_SCHEMA = """
CREATE TABLE inbox (seq INTEGER PRIMARY KEY, key TEXT UNIQUE, lane TEXT, event TEXT);
CREATE TABLE steps (seq INTEGER PRIMARY KEY, run TEXT, key TEXT, result TEXT, UNIQUE (run, key));
CREATE TABLE parts (seq INTEGER PRIMARY KEY, id TEXT UNIQUE, text TEXT);
"""
_Statement = tuple[str, tuple[object, ...]]


def _statements(number: int) -> list[list[_Statement]]:
    """The seven units of a turn as plain statements: the least any journal must do."""
    run, text = f"run_{number}", "x" * 1000
    begin: _Statement = ("INSERT INTO inbox (key, lane, event) VALUES (?, ?, ?)", (f"u{number}", "lane", "{}"))
    steps: list[_Statement] = [
        ("INSERT INTO steps (run, key, result) VALUES (?, ?, ?)", (run, f"turn/{step}", text)) for step in range(STEPS)
    ]
    end: _Statement = ("INSERT INTO parts (id, text) VALUES (?, ?)", (f"part_{number}", "shipped"))
    return [[begin], *([step] for step in steps), [end]]


class _Threaded:
    """Group commit with the standard driver: statements stay in the thread, one hop for each group."""

    def __init__(self, path: Path):
        self._jobs: queue.SimpleQueue[tuple[list[_Statement], asyncio.Future[None]] | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._path = path
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    async def run(self, unit: list[_Statement]) -> None:
        future: asyncio.Future[None] = self._loop.create_future()
        self._jobs.put((unit, future))
        await future

    async def close(self) -> None:
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None)
        connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + _SCHEMA)
        while (job := self._jobs.get()) is not None:
            group = [job]
            while not self._jobs.empty():
                job = self._jobs.get()
                if job is None:
                    self._jobs.put(None)
                    break
                group.append(job)
            connection.execute("BEGIN IMMEDIATE")
            for unit, _ in group:
                for sql, arguments in unit:
                    connection.execute(sql, arguments)
            connection.execute("COMMIT")
            self._loop.call_soon_threadsafe(_settle, [future for _, future in group])
        connection.close()


class _Async:
    """The same group commit with aiosqlite: one hop to its thread and back for each statement."""

    def __init__(self, path: Path):
        self._path = path
        self._waiting: list[tuple[list[_Statement], asyncio.Future[None]]] = []
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._work())

    async def run(self, unit: list[_Statement]) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((unit, future))
        self._wake.set()
        await future

    async def close(self) -> None:
        self._wake.set()
        await self._task

    async def _work(self) -> None:
        async with aiosqlite.connect(self._path, isolation_level=None) as connection:
            await connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + _SCHEMA)
            while True:
                await self._wake.wait()
                self._wake.clear()
                group, self._waiting = self._waiting, []
                if not group:
                    return
                await connection.execute("BEGIN IMMEDIATE")
                for unit, _ in group:
                    for sql, arguments in unit:
                        await connection.execute(sql, arguments)
                await connection.execute("COMMIT")
                _settle([future for _, future in group])


def _settle(futures: Sequence[asyncio.Future[None]]) -> None:
    for future in futures:
        future.set_result(None)


async def _compare_drivers(turns: int, concurrency: int) -> None:
    makers: dict[str, Callable[[Path], _Threaded | _Async]] = {"sqlite3 in a thread": _Threaded, "aiosqlite": _Async}
    for round_ in range(3):
        for name, make in makers.items():
            with tempfile.TemporaryDirectory() as folder:
                writer = make(Path(folder) / "bench.db")

                async def turn(number: int, writer: _Threaded | _Async = writer) -> None:
                    for unit in _statements(number):
                        await writer.run(unit)

                sample = await _measure(turn, turns, concurrency)
                await writer.close()
                print(f"round {round_ + 1}  {name:20} {sample}")


async def _bare(turns: int, concurrency: int, synchronous: Synchronous) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with open_store(Path(folder), synchronous=synchronous) as store:
            await bare_turns(store.journal, _ROOMS, concurrency=concurrency)  # compile statements, grow the file
            for round_ in range(3):
                first = _ROOMS + round_ * 2 * turns
                busy = await bare_turns(store.journal, turns, concurrency=concurrency, first=first)
                idle = await bare_turns(store.journal, turns // 10, concurrency=1, first=first + turns)
                print(f"round {round_ + 1}  {synchronous:6} busy {busy}")
                print(f"round {round_ + 1}  {synchronous:6} idle {idle}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--turns", type=int, default=3000)
    parser.add_argument("--concurrency", type=int, default=50)
    parser.add_argument("--drivers", action="store_true", help="compare sqlite3 in a thread with aiosqlite instead")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=_loop()) as runner:
        if options.drivers:
            runner.run(_compare_drivers(options.turns, options.concurrency))
        else:
            for synchronous in ("full", "normal"):
                runner.run(_bare(options.turns, options.concurrency, synchronous))


def _loop() -> Callable[[], asyncio.AbstractEventLoop]:
    """The loop botkit runs on."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


if __name__ == "__main__":
    main()
