"""Durable turns, contenders side by side: `python -m benchmarks [NAME …] [--rounds N] [--json]`.

Each contender runs in a process of its own; rounds are interleaved, and ratios are taken round by round, so that a
machine whose speed drifts changes figures and not ratios. Peers that are not installed are left out with a word.
"""

from __future__ import annotations

__all__ = ["main"]

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.contenders import CONTENDERS

_DEFAULT = ("engine", "journal", "dbos-sqlite", "langgraph")
_SLOW = ("dbos-sqlite", "dbos-postgres", "langgraph")
_CONCURRENCY = 50
_TURNS, _TURNS_SLOW = 12, 2


class _Worker:
    def __init__(self, name: str, folder: Path):
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.absent = str(self._read().get("absent", ""))

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline() or '{"absent": "it did not start"}')

    def run(self, concurrency: int, turns: int) -> dict[str, float]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"concurrency": concurrency, "turns": turns}) + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        self._process.communicate()


def measure(names: tuple[str, ...], rounds: int) -> dict[str, Any]:
    """Medians for each contender, and ratios of the first one to the others."""
    loaded: dict[str, list[dict[str, float]]] = {}
    idle: dict[str, list[dict[str, float]]] = {}
    absent: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        workers = [_Worker(name, Path(folder) / name) for name in names]
        absent = {worker.name: worker.absent for worker in workers if worker.absent}
        present = [worker for worker in workers if not worker.absent]
        for worker in present:
            worker.run(10, 1)  # warm
        for _ in range(rounds):
            for worker in present:
                turns = _TURNS_SLOW if worker.name in _SLOW else _TURNS
                loaded.setdefault(worker.name, []).append(worker.run(_CONCURRENCY, turns))
            for worker in present:
                idle.setdefault(worker.name, []).append(worker.run(1, _TURNS))
        for worker in workers:
            worker.close()
    first = next(iter(loaded))
    return {
        "absent": absent,
        "contenders": {
            name: {
                "turns_per_s": median(row["turns_per_s"] for row in rows),
                "cpu_ms": median(row["cpu_ms"] for row in rows),
                "idle_p50_ms": median(row["p50_ms"] for row in idle[name]),
            }
            for name, rows in loaded.items()
        },
        "ratios": {
            f"{first} / {name}": {
                "turns_per_s": _ratio(loaded[first], loaded[name], "turns_per_s"),
                "idle_p50_ms": _ratio(idle[first], idle[name], "p50_ms"),
            }
            for name in loaded
            if name != first
        },
    }


def _ratio(ours: list[dict[str, float]], theirs: list[dict[str, float]], key: str) -> float:
    return median(mine[key] / other[key] for mine, other in zip(ours, theirs, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CONTENDERS)}")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    unknown = set(args.names) - CONTENDERS.keys()
    if unknown:
        parser.error(f"no contender is called {', '.join(sorted(unknown))}")
    result = measure(tuple(args.names) or _DEFAULT, args.rounds)
    if args.json:
        print(json.dumps(result, indent=2))
        return
    for name, reason in result["absent"].items():
        print(f"{name}: left out, {reason}")
    for name, row in result["contenders"].items():
        print(
            f"{name:14} {row['turns_per_s']:8.0f} turns/s {row['cpu_ms']:7.2f} ms CPU {row['idle_p50_ms']:7.2f} ms idle"
        )
    for name, row in result["ratios"].items():
        print(f"{name:24} {row['turns_per_s']:6.2f} x turns/s {row['idle_p50_ms']:6.2f} x idle latency")


if __name__ == "__main__":
    main()
