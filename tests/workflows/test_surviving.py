"""What a run must not lose or do twice when nodes fail, time out, or cannot say what they did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from botkit.core.errors import LimitReached
from botkit.core.journal import Wait
from botkit.core.workflows import WorkflowOutcome
from botkit.sdk.nodes import Node, NodeContext, NodeFailed, Outcome, StepHandle, node
from botkit.testing.clock import ManualClock
from botkit.workflows.graph import Graph, GraphEdge, GraphNode, Retry
from tests.workflows.memory import MemoryRun
from tests.workflows.nodes_for_tests import OWN, world


@node("odd")
class Odd(Node):
    """Give back what JSON cannot hold."""

    async def run(self, ctx: NodeContext) -> Outcome:
        return Outcome(output=chr(0xD800))


@node("full")
class Full(Node):
    """Meet a limit that is not the run's."""

    async def run(self, ctx: NodeContext) -> Outcome:
        raise LimitReached("the notebook is full", limit="notes")


@node("work")
class Work(Node):
    """Take its time."""

    seconds: float
    """How long."""

    async def run(self, ctx: NodeContext) -> Outcome:
        async def do(scope: StepHandle) -> None:
            world.get().do(ctx.node_id)
            await CLOCKS[-1].advance(self.seconds)

        await ctx.step("do", do)
        return Outcome()


@node("pay")
class Pay(Node):
    """Send something that must not be cut off, and hear back later."""

    async def run(self, ctx: NodeContext) -> Outcome:
        async def do(scope: StepHandle) -> str:
            world.get().do("sent")
            SENT[-1].set()
            await HEARD[-1].wait()
            world.get().do("heard")
            return "paid"

        return Outcome(output=await ctx.step("pay", do, once=True))


@node("unsure")
class Unsure(Node):
    """Ask, and be broken all the same."""

    async def run(self, ctx: NodeContext) -> Outcome:
        async def do(scope: StepHandle) -> None:
            raise NodeFailed("no", retryable=True)

        await ctx.step("do", do)
        return Outcome()


CLOCKS: list[ManualClock] = []
SENT: list[asyncio.Event] = []
HEARD: list[asyncio.Event] = []
_NODES = (*OWN, Odd, Full, Work, Pay, Unsure)


def act(name: str, **data: Any) -> GraphNode:
    return GraphNode(id=name, type="act", data=data)


def a_run(nodes: list[GraphNode], lines: str = "", **more: Any) -> MemoryRun:
    edges: list[GraphEdge] = []
    for line in lines.split():
        source, _, target = line.partition(">")
        source, _, handle = source.partition(".")
        edges.append(GraphEdge(source=source, target=target, handle=handle or "default"))
    others = more.pop("others", None)
    run = MemoryRun(Graph(name="main", nodes=tuple(nodes), edges=tuple(edges), **more), nodes=_NODES, others=others)
    CLOCKS.append(run.clock)
    return run


async def ended(run: MemoryRun, answer: Callable[[Wait], dict[str, Any] | None] | None = None) -> WorkflowOutcome:
    world.set(run.effects)
    return await run.finish(answer)


async def test_what_failed_and_was_caught_does_not_fail_again_after_a_pause():
    nodes = [
        GraphNode(id="call", type="faulty"),
        GraphNode(id="catch", type="error_handler"),
        GraphNode(id="ask", type="ask"),
        act("told", value="{{ error.code }} {{ ask.text }}"),
    ]
    run = a_run(nodes, "catch.handled>ask ask.reply>told")
    outcome = await ended(run, lambda wait: {"text": "ok"})
    assert outcome.output == "no_answer ok"
    assert sum(count for name, count in run.effects.done.items() if name.startswith("call")) == 1


async def test_a_branch_that_failed_does_not_begin_again_while_another_waits():
    nodes = [
        GraphNode(id="both", type="parallel", data={"branches": ["a", "b"], "onFailure": "continue"}),
        GraphNode(id="call", type="faulty"),
        GraphNode(id="ask", type="ask"),
        act("end", value="{{ both.failed.a.code }}"),
    ]
    run = a_run(nodes, "both.a>call both.b>ask both.done>end")
    assert (await ended(run, lambda wait: {"text": "ok"})).output == "no_answer"
    assert run.effects.done["call faulty run_1/both/a/call/do"] == 1


async def test_the_edge_after_a_mended_node_is_followed_after_a_pause_too():
    nodes = [
        GraphNode(id="call", type="flaky"),
        GraphNode(id="catch", type="error_handler", data={"retry": {"attempts": 1, "delay_s": 30}}),
        GraphNode(id="ask", type="ask"),
        act("mended"),
    ]
    run = a_run(nodes, "call>ask catch.retry_ok>mended")
    run.die_at = 5
    assert set((await ended(run, lambda wait: {"text": "ok"})).path) == {"call", "ask", "mended"}


async def test_the_error_after_a_caught_one_is_the_new_one():
    nodes = [
        GraphNode(id="call", type="faulty"),
        GraphNode(id="catch", type="error_handler"),
        GraphNode(id="again", type="broken", data={"times": 9, "code": "other"}),
        act("told", value="{{ error.code }}"),
    ]
    assert (await ended(a_run(nodes, "catch.handled>again again.error>told"))).output == "other"


async def test_a_handler_catches_the_node_it_names_inside_of_a_loop():
    nodes = [
        GraphNode(id="loop", type="loop", data={"times": 2}),
        GraphNode(id="call", type="faulty"),
        GraphNode(id="catch", type="error_handler", data={"covers": ["call"]}),
        act("told", value="{{ error.node }}"),
    ]
    assert (await ended(a_run(nodes, "loop.body>call catch.handled>told"))).output == "call"


async def test_an_output_that_cannot_be_kept_is_a_failure_of_its_node():
    nodes = [GraphNode(id="odd", type="odd"), act("told", value="{{ error.code }} {{ error.node }}")]
    assert (await ended(a_run(nodes, "odd.error>told"))).output == "invalid_output odd"


async def test_a_limit_that_is_not_the_runs_takes_the_error_edge():
    nodes = [GraphNode(id="note", type="full"), act("told", value="{{ error.code }}")]
    assert (await ended(a_run(nodes, "note.error>told"))).output == "limit_reached"


async def test_a_reply_that_cannot_be_made_is_a_located_failure_and_what_was_done_is_undone():
    nodes = [GraphNode(id="pay", type="act", compensate="refund"), act("refund")]
    outcome = await ended(a_run(nodes, reply="{{ nothing.there }}"))
    assert outcome.state == "failed"
    assert (outcome.error or {})["message"].startswith("reply: ")
    assert outcome.compensated == ("pay",)


async def test_a_run_ends_when_it_has_worked_long_enough_wherever_its_nodes_are():
    work = [GraphNode(id=f"w{number}", type="work", data={"seconds": 4}) for number in range(4)]
    run = a_run(work, "w0>w1 w1>w2 w2>w3", timeout_s=10)
    assert (await ended(run)).state == "limit_reached"
    assert run.effects.order == ["w0", "w1", "w2"]

    loop = GraphNode(id="loop", type="loop", data={"times": 9})
    inside = a_run([loop, work[0]], "loop.body>w0", timeout_s=10)
    assert (await ended(inside)).state == "limit_reached"
    assert inside.effects.done["w0"] == 3


async def test_time_that_a_run_waited_is_not_time_it_worked():
    nodes = [
        GraphNode(id="w0", type="work", data={"seconds": 6}),
        GraphNode(id="later", type="delay", data={"seconds": 3600}),
        GraphNode(id="w1", type="work", data={"seconds": 3}),
    ]
    assert (await ended(a_run(nodes, "w0>later later>w1", timeout_s=10))).state == "completed"


async def test_a_time_limit_around_others_does_not_cut_off_what_one_of_them_sent():
    loop = GraphNode(id="loop", type="loop", data={"times": 1}, timeout_s=5)
    run = a_run([loop, GraphNode(id="pay", type="pay"), act("late")], "loop.body>pay loop.error>late")
    SENT.append(asyncio.Event())
    HEARD.append(asyncio.Event())
    world.set(run.effects)
    life = asyncio.ensure_future(run.finish())
    await SENT[-1].wait()
    await run.clock.advance(6)
    HEARD[-1].set()
    await life
    assert run.effects.order[:2] == ["sent", "heard"]
    assert run.steps["loop/0/pay/pay"].state == "done"


async def test_a_node_that_waits_and_one_too_many_are_told_apart():
    nodes = [GraphNode(id="ask", type="ask"), *(act(f"n{number}") for number in range(5))]
    run = a_run(nodes, "n0>n1 n1>n2 n2>n3 n3>n4", max_nodes=5)
    outcome = await ended(run, lambda wait: {"text": "ok"})
    assert outcome.state == "limit_reached"
    assert "n4" not in outcome.path


async def test_a_question_of_a_try_that_failed_is_called_off():
    nodes = [
        GraphNode(id="loop", type="loop", data={"times": 1}, retry=Retry(attempts=1, delay_s=60)),
        act("start"),
        GraphNode(id="ask", type="ask"),
        GraphNode(id="bad", type="unsure"),
    ]
    run = a_run(nodes, "loop.body>start start>ask start>bad")
    await ended(run)
    states = {key: wait.state for key, wait in run.waits.items() if wait.kind == "reply"}
    assert states == {"loop/0/ask/wait/0": "cancelled", "loop@1/0/ask/wait/0": "cancelled"}


async def test_a_called_workflow_knows_the_run_it_is_in():
    inner = Graph(name="inner", nodes=(act("x", value="{{ run.id }}"),))
    call = GraphNode(id="call", type="sub_workflow", data={"workflow": "inner"})
    assert (await ended(a_run([call], others={"inner": inner}))).output == "run_1"
