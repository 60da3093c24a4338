"""Very many runs of workflows: those that wait cost nothing, those that were killed go on, each once."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from botkit.sdk.nodes import Node, NodeContext, Outcome, StepHandle, node
from botkit.workflows.graph import GraphNode
from tests.engine import test_workflows
from tests.engine.support import World
from tests.engine.test_workflows import greet, with_workflow

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PAUSED = 10_000
IN_FLIGHT = 1_000


@node("held")
class Held(Node):
    """Do something, and stand still before the next thing until the gate opens."""

    async def run(self, ctx: NodeContext) -> Outcome:
        async def first(scope: StepHandle) -> None:
            DONE[f"first {ctx.run.id}"] += 1

        async def second(scope: StepHandle) -> None:
            REACHED.append(ctx.run.id)
            await GATE.wait()
            DONE[f"second {ctx.run.id}"] += 1

        await ctx.step("first", first)
        await ctx.step("second", second)
        return Outcome()


DONE: Counter[str] = Counter()
REACHED: list[str] = []
GATE = asyncio.Event()


async def many(world: World, count: int) -> None:
    for start in range(0, count, 200):
        people = range(start, min(count, start + 200))
        await asyncio.gather(*(world.platform.say("go", person=f"p{number}") for number in people))


async def test_ten_thousand_that_wait_are_rows_and_each_wakes_once(world: World):
    with_workflow(
        world,
        GraphNode(id="ask", type="question"),
        greet("told", "{{ user.id }} said {{ ask }}."),
        edges="ask.reply>told",
    )
    await world.start()
    await world.settle()
    idle = len(asyncio.all_tasks())
    await many(world, PAUSED)
    await world.settle()
    assert len(asyncio.all_tasks()) == idle, "no task stands for a run that waits"
    assert world.engine.lanes.active == 0
    told = len(world.texts)
    assert told == PAUSED
    await world.ask("red", person="p77")
    assert len(world.texts) == told + 1
    assert world.texts[-1].endswith("said red.")
    states = Counter([run.state for run in await world.runs()])
    assert states["completed"] + states["waiting"] == sum(states.values())


async def test_a_thousand_in_flight_are_killed_and_end_once_each(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(test_workflows, "_NODES", (*test_workflows._NODES, Held))  # pyright: ignore[reportPrivateUsage]
    DONE.clear()
    REACHED.clear()
    GATE.clear()
    with_workflow(
        world,
        GraphNode(id="held", type="held"),
        greet("end", "Done."),
        edges="held>end",
        settings={"max_parallel_turns": 2000},
    )
    await world.start()
    await many(world, IN_FLIGHT)
    while len(set(REACHED)) < IN_FLIGHT:
        await asyncio.sleep(0)
    await world.crash()
    GATE.set()
    await world.start()
    await world.settle()
    assert Counter(world.texts) == {"Done.": IN_FLIGHT}
    assert set(DONE.values()) == {1}
    assert len(DONE) == 2 * IN_FLIGHT
