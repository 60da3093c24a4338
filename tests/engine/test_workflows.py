"""Bots that answer by a workflow: messages, questions, approvals, failures, services, and death in the middle."""

from __future__ import annotations

from typing import Any

from botkit.agents.elicitation import elicit
from botkit.agents.loop import AgentLoop
from botkit.core.errors import NotFound
from botkit.core.messages import OutMessage
from botkit.core.redact import NoRedaction
from botkit.core.workflows import BotFacts
from botkit.engine.workflow_runs import service_event
from botkit.sdk.nodes import Node, NodeContext, NodeFailed, Outcome, Signal, Wait, node
from botkit.workflows.graph import Graph, GraphEdge, GraphNode, Plan
from botkit.workflows.registry import builtin_registry
from botkit.workflows.runner import WorkflowRunner
from botkit.workflows.services import WorkflowServices
from tests.engine.support import World, a_config
from tests.engine.test_connecting import GROUP, LINK, refuse_without_account


@node("greet")
class Greet(Node):
    """Say a text."""

    text: str
    """What."""
    to: str = ""
    """Where."""

    async def run(self, ctx: NodeContext) -> Outcome:
        await ctx.say("text", self.text, to=self.to)
        return Outcome()


@node("question")
class Question(Node):
    """Ask for a word."""

    handles = {"reply": "answered", "timeout": "too late"}

    async def run(self, ctx: NodeContext) -> Wait:
        return Wait.reply("Which colour?", expires_s=60)

    async def resume(self, ctx: NodeContext, signal: Signal) -> Outcome:
        return Outcome("timeout") if signal.expired else Outcome("reply", signal.text)


@node("boss")
class Boss(Node):
    """Ask for a decision."""

    handles = {"approved": "yes", "rejected": "no"}

    async def run(self, ctx: NodeContext) -> Wait:
        return Wait("approval", payload={"title": "Refund 600 EUR"}, approvers=("admin",))

    async def resume(self, ctx: NodeContext, signal: Signal) -> Outcome:
        return Outcome("approved" if signal.approved else "rejected", signal.by)


@node("tool")
class CallTool(Node):
    """Call a tool."""

    name: str
    """Which."""

    async def run(self, ctx: NodeContext) -> Outcome:
        answer = await ctx.call_tool("call", self.name, {})
        if answer.is_error:
            raise NodeFailed(answer.text, code="tool")
        return Outcome(output=answer.text)


_NODES = (Greet, Question, Boss, CallTool)


class _Said:
    """The engine's messages, which are there once the engine is."""

    def __init__(self, world: World):
        self._world = world

    def writes(self, run: Any, ref: str, message: OutMessage, conversation: str) -> Any:
        return self._world.engine.messages.writes(run, ref, message, conversation)

    def kick(self, run: Any, conversation: str) -> None:
        self._world.engine.messages.kick(run, conversation)


def with_workflow(world: World, *nodes: GraphNode, edges: str = "", reply: str = "", **config: Any) -> None:
    found: list[GraphEdge] = []
    for line in edges.split():
        source, _, target = line.partition(">")
        source, _, handle = source.partition(".")
        found.append(GraphEdge(source=source, target=target, handle=handle or "default"))
    plan = Plan(Graph(name="flow", nodes=nodes, edges=tuple(found), reply=reply))
    registry = builtin_registry().with_classes(*_NODES)

    async def plan_of(revision: str, workflow: str) -> Plan:
        return plan

    def make(world: World) -> WorkflowRunner:
        return WorkflowRunner(
            WorkflowServices(
                model=world.model,
                tools=world.tools,
                agent=AgentLoop(world.model, world.tools),
                messages=_Said(world),
                redactor=NoRedaction(),
                elicit=elicit,
                bot=_no_bot,
                plan=plan_of,
                node_type=registry.cls,
                identity=world.codes,
            )
        )

    world.workflows = make
    world.config = a_config(
        bot={"workflow": "flow"},
        workflows={"flow": {"nodes": [{"id": "x", "type": "greet", "data": {}}]}},
        **config,
    )


async def _no_bot(revision: str, name: str) -> BotFacts:
    raise NotFound(f"no bot {name}")


def greet(name: str, text: str, **more: Any) -> GraphNode:
    return GraphNode(id=name, type="greet", data={"text": text, **more})


async def test_a_workflow_answers_a_message(world: World):
    with_workflow(world, greet("hi", "Hello {{ user.name }}, you said {{ message.text }}."))
    await world.start()
    await world.ask("moin")
    assert world.texts == ["Hello Ada, you said moin."]


async def test_an_answer_goes_to_the_question_and_the_run_goes_on(world: World):
    with_workflow(
        world,
        GraphNode(id="ask", type="question"),
        greet("told", "{{ ask }} it is."),
        greet("late", "Too late."),
        edges="ask.reply>told ask.timeout>late",
    )
    await world.start()
    await world.ask("hello")
    assert world.texts == ["Which colour?"]
    assert [run.waiting_for for run in await world.runs()] == ["reply"]
    await world.ask("red")
    assert world.texts == ["Which colour?", "red it is."]
    assert [run.state for run in await world.runs()] == ["completed"]


async def test_a_question_nobody_answers_takes_its_edge(world: World):
    with_workflow(world, GraphNode(id="ask", type="question"), greet("late", "Too late."), edges="ask.timeout>late")
    await world.start()
    await world.ask("hello")
    await world.pass_time(61)
    await world.settle()
    assert world.texts == ["Which colour?", "Too late."]


async def test_a_decision_after_a_crash_resumes_the_run(world: World):
    with_workflow(
        world,
        greet("first", "One moment."),
        GraphNode(id="boss", type="boss"),
        greet("yes", "Approved by {{ boss }}."),
        edges="first>boss boss.approved>yes",
    )
    await world.start()
    await world.ask("refund please")
    await world.crash()
    await world.start()
    wait = next(iter(await world.waits()))
    await world.engine.decide(wait.id, approved=True, by="Bob", via="cli")
    await world.settle()
    assert [text for text in world.texts if "moment" in text] == ["One moment."]
    assert world.texts[-1] == "Approved by Bob."


async def test_a_run_that_fails_says_so_with_its_trace(world: World):
    with_workflow(world, GraphNode(id="call", type="tool", data={"name": "nowhere__nothing"}))
    await world.start()
    await world.ask("go")
    runs = await world.runs()
    assert [run.state for run in runs] == ["failed"]
    assert runs[0].trace_id in world.texts[-1]


async def test_a_run_that_says_nothing_is_a_recorded_silence(world: World):
    with_workflow(world, GraphNode(id="set", type="sub_workflow", data={"workflow": "flow"}))
    with_workflow(world, GraphNode(id="wait", type="loop", data={"times": 0}))
    await world.start()
    await world.ask("go")
    runs = await world.runs()
    assert world.texts == []
    assert runs[0].state == "completed"
    assert runs[0].output is not None
    assert runs[0].output["path"] == ["wait"]


async def test_the_reply_of_the_workflow_is_said_when_no_node_said_anything(world: World):
    loop = GraphNode(id="n", type="loop", data={"times": 0})
    with_workflow(world, loop, reply="There were {{ n.count }}.")
    await world.start()
    await world.ask("go")
    assert world.texts == ["There were 0."]


async def test_a_webhook_begins_a_run_that_writes_to_a_chat(world: World):
    hooks = {"tickets": {"workflow": "flow", "unsigned": True}}
    with_workflow(world, greet("tell", "New ticket {{ trigger.body.id }}.", to="fake:room-1:"), webhooks=hooks)
    await world.start()
    body = {"workflow": "flow", "body": {"id": 7}}
    event = service_event("webhook", "tickets", "d-1", body, world.clock.now())
    assert await world.engine.accept(event)
    assert not await world.engine.accept(event), "a redelivery begins nothing"
    await world.settle()
    assert world.texts == ["New ticket 7."]
    assert [(run.kind, run.channel, run.state) for run in await world.runs()] == [("workflow", "@webhook", "completed")]


async def test_a_changed_graph_does_not_take_over_a_paused_run(world: World):
    with_workflow(world, GraphNode(id="ask", type="question"), greet("told", "Thanks."), edges="ask.reply>told")
    await world.start()
    await world.ask("hello")
    with_workflow(world, GraphNode(id="ask", type="question"), greet("other", "Hm."), edges="ask.reply>other")
    await world.restart()
    await world.ask("red")
    runs = await world.runs()
    assert runs[0].error is not None
    assert runs[0].error["code"] == "definition_changed"


async def test_the_link_to_connect_an_account_stays_out_of_a_group_and_of_the_run(world: World):
    call = GraphNode(id="call", type="mcp_tool", data={"tool": "todo__list"})
    with_workflow(world, call, greet("told", "{{ error.message }}"), edges="call.error>told")
    world.tools.add("todo__list", refuse_without_account, tool_class="read-only")
    await world.start()
    await world.ask("what is on my list?", **GROUP)

    assert LINK in world.platform.texts("dm-ada")[0]
    assert "written to in private" in world.platform.texts("g1")[0]
    assert LINK not in world.platform.texts("g1")[0]
    (run,) = await world.runs()
    opened = await world.ports.journal.load_run(run.id)
    assert opened is not None
    assert all(LINK.encode() not in bytes(step.result) for step in opened.steps.values())
