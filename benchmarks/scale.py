"""Whether a turn stays as cheap when there is a long past: `python -m benchmarks.scale [--runs N]`.

Two engines side by side, one on an empty database, one beside 100,000 sessions, 1,000,000 finished and 10,000 waiting
runs. Both talk in rooms that have a history of twenty messages by then.
"""

from __future__ import annotations

__all__ = ["figures", "measure"]

import argparse
import asyncio
import tempfile
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.seed import Past, seed
from benchmarks.workers import Worker, ratio

_CONCURRENCY = 50
_TURNS = 40
_WARM = 12


def measure(past: Past, rounds: int, contender: str = "engine") -> dict[str, float]:
    """`{"turn": cost beside the past / cost of an empty database, "cpu": the same of CPU, "tasks": tasks more,
    "memory_mb": memory more}`"""
    with tempfile.TemporaryDirectory() as folder:
        full, empty = Path(folder) / "full", Path(folder) / "empty"
        asyncio.run(seed(full / "home", past))
        workers = [Worker(contender, full), Worker(contender, empty)]
        for worker in workers:
            worker.run(_CONCURRENCY, _WARM)
        rows: list[list[dict[str, float]]] = [[], []]
        for number in range(rounds):
            for index in (0, 1) if number % 2 else (1, 0):
                rows[index].append(workers[index].run(_CONCURRENCY, _TURNS))
        for worker in workers:
            worker.close()
    return {
        "turn": 1 / ratio(rows[0], rows[1], "turns_per_s"),
        "cpu": ratio(rows[0], rows[1], "cpu_ms"),
        "tasks": rows[0][-1]["tasks"] - rows[1][-1]["tasks"],
        "memory_mb": rows[0][-1]["memory_mb"] - rows[1][-1]["memory_mb"],
    }


def figures(past: Past | None = None, rounds: int = 8) -> list[Figure]:
    past = past or Past()
    found = measure(past, rounds)
    beside = f"{past.sessions:,} sessions, {past.finished:,} finished and {past.paused:,} paused runs"
    return [
        Figure(
            what=f"cost of a turn beside {beside}, against an empty database",
            must="≤ 1.2×",
            aim="1.05×",
            measured=f"{found['turn']:.2f}× ({found['cpu']:.2f}× of CPU)",
            ok=found["turn"] <= 1.2,
        ),
        Figure(
            what="tasks more for the paused runs",
            must="0",
            aim="0",
            measured=f"{found['tasks']:.0f}",
            ok=found["tasks"] == 0,
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--runs", type=int, default=Past.finished, help="finished runs; the rest in proportion")
    parser.add_argument("--rounds", type=int, default=8)
    args = parser.parse_args()
    past = Past(sessions=max(100, args.runs // 10), finished=args.runs, paused=args.runs // 100)
    for figure in figures(past, args.rounds):
        print(f"{figure.what}: {figure.measured}")


if __name__ == "__main__":
    main()
