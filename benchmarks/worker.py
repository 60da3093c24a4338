"""One contender in a process of its own: `python -m benchmarks.worker NAME FOLDER`, driven over pipes.

Reads one JSON request a line, `{"concurrency": 50, "turns": 10}` (turns per conversation), carries it out and
answers with one JSON line of what it took. A peer that is not installed answers `{"absent": "…"}` and ends. All of
them get the event loop and the garbage collector of `botkit run`.
"""

from __future__ import annotations

__all__ = ["main"]

import asyncio
import importlib
import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any, cast

from benchmarks.contenders import CONTENDERS, Absent, Contender, Turn
from benchmarks.memory import resident_mb
from botkit.runs.process import run_serving, settle_memory

_SETTLE_S = 0.3
"""For what the request before left to be written down."""


async def _serve(contender: Contender, folder: Path, answers: int) -> None:
    loop = asyncio.get_running_loop()
    async with contender(folder) as turn:
        settle_memory()
        _say(answers, {"ready": True})
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            request = json.loads(line)
            _say(answers, await _measure(turn, request["concurrency"], request["turns"]))


async def _measure(turn: Turn, concurrency: int, turns: int) -> dict[str, float]:
    latencies: list[float] = []
    await asyncio.sleep(_SETTLE_S)
    tasks = len(asyncio.all_tasks())

    async def client(number: int) -> None:
        for index in range(turns):
            begun = time.perf_counter()
            await turn(f"room-{number}", index)
            latencies.append(time.perf_counter() - begun)

    begun, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(client(number) for number in range(concurrency)))
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    latencies.sort()
    count = len(latencies)
    return {
        "turns_per_s": count / seconds,
        "p50_ms": latencies[count // 2] * 1000,
        "p99_ms": latencies[min(count - 1, count * 99 // 100)] * 1000,
        "cpu_ms": cpu / count * 1000,
        "tasks": tasks,
        "memory_mb": resident_mb(),
    }


def _say(answers: int, record: dict[str, Any]) -> None:
    os.write(answers, json.dumps(record).encode() + b"\n")


def main() -> None:
    """Answers leave by a copy of stdout; whatever a library prints there goes to stderr."""
    answers = os.dup(1)
    os.dup2(2, 1)
    logging.disable(logging.WARNING)
    module, _, name = CONTENDERS[sys.argv[1]].partition(":")
    try:
        contender = cast("Contender", getattr(importlib.import_module(module), name))
        run_serving(_serve(contender, Path(sys.argv[2]), answers))
    except Absent as absent:
        _say(answers, {"absent": str(absent)})


if __name__ == "__main__":
    main()
