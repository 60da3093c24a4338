"""Runs of workflows that the wrong person answers, that are stopped, or that cannot go on: one defined end each."""

from __future__ import annotations

import asyncio
from typing import Any

from botkit.core.errors import NotFound, StoreFull
from botkit.core.journal import StepDone
from botkit.engine.ports import Workflows
from botkit.engine.workflow_runs import service_event
from botkit.workflows.graph import GraphNode
from tests.engine.support import World
from tests.engine.test_workflows import greet, with_workflow

HOUR = 3600


def asking(world: World, **config: Any) -> None:
    with_workflow(
        world,
        GraphNode(id="ask", type="question"),
        greet("told", "{{ ask }} it is."),
        edges="ask.reply>told",
        **config,
    )


async def states(world: World) -> list[str]:
    return sorted(run.state for run in await world.runs())


async def test_in_a_group_only_the_person_who_was_asked_answers(world: World):
    asking(world)
    await world.start()
    group = {"room": "g1", "group": True, "addressed": "mention"}
    await world.ask("hello", **group)
    await world.ask("green", person="bob", **group)
    assert "green it is." not in world.texts
    await world.ask("red", **group)
    assert "red it is." in world.texts
    assert await states(world) == ["completed", "waiting"], "Bob's own run asks Bob"


async def test_two_answers_at_once_are_one_answer_and_one_new_run(world: World):
    asking(world)
    await world.start()
    await world.ask("hello")
    await asyncio.gather(world.platform.say("red"), world.platform.say("blue"))
    await world.settle()
    assert world.texts.count("red it is.") + world.texts.count("blue it is.") == 1
    assert len(await world.runs()) == 2


async def test_an_answer_after_its_deadline_begins_a_new_run(world: World):
    asking(world)
    await world.start()
    await world.ask("hello")
    await world.pass_time(61)
    await world.ask("red")
    assert "red it is." not in world.texts
    assert await states(world) == ["completed", "waiting"]


async def test_a_message_that_is_to_wait_comes_after_the_run(world: World):
    with_workflow(
        world,
        GraphNode(id="later", type="delay", data={"seconds": HOUR}),
        greet("done", "Done with {{ message.text }}."),
        edges="later>done",
    )
    bots = dict(world.config.bots)
    bots["desk"] = bots["desk"].model_copy(update={"while_waiting": "queue"})
    world.config = world.config.model_copy(update={"bots": bots})
    await world.start()
    await world.ask("one")
    await world.ask("two")
    assert len(await world.runs()) == 1
    await world.pass_time(HOUR + 1)
    await world.settle()
    assert world.texts == ["Done with one."]
    await world.pass_time(HOUR + 1)
    await world.settle()
    assert world.texts == ["Done with one.", "Done with two."]


async def test_stopping_a_run_ends_it_and_undoes_nothing(world: World):
    pay = GraphNode(id="pay", type="greet", data={"text": "Paid."}, compensate="refund")
    with_workflow(world, pay, GraphNode(id="ask", type="question"), greet("refund", "Refunded."), edges="pay>ask")
    await world.start()
    await world.ask("go")
    (run,) = await world.runs()
    await world.engine.cancel(run.id, by="ops", via="cli")
    await world.settle()
    assert await states(world) == ["cancelled"]
    assert "Refunded." not in world.texts
    await world.ask("red")
    assert len(await world.runs()) == 2, "nobody waits for that answer any more"


async def test_a_run_that_cannot_be_resumed_ends_and_does_not_wait_for_ever(world: World):
    asking(world, webhooks={"tickets": {"workflow": "flow", "unsigned": True}})
    await world.start()
    event = service_event("webhook", "tickets", "d-1", {"workflow": "flow"}, world.clock.now())
    await world.engine.accept(event)
    await world.settle()
    assert await states(world) == ["waiting"]
    asking(world)
    await world.restart()
    await world.pass_time(61)
    await world.settle()
    runs = await world.runs()
    assert [run.state for run in runs] == ["failed"]
    assert runs[0].error is not None
    assert runs[0].error["code"] == "not_found"


async def test_a_schedule_goes_on_after_a_time_at_which_its_workflow_could_not_begin(world: World):
    hourly = {"chime": {"cron": "0 * * * *", "workflow": "flow"}}
    with_workflow(world, greet("tell", "Cuckoo.", to="fake:room-1:"), schedules=hourly)
    make, broken = world.workflows, [True]
    assert make is not None

    def breaking(world: World) -> Workflows:
        runner = make(world)
        whole = runner.plan_hash

        async def plan_hash(revision: str, workflow: str) -> str:
            if broken and broken.pop():
                raise NotFound("the file cannot be read")
            return await whole(revision, workflow)

        runner.plan_hash = plan_hash  # type: ignore[method-assign]
        return runner

    world.workflows = breaking
    await world.start()
    await world.pass_time(HOUR)
    await world.settle()
    assert world.texts == []
    await world.pass_time(HOUR)
    await world.settle()
    assert world.texts == ["Cuckoo."]


async def test_clocks_that_jump_wake_a_delay_once(world: World):
    with_workflow(
        world, GraphNode(id="later", type="delay", data={"seconds": HOUR}), greet("end", "Now."), edges="later>end"
    )
    await world.start()
    await world.ask("go")
    await world.crash()
    await world.clock.advance(30 * 24 * HOUR)
    await world.start()
    for _ in range(3):
        await world.pass_time(1)
    assert world.texts == ["Now."]
    assert await states(world) == ["completed"]


async def test_a_broken_node_ends_its_run_and_not_its_lane(world: World):
    with_workflow(world, greet("hi", "{{ nobody.knows }}"))
    await world.start()
    await world.ask("one")
    await world.ask("two")
    runs = await world.runs()
    assert [run.state for run in runs] == ["failed", "failed"]
    assert all(run.error is not None and run.error["node"] == "hi" for run in runs)


async def test_a_new_conversation_gives_up_all_questions_of_a_run(world: World):
    with_workflow(
        world,
        GraphNode(id="both", type="parallel", data={"branches": ["one", "two"]}),
        GraphNode(id="ask1", type="question"),
        GraphNode(id="ask2", type="question"),
        edges="both.one>ask1 both.two>ask2",
    )
    await world.start()
    await world.ask("go")
    assert world.texts == ["Which colour?"] * 2
    await world.ask("/new")
    assert await states(world) == ["cancelled"]
    assert (await world.outcomes())[-1] == "command: new"


async def test_a_disk_that_is_full_in_the_middle_of_a_run_costs_nothing_but_time(world: World):
    world.tools.add("shop__pay", lambda: "paid")
    with_workflow(
        world,
        GraphNode(id="pay", type="tool", data={"name": "shop__pay"}),
        greet("told", "{{ pay }}"),
        edges="pay>told",
    )
    await world.start()
    full: list[bool] = []

    def fault(name: str, args: tuple[Any, ...]) -> Exception | None:
        if name == "commit" and any(isinstance(write, StepDone) and "pay/call" in write.key for write in args[1]):
            full.append(True)
        return StoreFull("no space left") if full and len(full) < 4 and name == "commit" else None

    world.journal.fault = fault
    await world.platform.say("go")
    await world.until(lambda: world.journal.failed)
    await world.clock.sleeping(3)  # timers, lease, and the run that waits for the disk
    await world.clock.advance(10)
    await world.settle()
    assert len(world.tools.effects) == 1
    assert world.texts == ["paid"]
    assert await states(world) == ["completed"]
