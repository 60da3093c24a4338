"""Durable nodes of workflows, beside their peers: `python -m benchmarks.workflows [--runs N] [--rounds N]`.

The same graph of five steps of 1 KB and a delivery is carried out by botkit, by DBOS and by LangGraph, each in a
process of its own, taking turns; ratios are taken round by round.
"""

from __future__ import annotations

__all__ = ["figures", "measure"]

import argparse
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.contenders import STEPS
from benchmarks.contenders.workflow import LONG
from benchmarks.figures import Figure
from benchmarks.scale import measure as beside_a_past
from benchmarks.seed import Past
from benchmarks.workers import Worker, ratio

_CONCURRENCY = 50
_RUNS = {"workflow": 40, "engine": 40, "workflow-long": 8, "workflow-thinking": 20, "dbos-sqlite": 2, "langgraph": 3}
"""Contender → runs of each conversation in one round."""
_PEERS = (("dbos-sqlite", "DBOS on SQLite"), ("langgraph", "LangGraph's SQLite checkpointer"))


def measure(rounds: int) -> dict[str, list[dict[str, float]]]:
    """What each contender took, round by round; who is not installed is left out."""
    rows: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        workers = [worker for name in _RUNS if not (worker := Worker(name, Path(folder) / name)).absent]
        for worker in workers:
            worker.run(10, 1)  # warm
        for _ in range(rounds):
            for worker in workers:
                rows.setdefault(worker.name, []).append(worker.run(_CONCURRENCY, _RUNS[worker.name]))
        for worker in workers:
            worker.close()
    return rows


def figures(past: Past | None = None, rounds: int = 5) -> list[Figure]:
    """Node-steps a second against the peers, what a node costs, and what a past costs."""
    rows = measure(rounds)
    ours = rows["workflow"]
    found = [
        Figure(
            what=f"durable node-steps per second of a workflow, {STEPS} nodes with a step each, concurrency 50",
            measured=f"{_median(ours, 'turns_per_s') * STEPS:,.0f} steps/s",
        )
    ]
    for name, title in _PEERS:
        if theirs := rows.get(name):
            times = ratio(ours, theirs, "turns_per_s")
            rate = _median(theirs, "turns_per_s") * STEPS
            found.append(
                Figure(
                    what=f"… against {title}, the same graph",
                    must="≥ 4×",
                    aim="8×",
                    measured=f"{times:.1f}× ({rate:,.0f} steps/s)",
                    ok=times >= 4,
                )
            )
    extra = 1 / ratio(ours, rows["engine"], "turns_per_s")
    found.append(Figure(what="… time of a run against an agent's turn of as many steps", measured=f"{extra:.2f}×"))
    more = LONG - STEPS
    thinking = (_median(rows["workflow-thinking"], "cpu_ms") - _median(rows["engine"], "cpu_ms")) / LONG
    working = (_median(rows["workflow-long"], "cpu_ms") - _median(ours, "cpu_ms")) / more
    found += [
        Figure(
            what="CPU of a node that does nothing to the world (no commit of its own)",
            must="≤ 0.1 ms",
            aim="0.03 ms",
            measured=f"{thinking:.3f} ms",
            ok=thinking <= 0.1,
        ),
        Figure(what="… of a node with one journaled step", measured=f"{working:.3f} ms"),
    ]
    return [*found, *_past(past or Past(workflows=True), rounds)]


def _past(past: Past, rounds: int) -> list[Figure]:
    found = beside_a_past(past, rounds, "workflow")
    beside = f"{past.finished:,} finished and {past.paused:,} paused workflow runs"
    return [
        Figure(
            what=f"cost of a run of a workflow beside {beside}, against an empty database",
            must="≤ 1.2×",
            aim="1.05×",
            measured=f"{found['turn']:.2f}× ({found['cpu']:.2f}× of CPU)",
            ok=found["turn"] <= 1.2,
        ),
        Figure(
            what="tasks more for the paused workflow runs",
            must="0",
            aim="0",
            measured=f"{found['tasks']:.0f}",
            ok=found["tasks"] == 0,
        ),
    ]


def _median(rows: list[dict[str, float]], key: str) -> float:
    return median(row[key] for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.workflows", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--runs", type=int, default=Past.finished, help="finished runs; the rest in proportion")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    size: dict[str, Any] = {"sessions": max(100, args.runs // 10), "finished": args.runs, "paused": args.runs // 100}
    for figure in figures(Past(workflows=True, **size), args.rounds):
        print(f"{figure.what}: {figure.measured}")


if __name__ == "__main__":
    main()
