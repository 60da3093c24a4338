"""How long after a kill -9 the first interrupted run goes on: `python -m benchmarks.recovery [RUNS [KIND]]`.

A child process takes so many messages and leaves every run in its third step, of an agent's turn or of a workflow of
five nodes. It is killed; the next one opens the same home and says when a step ran again, and when the last run had
ended.
"""

from __future__ import annotations

__all__ = ["figures", "measure"]

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, ClassVar, cast

from benchmarks.contenders import STEPS
from benchmarks.contenders.engine import EngineBench, StubAgent
from benchmarks.contenders.workflow import bench_of, row_of
from benchmarks.figures import Figure
from botkit.runs.context import RunContext
from botkit.runs.process import run_serving
from botkit.sdk.nodes import Node, NodeContext, Outcome, StepHandle, node
from botkit.store.open import Store, open_store
from botkit.workflows.context import NodeRun

_RUNS = 1_000
_STUCK_AT = 2
_KINDS = {"agent": "runs", "workflow": "workflow runs"}


class _Stuck(StubAgent):
    """Never ends its third step; counts the runs that came so far."""

    def __init__(self, runs: int):
        self._missing = runs
        self.all_in_flight = asyncio.Event()

    async def step(self, ctx: RunContext, number: int) -> dict[str, str]:
        if number == _STUCK_AT:
            self._missing -= 1
            if not self._missing:
                self.all_in_flight.set()
            await asyncio.Event().wait()
        return await super().step(ctx, number)


class _Resumed(StubAgent):
    """Notes when the first step ran."""

    def __init__(self) -> None:
        self.first = 0.0
        self.steps = 0

    async def step(self, ctx: RunContext, number: int) -> dict[str, str]:
        self.first = self.first or time.monotonic()
        self.steps += 1
        return await super().step(ctx, number)


@node("guided")
class GuidedNode(Node):
    """A node whose one step is done by whoever is measured."""

    number: int
    """Its place."""
    by: ClassVar[StubAgent]

    async def run(self, ctx: NodeContext) -> Outcome:
        async def work(scope: StepHandle) -> dict[str, str]:
            return await self.by.step(cast("NodeRun", ctx).ctx, self.number)

        return Outcome(output=await ctx.step("work", work))


def _bench(kind: str, store: Store, runs: int, agent: StubAgent) -> EngineBench:
    if kind == "agent":
        return EngineBench(store, parallel=runs, agent=agent)
    GuidedNode.by = agent
    return bench_of(store, row_of("guided", STEPS), GuidedNode, parallel=runs)


async def _die(kind: str, home: Path, runs: int) -> None:
    async with open_store(home) as store:
        agent = _Stuck(runs)
        bench = _bench(kind, store, runs, agent)
        await bench.engine.start()
        await asyncio.gather(*(bench.engine.accept(bench.event(f"room-{number}")) for number in range(runs)))
        await agent.all_in_flight.wait()
        print(json.dumps({"in_flight": runs}), flush=True)
        await asyncio.Event().wait()


async def _rise(kind: str, home: Path, runs: int, spawned: float) -> None:
    opening = time.monotonic()
    async with open_store(home) as store:
        agent = _Resumed()
        bench = _bench(kind, store, runs, agent)
        replies = {f"room-{number}": asyncio.get_running_loop().create_future() for number in range(runs)}
        bench.platform.waiting.update(replies)
        await bench.engine.start()
        await asyncio.gather(*replies.values())
        ended = time.monotonic()
        completed = (await store.records.counts())["runs_running"] == 0
        answer: dict[str, Any] = {
            "from_spawn_s": agent.first - spawned,
            "from_open_s": agent.first - opening,
            "all_s": ended - spawned,
            "steps": agent.steps,
            "completed": completed,
        }
        print(json.dumps(answer), flush=True)
        await bench.close()


def measure(runs: int = _RUNS, kind: str = "agent") -> dict[str, Any]:
    """Seconds from the start of the new process and from the opening of its store; what it did.

    Args:
        kind: of the runs: `agent` or `workflow`.

    Raises:
        SystemExit: a finished step ran again, or a run was lost.
    """
    with tempfile.TemporaryDirectory() as folder:
        child = _child("die", kind, folder, runs)
        assert child.stdout is not None
        while "in_flight" not in child.stdout.readline():
            pass
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        spawned = time.monotonic()
        child = _child("rise", kind, folder, runs, str(spawned))
        answer, _ = child.communicate()
    found = json.loads(answer.splitlines()[-1])
    if not found["completed"] or found["steps"] != runs * (STEPS - _STUCK_AT):
        raise SystemExit(f"recovery was not right: {found}")
    return found


def _child(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.recovery", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def figures() -> list[Figure]:
    return [_figure(kind, name) for kind, name in _KINDS.items()]


def _figure(kind: str, name: str) -> Figure:
    found = sorted((measure(kind=kind) for _ in range(3)), key=lambda one: one["from_spawn_s"])[1]
    return Figure(
        what=f"recovery after kill -9 with {_RUNS:,} {name} in flight, to the first resumed step",
        must="≤ 2 s",
        aim="0.5 s",
        measured=f"{found['from_spawn_s']:.2f} s from the start of the process, {found['from_open_s']:.2f} s from "
        f"the opening of its database; all ended after {found['all_s']:.1f} s",
        ok=found["from_spawn_s"] <= 2,
    )


def main() -> None:
    match sys.argv[1:]:
        case ["die", kind, folder, runs]:
            run_serving(_die(kind, Path(folder) / "home", int(runs)))
        case ["rise", kind, folder, runs, spawned]:
            run_serving(_rise(kind, Path(folder) / "home", int(runs), float(spawned)))
        case rest:
            runs, kind = int(rest[0]) if rest else _RUNS, rest[1] if len(rest) > 1 else "agent"
            print(json.dumps(measure(runs, kind)))


if __name__ == "__main__":
    main()
