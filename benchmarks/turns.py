"""Durable turns, contenders side by side.

    python -m benchmarks.turns [NAME …] [--rounds N] [--json]

Each contender runs in a process of its own; rounds are interleaved, and ratios are taken round by round. Peers that
are not installed are left out with a word.
"""

from __future__ import annotations

__all__ = ["figures", "main", "measure"]

import argparse
import json
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.contenders import CONTENDERS
from benchmarks.figures import Figure
from benchmarks.workers import Worker, ratio

_DEFAULT = ("engine", "journal", "dbos-sqlite", "langgraph")
_SLOW = ("dbos-sqlite", "dbos-postgres", "langgraph")
_CONCURRENCY = 50
_TURNS, _TURNS_SLOW, _TURNS_IDLE = 60, 2, 60


def measure(names: tuple[str, ...], rounds: int) -> dict[str, Any]:
    """Medians for each contender, and ratios of the first one to the others."""
    loaded: dict[str, list[dict[str, float]]] = {}
    idle: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        workers = [Worker(name, Path(folder) / name) for name in names]
        absent = {worker.name: worker.absent for worker in workers if worker.absent}
        present = [worker for worker in workers if not worker.absent]
        for worker in present:
            worker.run(10, 1)  # warm
        for _ in range(rounds):
            for worker in present:
                turns = _TURNS_SLOW if worker.name in _SLOW else _TURNS
                loaded.setdefault(worker.name, []).append(worker.run(_CONCURRENCY, turns))
            for worker in present:
                turns = _TURNS_SLOW if worker.name in _SLOW else _TURNS_IDLE
                idle.setdefault(worker.name, []).append(worker.run(1, turns))
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
                "turns_per_s": ratio(loaded[first], loaded[name], "turns_per_s"),
                "idle_p50_ms": ratio(idle[first], idle[name], "p50_ms"),
            }
            for name in loaded
            if name != first
        },
    }


def figures(rounds: int = 6) -> list[Figure]:
    """Our engine against the bare journal and its peers."""
    result = measure(_DEFAULT, rounds)
    rates, ratios = result["contenders"], result["ratios"]
    bare = ratios["engine / journal"]
    found = [
        Figure(
            what="durable turns per second, real engine path, concurrency 50, against the bare journal",
            must="≥ 30 %",
            aim="60 %",
            measured=f"{bare['turns_per_s']:.0%} ({_each(rates, ('engine', 'journal'), 'turns_per_s', 0)} turns/s)",
            ok=bare["turns_per_s"] >= 0.3,
        ),
        Figure(
            what="idle latency of such a turn, against the bare journal",
            must="≤ 3×",
            aim="2×",
            measured=f"{bare['idle_p50_ms']:.1f}× ({_each(rates, ('engine', 'journal'), 'idle_p50_ms', 1)} ms)",
            ok=bare["idle_p50_ms"] <= 3,
        ),
    ]
    for name, title in (("dbos-sqlite", "DBOS on SQLite"), ("langgraph", "LangGraph's SQLite checkpointer")):
        if other := ratios.get(f"engine / {name}"):
            found.append(
                Figure(
                    what=f"… turns per second against {title}",
                    must="≥ 8×",
                    aim="30×",
                    measured=f"{other['turns_per_s']:.0f}× ({rates[name]['turns_per_s']:.0f} turns/s)",
                    ok=other["turns_per_s"] >= 8,
                )
            )
    names = tuple(rates)
    found.append(
        Figure(what=f"… CPU of one: {', '.join(names)}", measured=f"{_each(rates, names, 'cpu_ms', 2)} ms", ok=None)
    )
    return found


def _each(rates: dict[str, dict[str, float]], names: tuple[str, ...], key: str, digits: int) -> str:
    return ", ".join(f"{rates[name][key]:,.{digits}f}" for name in names)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.turns", description=(__doc__ or "").split("\n", 1)[0])
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
