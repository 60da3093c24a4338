"""Walking graphs: order, joins, branches, loops, failures, undoing, limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from botkit.core.journal import Wait
from botkit.core.workflows import WorkflowOutcome
from botkit.workflows.graph import Graph, GraphEdge, GraphNode, Retry
from tests.workflows.memory import MemoryRun
from tests.workflows.nodes_for_tests import OWN, world


def act(name: str, **data: Any) -> GraphNode:
    return GraphNode(id=name, type="act", data=data)


def edges(*lines: str) -> tuple[GraphEdge, ...]:
    """`a>b` or `a.handle>b`."""
    found: list[GraphEdge] = []
    for line in lines:
        source, _, target = line.partition(">")
        source, _, handle = source.partition(".")
        found.append(GraphEdge(source=source, target=target, handle=handle or "default"))
    return tuple(found)


def a_run(nodes: list[GraphNode], *lines: str, others: dict[str, Graph] | None = None, **more: Any) -> MemoryRun:
    graph = Graph(name="main", nodes=tuple(nodes), edges=edges(*lines), **more)
    return MemoryRun(graph, nodes=OWN, others=others)


async def ended(run: MemoryRun, answer: Callable[[Wait], dict[str, Any] | None] | None = None) -> WorkflowOutcome:
    world.set(run.effects)
    return await run.finish(answer)


async def test_nodes_follow_their_edges_and_leave_their_output_behind():
    run = a_run([act("a", value=2), act("b", value="{{ a + 1 }}"), act("c")], "a>b", "b.left>c")
    outcome = await ended(run)
    assert outcome.state == "completed"
    assert outcome.path == ("a", "b")
    assert outcome.output == 3


async def test_a_node_that_several_ways_lead_to_runs_once_after_all_of_them():
    nodes = [act("a"), act("long1"), act("long2"), act("short"), act("join", value="{{ long2 }}")]
    run = a_run(nodes, "a>short", "a>long1", "long1>long2", "long2>join", "short>join")
    outcome = await ended(run)
    assert outcome.path == ("a", "short", "long1", "long2", "join")


async def test_only_the_edge_that_was_taken_is_followed():
    run = a_run([act("a", way="left"), act("l"), act("r"), act("end")], "a.left>l", "a.right>r", "l>end", "r>end")
    assert (await ended(run)).path == ("a", "l", "end")


async def test_node_51_is_not_run():
    nodes = [act(f"n{i}") for i in range(60)]
    run = a_run(nodes, *[f"n{i}>n{i + 1}" for i in range(59)])
    outcome = await ended(run)
    assert outcome.state == "limit_reached"
    assert outcome.nodes == 50
    assert len(run.effects.done) == 50


async def test_a_loop_repeats_its_body_for_each_item_and_later_nodes_see_what_it_wrote():
    nodes = [
        GraphNode(id="each", type="loop", data={"each": "{{ items }}"}),
        act("double", value="{{ item * 2 }}"),
        act("after", value="{{ each.results[2] + double }}"),
    ]
    run = a_run(nodes, "each.body>double", "double>each", "each.done>after", variables={"items": [1, 2, 3]})
    outcome = await ended(run)
    assert outcome.path == ("each/0/double", "each/1/double", "each/2/double", "each", "after")
    assert outcome.output == 12


async def test_a_loop_with_a_condition_sees_what_its_rounds_wrote():
    nodes = [
        GraphNode(id="grow", type="loop", data={"while": "total < 5"}),
        GraphNode(id="add", type="act", data={"value": "{{ total + 2 }}"}, output="total"),
    ]
    run = a_run(nodes, "grow.body>add", variables={"total": 0})
    outcome = await ended(run)
    assert outcome.output["count"] == 3


async def test_a_loop_that_does_not_end_takes_its_limit_edge_or_fails():
    loop = GraphNode(id="loop", type="loop", data={"while": "true", "maxRounds": 4})
    outcome = await ended(a_run([loop, act("body"), act("out")], "loop.body>body", "loop.limit>out"))
    assert outcome.output == "out"
    failed = await ended(a_run([loop, act("body")], "loop.body>body"))
    assert failed.error is not None
    assert failed.error["code"] == "loop_limit"


async def test_parallel_branches_join_and_do_not_see_each_other():
    nodes = [
        GraphNode(id="both", type="parallel", data={"branches": ["x", "y"]}),
        GraphNode(id="one", type="act", data={"value": 1}, output="n"),
        GraphNode(id="two", type="act", data={"value": "{{ n + 10 }}"}, output="n"),
        act("join", value="{{ n }}"),
    ]
    run = a_run(nodes, "both.x>one", "both.y>two", "both.done>join", variables={"n": 0})
    outcome = await ended(run)
    assert outcome.output == 10, "the later branch of the list wins, and saw the value from before"


async def test_branches_that_meet_again_go_on_after_the_join():
    nodes = [GraphNode(id="both", type="parallel", data={"branches": ["x", "y"]}), act("a"), act("b"), act("meet")]
    run = a_run(nodes, "both.x>a", "both.y>b", "a>meet", "b>meet", "both.done>meet")
    outcome = await ended(run)
    assert outcome.path[-1] == "meet"
    assert [key for key in run.effects.done if key.startswith("meet")] != []
    assert sum(count for key, count in run.effects.done.items() if key.startswith("meet")) == 1


async def test_the_first_branch_that_succeeds_stops_the_others_and_calls_off_their_questions():
    nodes = [
        GraphNode(id="race", type="parallel", data={"branches": ["slow", "fast"], "waitFor": "any"}),
        GraphNode(id="ask", type="ask"),
        act("quick"),
        act("after", value="{{ race.first }}"),
    ]
    run = a_run(nodes, "race.slow>ask", "race.fast>quick", "race.done>after")
    outcome = await ended(run)
    assert outcome.output == "fast"
    assert [wait.state for wait in run.waits.values()] in ([], ["cancelled"])


async def test_while_one_branch_waits_the_other_goes_on():
    nodes = [
        GraphNode(id="both", type="parallel", data={"branches": ["q", "w"]}),
        GraphNode(id="ask", type="ask"),
        act("work"),
        act("join", value="{{ ask.text }}"),
    ]
    run = a_run(nodes, "both.q>ask", "both.w>work", "both.done>join")
    world.set(run.effects)
    assert await run.live() is None
    assert run.effects.done.total() == 1
    run.decide(lambda wait: {"text": "yes"})
    outcome = await run.live()
    assert outcome is not None
    assert outcome.output == "yes"


async def test_an_answer_and_a_deadline_take_their_edges():
    nodes = [GraphNode(id="ask", type="ask"), act("told", value="{{ ask.text }} {{ ask.asked }}"), act("late")]
    lines = ("ask.reply>told", "ask.timeout>late")
    assert (await ended(a_run(nodes, *lines), lambda wait: {"text": "42"})).output == "42 ask"
    assert (await ended(a_run(nodes, *lines), lambda wait: None)).output == "late"


async def test_a_failed_node_is_tried_again_by_its_policy():
    broken = GraphNode(id="b", type="broken", data={"times": 2}, retry=Retry(attempts=2, delay_s=30))
    run = a_run([broken])
    outcome = await ended(run)
    assert outcome.output == "works"
    assert run.effects.order == ["b try 0", "b try 1", "b try 2"]
    assert [wait.kind for wait in run.waits.values()] == ["retry", "retry"]


async def test_a_failure_takes_the_error_edge_with_what_happened():
    nodes = [GraphNode(id="b", type="broken", data={"times": 9}), act("sorry", value="{{ error.code }}")]
    assert (await ended(a_run(nodes, "b.error>sorry"))).output == "out_of_order"


async def test_a_failure_nobody_catches_fails_the_run_and_undoes_the_last_step_first():
    nodes = [
        GraphNode(id="pay", type="act", data={"value": "p1"}, compensate="refund"),
        GraphNode(id="ship", type="act", compensate="recall"),
        GraphNode(id="b", type="broken", data={"times": 9}),
        act("refund", value="{{ undo.output }}"),
        act("recall"),
    ]
    run = a_run(nodes, "pay>ship", "ship>b")
    outcome = await ended(run)
    assert outcome.state == "failed"
    assert outcome.compensated == ("ship", "pay")
    assert [entry.partition("#")[0] for entry in run.effects.order] == ["pay", "ship", "b try 0", "recall", "refund"]


async def test_an_error_handler_catches_what_it_covers():
    nodes = [
        GraphNode(id="b", type="broken", data={"times": 9}),
        GraphNode(id="catch", type="error_handler", data={"covers": ["b"]}),
        act("told", value="{{ error.message }}"),
    ]
    assert (await ended(a_run(nodes, "catch.handled>told"))).output == "out of order"


async def test_another_workflow_runs_as_one_step():
    inner = Graph(name="inner", nodes=(act("x", value="{{ input.n * 2 }}"),))
    nodes = [
        GraphNode(id="call", type="sub_workflow", data={"workflow": "inner", "input": {"n": 21}}),
        act("after", value="{{ call }}"),
    ]
    outcome = await ended(a_run(nodes, "call>after", others={"inner": inner}))
    assert outcome.output == 42
    assert outcome.path == ("call/x", "call", "after")


async def test_workflows_that_call_each_other_forever_are_stopped():
    inner = Graph(name="inner", nodes=(GraphNode(id="again", type="sub_workflow", data={"workflow": "inner"}),))
    call = GraphNode(id="call", type="sub_workflow", data={"workflow": "inner"})
    outcome = await ended(a_run([call], others={"inner": inner}))
    assert outcome.error is not None
    assert outcome.error["code"] == "depth"


async def test_a_wrong_field_after_filling_in_is_a_located_error():
    run = a_run([act("a", value="text"), GraphNode(id="b", type="act", data={"steps": "{{ a }}"})], "a>b")
    outcome = await ended(run)
    assert outcome.error == {
        "code": "invalid_config",
        "message": "steps: Input should be a valid integer, unable to parse string as an integer",
        "node": "b",
    }


@pytest.mark.parametrize("after", [False, True])
async def test_a_killed_run_ends_like_one_that_was_not(after: bool):
    def make() -> MemoryRun:
        nodes = [
            act("a", steps=2),
            GraphNode(id="ask", type="ask"),
            GraphNode(id="each", type="loop", data={"times": 2}),
            act("body"),
            GraphNode(id="both", type="parallel", data={"branches": ["x", "y"]}),
            act("bx"),
            GraphNode(id="by", type="broken", data={"times": 1}, retry=Retry(attempts=1, delay_s=60)),
            GraphNode(id="boom", type="broken", data={"times": 9}),
            GraphNode(id="pay", type="act", compensate="refund"),
            act("refund"),
        ]
        lines = ("a>ask", "ask.reply>each", "each.body>body", "each.done>both")
        return a_run(nodes, *lines, "both.x>bx", "both.y>by", "both.done>pay", "pay>boom")

    whole = make()
    expected = await ended(whole, lambda wait: {"text": "ok"})
    assert expected.state == "failed"
    for death in range(1, whole.commits + 1):
        run = make()
        run.die_at, run.die_after_commit = death, after
        outcome = await ended(run, lambda wait: {"text": "ok"})
        assert outcome.state == expected.state
        assert outcome.output == expected.output
        assert outcome.compensated == expected.compensated
        assert sorted(outcome.path) == sorted(expected.path)
        assert set(run.effects.done) == set(whole.effects.done)
        assert {part.text for part in run.sent.values()} == {part.text for part in whole.sent.values()}
        repeated = run.effects.done.total() - whole.effects.done.total()
        assert repeated <= 2, "at most the steps in flight"
