"""Workflows tag people and start each other by events: with the step that asks for it, once, and not on and on."""

from __future__ import annotations

import itertools
from typing import Any

from botkit.agents.elicitation import elicit
from botkit.agents.loop import AgentLoop
from botkit.app.workflow_actions import InstanceActions
from botkit.core.errors import NotFound, StoreFull
from botkit.core.journal import Run, StepDone
from botkit.core.redact import NoRedaction
from botkit.core.workflows import BotFacts
from botkit.engine.workflow_events import CHAIN_LIMIT
from botkit.engine.workflow_runs import service_event
from botkit.gateway.redact import SecretRedactor
from botkit.workflows.graph import Graph, GraphEdge, GraphNode, Plan
from botkit.workflows.registry import builtin_registry
from botkit.workflows.runner import WorkflowRunner
from botkit.workflows.services import WorkflowServices
from tests.engine.support import World, a_config
from tests.engine.test_workflows import _NODES, _Said  # pyright: ignore[reportPrivateUsage] - its nodes and messages

FAKE = "fake:1:"


def line(name: str, *nodes: GraphNode, reply: str = "") -> Graph:
    """A workflow of one node after the other."""
    edges = [GraphEdge(source=one.id, target=other.id) for one, other in itertools.pairwise(nodes)]
    return Graph(name=name, nodes=nodes, edges=tuple(edges), reply=reply)


def on(event: str, **more: Any) -> GraphNode:
    return GraphNode(id="start", type="trigger", data={"kind": "event", "name": event, **more})


def say(text: str, **more: Any) -> GraphNode:
    return GraphNode(id="say", type="greet", data={"text": text, **more})


def emit(event: str, value: Any = None) -> GraphNode:
    return GraphNode(id="tell", type="action", data={"action_type": "emit_event", "name": event, "value": value})


def with_workflows(world: World, *graphs: Graph, **config: Any) -> None:
    """The first one answers people."""
    plans = {graph.name: Plan(graph) for graph in graphs}
    registry = builtin_registry().with_classes(*_NODES)

    async def plan(revision: str, workflow: str) -> Plan:
        if workflow not in plans:
            raise NotFound(f"no workflow {workflow}")
        return plans[workflow]

    async def bot(revision: str, name: str) -> BotFacts:
        raise NotFound(f"no bot {name}")

    def make(world: World) -> WorkflowRunner:
        return WorkflowRunner(
            WorkflowServices(
                model=world.model,
                tools=world.tools,
                agent=AgentLoop(world.model, world.tools),
                messages=_Said(world),
                redactor=NoRedaction(),
                elicit=elicit,
                bot=bot,
                plan=plan,
                node_type=registry.cls,
                actions=InstanceActions(
                    world,  # pyright: ignore[reportArgumentType] - has a current configuration
                    world.store.people,
                    world.clock,
                    SecretRedactor(["s3cret-value"]),
                    plan=plan,
                    wake=lambda lane: world.engine.lanes.wake(lane),
                    changed=lambda person: world.engine.person_changed(person),
                ),
            )
        )

    world.workflows = make
    shape: dict[str, Any] = {"nodes": [{"id": "x", "type": "greet", "data": {}}]}
    config.setdefault("bot", {"workflow": graphs[0].name})
    world.config = a_config(workflows={graph.name: shape for graph in graphs}, **config)


async def begun_by_events(world: World) -> list[Run]:
    return [run for run in await world.runs() if run.channel == "@event"]


async def test_an_event_starts_every_workflow_that_listens_for_it(world: World):
    with_workflows(
        world,
        line("order", emit("order.paid", {"total": "{{ 40 + 2 }}", "key": "s3cret-value"}), say("Thank you.")),
        line("mail", on("order.paid"), say("{{ trigger.name }} {{ trigger.body.total }} of {{ user.name }}", to=FAKE)),
        line("audit", on("order.paid", when="trigger.body.total > 100"), say("much", to=FAKE)),
        line("other", on("order.lost"), say("no", to=FAKE)),
    )
    await world.start()
    await world.ask("buy")

    assert sorted(world.texts) == ["Thank you.", "order.paid 42 of Ada"]
    order, *begun = await world.runs()
    assert {run.input["workflow"] for run in begun} == {"mail", "audit"}
    assert {run.person_id for run in begun} == {order.person_id}
    assert [run.state for run in begun] == ["completed", "completed"]
    assert (await world.runs())[1].input["trigger"]["body"]["key"] != "s3cret-value"


async def test_an_event_comes_with_its_step_or_not_at_all_and_once(world: World):
    with_workflows(world, line("order", emit("order.paid"), say("Done.")), line("mail", on("order.paid"), say("x")))
    await world.start()

    def dies(name: str, args: tuple[Any, ...]) -> Exception | None:
        writes = args[1] if name == "commit" else ()
        emitting = any(isinstance(one, StepDone) and one.name == "action.emit_event" for one in writes)
        return StoreFull("no space") if emitting else None

    world.journal.fault = dies
    await world.platform.say("buy")
    await world.until(lambda: world.journal.failed >= 1)
    assert await begun_by_events(world) == []
    await world.crash()
    await world.start()
    await world.settle()

    assert [(run.input["workflow"], run.state) for run in await world.runs()] == [
        ("order", "completed"),
        ("mail", "completed"),
    ]


async def test_a_committed_event_begins_its_run_after_a_crash(world: World):
    with_workflows(world, line("order", emit("order.paid"), say("Done.")), line("mail", on("order.paid"), say("x")))
    await world.start()
    real, world.engine.lanes.wake = world.engine.lanes.wake, _nobody_works
    await world.ask("buy")
    assert await begun_by_events(world) == []
    world.engine.lanes.wake = real
    await world.crash()
    await world.start()
    await world.settle()

    (run,) = await begun_by_events(world)
    assert run.state == "completed"


async def _nobody_works(lane: str) -> None:
    return


async def test_workflows_that_start_each_other_end_with_an_error_that_shows_the_circle(world: World):
    with_workflows(
        world,
        line("first", emit("ping")),
        line("one", on("ping"), emit("pong")),
        line("two", on("pong"), emit("ping")),
    )
    await world.start()
    await world.ask("go")

    begun = await begun_by_events(world)
    assert len(begun) == CHAIN_LIMIT
    (failed,) = [run for run in begun if run.state == "failed"]
    assert failed.error is not None
    assert (failed.error["code"], failed.error["node"]) == ("limit_reached", "tell")
    assert "ping → pong → ping" in failed.error["message"]


async def test_what_an_event_starts_has_the_rights_its_person_has_then(world: World):
    with_workflows(
        world,
        line("order", emit("order.paid"), say("Done.")),
        line("mail", on("order.paid"), GraphNode(id="call", type="tool", data={"name": "shop__refund"})),
        people={"ada": {"roles": ["member"], "identities": {"fake": ["ada"]}}},
    )
    world.tools.add("shop__refund", lambda: "ok")
    await world.start()
    await world.ask("buy")

    (call,) = world.tools.calls
    assert (call.principal.kind, call.principal.id, call.principal.bot) == ("person", "ada", "desk")
    assert call.principal.roles == ("member",)


async def test_an_event_of_a_webhook_has_the_rights_of_the_webhook(world: World):
    with_workflows(
        world,
        line("hook", emit("order.paid")),
        line("mail", on("order.paid"), GraphNode(id="call", type="tool", data={"name": "shop__refund"})),
        bot={},
        webhooks={"shop": {"workflow": "hook", "unsigned": True, "owner": "ada"}},
        people={"ada": {"roles": ["admin"]}},
    )
    world.tools.add("shop__refund", lambda: "ok")
    await world.start()
    event = service_event("webhook", "shop", "1", {"workflow": "hook", "body": {}}, world.clock.now())
    await world.engine.accept(event)
    await world.settle()

    (call,) = world.tools.calls
    assert (call.principal.kind, call.principal.id, call.principal.roles) == ("service", "webhook:shop", ("admin",))


async def test_a_tag_is_there_in_the_run_and_in_later_ones(world: World):
    tag = GraphNode(id="tag", type="action", data={"action_type": "tag_user", "tags": ["vip", "vip "]})
    with_workflows(world, line("order", say("before {{ user.tags }}"), tag, reply="after {{ user.tags }}"))
    await world.start()
    await world.ask("one")
    await world.ask("two")

    assert world.texts[-1] == 'before ["vip"]'
    (person,) = await world.store.people.list()
    assert person.tags == ("vip",)


async def test_a_tag_that_cannot_be_kept_takes_the_error_edge(world: World):
    tag = GraphNode(id="tag", type="action", data={"action_type": "tag_user", "tags": ["a\nb"]})
    with_workflows(world, line("order", tag))
    await world.start()
    await world.ask("one")

    (run,) = await world.runs()
    assert run.error is not None
    assert (run.error["code"], run.error["node"]) == ("invalid_arguments", "tag")
