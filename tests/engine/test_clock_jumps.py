"""Somebody sets the machine's clock, by hours, while a workflow waits.

What waits, waits for a time on the wall. Set forward: what became due happens within a minute. Set back: it happens
later, when that time comes again; what happened before does not happen a second time. Nothing is lost either way.
"""

from __future__ import annotations

from typing import Any

import pytest

from botkit.core.errors import Conflict
from botkit.sdk.nodes import Node, NodeContext, NodeFailed, Outcome, StepHandle, node
from botkit.workflows.graph import GraphNode, Retry
from tests.engine import test_workflows
from tests.engine.support import World
from tests.engine.test_handoff import begin, said_to
from tests.engine.test_workflow_ends import states
from tests.engine.test_workflows import greet, with_workflow

HOUR = 3600
MINUTE = 60
JUMP = 5 * HOUR


async def minutes(world: World, count: int = 2) -> None:
    for _ in range(count):
        await world.pass_time(MINUTE)


async def test_a_delay_that_a_jump_made_due_ends_once(world: World):
    with_workflow(
        world, GraphNode(id="later", type="delay", data={"seconds": HOUR}), greet("end", "Now."), edges="later>end"
    )
    await world.start()
    await world.ask("go")
    world.clock.jump(JUMP)
    await minutes(world)
    assert world.texts == ["Now."]
    world.clock.jump(-JUMP)
    await world.pass_time(2 * HOUR)
    assert world.texts == ["Now."]
    assert await states(world) == ["completed"]


@pytest.mark.parametrize("dies", [False, True])
async def test_a_delay_outlasts_a_clock_that_is_set_back(world: World, dies: bool):
    with_workflow(
        world, GraphNode(id="later", type="delay", data={"seconds": HOUR}), greet("end", "Now."), edges="later>end"
    )
    await world.start()
    await world.ask("go")
    world.clock.jump(-JUMP)
    if dies:
        await world.crash()
        await world.start()
    await world.pass_time(HOUR + MINUTE)
    assert world.texts == [], "its time on the wall has not come"
    await world.pass_time(JUMP)
    await minutes(world)
    assert world.texts == ["Now."]


async def test_an_approval_that_a_jump_let_expire_stays_expired(world: World):
    wait = await begin(world, expires_s=HOUR)
    world.clock.jump(JUMP)
    await minutes(world)
    world.clock.jump(-JUMP)
    await minutes(world)
    with pytest.raises(Conflict):
        await world.engine.decide(wait.id, approved=True, by="boss", via="cli")
    assert said_to(world, "ada")[1:] == ["Nobody looked."]
    assert await states(world) == ["completed"]


async def test_an_approval_can_be_decided_as_long_as_its_time_has_not_come(world: World):
    wait = await begin(world, expires_s=HOUR)
    world.clock.jump(-JUMP)
    await world.pass_time(2 * HOUR)
    await world.engine.decide(wait.id, approved=True, by="boss", via="cli")
    await world.settle()
    await world.pass_time(JUMP)
    assert said_to(world, "ada")[1:] == ["Refunded all, says boss."]
    assert await states(world) == ["completed"]


@pytest.mark.parametrize(("missed", "times"), [("once", 1), ("skip", 0), ("all", 5)])
async def test_times_of_a_schedule_that_a_jump_left_out(world: World, missed: str, times: int):
    hourly = {"chime": {"cron": "0 * * * *", "workflow": "flow", "missed": missed}}
    with_workflow(world, greet("tell", "Cuckoo, {{ trigger.at }}.", to="fake:room-1:"), schedules=hourly)
    await world.start()
    world.clock.jump(JUMP + MINUTE)
    await minutes(world, times + 2)
    assert len(world.texts) == times
    world.clock.jump(-JUMP)
    await world.pass_time(JUMP)
    assert len(world.texts) == times, "no time comes twice"
    now = world.clock.now()
    await world.pass_time(HOUR - now.minute * MINUTE - now.second)
    await minutes(world)
    assert len(world.texts) == times + 1, "and it goes on"
    assert len(set(world.texts)) == len(world.texts)


@node("shaky")
class Shaky(Node):
    """Fails the first time."""

    async def run(self, ctx: NodeContext) -> Outcome:
        async def tries(scope: StepHandle) -> int:
            TRIES.append(ctx.run.id)
            return len(TRIES)

        if await ctx.step("try", tries) == 1:
            raise NodeFailed("not yet", code="busy", retryable=True)
        return Outcome()


TRIES: list[str] = []


@pytest.mark.parametrize("jump", [JUMP, -JUMP])
async def test_a_node_is_tried_again_once_wherever_the_clock_went(
    world: World, monkeypatch: pytest.MonkeyPatch, jump: int
):
    monkeypatch.setattr(test_workflows, "_NODES", (*test_workflows._NODES, Shaky))  # pyright: ignore[reportPrivateUsage]
    TRIES.clear()
    again: Any = Retry(attempts=1, delay_s=HOUR, max_delay_s=HOUR)
    with_workflow(world, GraphNode(id="shaky", type="shaky", retry=again), greet("end", "Done."), edges="shaky>end")
    await world.start()
    await world.ask("go")
    assert await states(world) == ["waiting"]
    world.clock.jump(jump)
    await minutes(world)
    assert (len(TRIES), world.texts) == ((2, ["Done."]) if jump > 0 else (1, []))
    await world.pass_time(JUMP + HOUR)
    await minutes(world)
    assert (len(TRIES), world.texts) == (2, ["Done."])
    assert await states(world) == ["completed"]
