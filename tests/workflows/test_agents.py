"""Nodes that let models work: agents, tools, other bots."""

from __future__ import annotations

from typing import Any

from botkit.core.workflows import BotFacts
from botkit.testing.models import calls
from botkit.workflows.graph import Graph, GraphNode
from tests.workflows.memory import MemoryRun
from tests.workflows.nodes_for_tests import OWN, world
from tests.workflows.test_runner import act, edges, ended


def _is_sent(order: str) -> str:
    return f"{order} is sent"


def _done(order: str) -> str:
    return f"done {order}"


def _sent(order: str) -> str:
    return f"sent {order}"


def a_node(kind: str, *lines: str, more: list[GraphNode] | None = None, answers: Any = (), **data: Any) -> MemoryRun:
    nodes = (GraphNode(id="n", type=kind, data=data), *(more or []))
    return MemoryRun(Graph(name="main", nodes=nodes, edges=edges(*lines)), nodes=OWN, answers=answers)


async def test_a_tool_is_called_once_with_the_rights_of_the_run():
    run = a_node("mcp_tool", tool="orders__find", arguments={"order": "{{ message.text }}"})
    run.tools.add("orders__find", _is_sent, order="string")
    outcome = await ended(run)
    assert outcome.output == {"text": "hello is sent", "data": None}
    call = run.tools.calls[0]
    assert (call.principal.id, call.principal.bot, call.workspace) == ("ada", "desk", "default")


async def test_a_tool_that_fails_takes_the_error_edge():
    run = a_node("mcp_tool", "n.error>sorry", more=[act("sorry", value="{{ error.code }}")], tool="no__such")
    assert (await ended(run)).output == "tool"


async def test_a_tool_that_needs_approval_pauses_the_run_and_a_refusal_has_an_edge():
    more = [act("pity", value="{{ n.text }}")]
    run = a_node("mcp_tool", "n.declined>pity", more=more, tool="orders__refund", arguments={"order": "1"})
    run.tools.add("orders__refund", _done, approve=True, order="string")
    outcome = await ended(run, lambda wait: {"approved": False, "comment": "too much"})
    assert "too much" in outcome.output
    assert run.tools.effects == []


async def test_an_agent_works_with_the_tools_it_may_use():
    answers = [calls(("orders__find", {"order": "1"})), "It is sent."]
    run = a_node("agent_loop", answers=answers, goal="Where is order 1?", tools=["orders__*"])
    run.tools.add("orders__find", _sent, order="string")
    outcome = await ended(run)
    assert outcome.output["text"] == "It is sent."
    assert outcome.output["tools"] == ["orders__find"]
    assert run.tools.calls[0].principal.within == (("orders__*",),)
    assert outcome.usage.input_tokens > 0


async def test_an_agent_at_its_limit_takes_the_edge_it_was_told():
    answers = [calls(("orders__find", {"order": str(i)})) for i in range(5)] + ["I do not know."]
    more = [act("human", value="{{ n.limit }}")]
    run = a_node(
        "agent_loop", "n.escalate>human", more=more, answers=answers, goal="?", maxRounds=2, onLimit="escalate"
    )
    run.tools.add("orders__find", _sent, order="string")
    assert (await ended(run)).output == "max_iterations"


async def test_an_agent_is_not_asked_again_after_a_crash():
    def make() -> MemoryRun:
        answers = [calls(("orders__find", {"order": "1"})), "It is sent."]
        run = a_node("agent_loop", "n.done>b", more=[act("b")], answers=answers, goal="Where is order 1?")
        run.tools.add("orders__find", _sent, tool_class="read-only", order="string")
        return run

    whole = make()
    await ended(whole)
    for death in range(1, whole.commits + 1):
        run = make()
        run.die_at, run.die_after_commit = death, True
        outcome = await ended(run)
        assert outcome.state == "completed"
        assert len(run.model.requests) == 2
        assert len(run.tools.calls) == 1


async def test_another_bot_answers_in_its_own_workspace_and_its_rights_are_within_the_callers():
    run = a_node("delegate_to_bot", answers=["The bill is 20 EUR."], bot="billing", message="What do I owe?")
    run.bots["billing"] = BotFacts(bot="billing", prompt="You know bills.", model="scripted/model", workspace="money")
    outcome = await ended(run)
    assert outcome.output["text"] == "The bill is 20 EUR."
    request = run.model.requests[0]
    assert "You know bills." in str(request.messages[0])
    assert "What do I owe?" in str(request.messages[-1])


async def test_another_bot_answers_by_its_workflow_and_reads_the_context_as_variables():
    inner = Graph(name="bills", nodes=(act("x", value="{{ customer }} owes 20"),))
    nodes = (GraphNode(id="n", type="delegate_to_bot", data={"bot": "billing", "context": '{"customer": "Ada"}'}),)
    run = MemoryRun(Graph(name="main", nodes=nodes), nodes=OWN, others={"bills": inner})
    run.bots["billing"] = BotFacts(bot="billing", workflow="bills", workspace="money", model="scripted/model")
    assert (await ended(run)).output == {"text": "Ada owes 20", "bot": "billing", "output": "Ada owes 20"}


async def test_bots_that_ask_each_other_stop_after_three_hops():
    ask = Graph(name="ask", nodes=(GraphNode(id="n", type="delegate_to_bot", data={"bot": "other"}),))
    run = MemoryRun(ask, nodes=OWN)
    run.bots["other"] = BotFacts(bot="other", workflow="ask", model="scripted/model")
    world.set(run.effects)
    outcome = await run.finish()
    assert outcome.error is not None
    assert outcome.error["code"] == "hops"
