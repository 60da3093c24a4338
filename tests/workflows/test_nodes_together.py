"""botkit's own nodes in one workflow, on the real runner, killed at every commit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from botkit.core.journal import Wait
from botkit.core.outbound import HttpReply, HttpRequest
from botkit.core.workflows import WorkflowOutcome
from botkit.sdk.nodes import Node, NodeContext, Outcome, StepHandle, node
from botkit.workflows.graph import Graph, GraphEdge, GraphNode
from tests.workflows.memory import Died, MemoryRun

NODES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("start", "trigger", {"contains": "refund", "regex": r"(?P<order>A-\d+)"}),
    ("order", "http_request", {"url": "https://shop.example/orders/{{ start.match.order }}"}),
    ("amount", "set_variable", {"name": "total", "value": "{{ order.json.total }}", "kind": "number"}),
    ("size", "logic", {"cases": [{"name": "large", "when": "total > 500"}, {"name": "none", "when": "total == 0"}]}),
    ("ask", "wait_for_reply", {"question": "Refund {{ total | money('EUR') }}?", "kind": "boolean", "attempts": 2}),
    ("sure", "logic", {"condition": "ask.value"}),
    ("nap", "delay", {"duration": "1h"}),
    (
        "pay",
        "http_request",
        {"method": "POST", "url": "https://shop.example/refunds", "body": {"order": "{{ start.match.order }}"}},
    ),
    ("clean", "guardrail", {"text": "Paid to {{ order.json.email }}, thank you."}),
    ("tell", "send_message", {"text": "{{ clean.text }} ({{ nap.due | date('%H:%M') }})"}),
    ("stop", "action", {"action_type": "end", "value": "{{ {'total': total} }}"}),
    ("never", "send_message", {"text": "nobody says this"}),
)
EDGES = (
    "start>order order>amount amount>size size.large>ask size.default>never ask.reply>sure ask.invalid>never "
    "sure.true>nap sure.false>never nap>pay pay>clean clean.redacted>tell tell>stop stop>never"
)


class Shop:
    """Counts what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def send(self, request: HttpRequest, *, workspace: str = "") -> HttpReply:
        self.asked.append(f"{request.method} {request.url} {request.body.decode()}".strip())
        return HttpReply(status=200, body=b'{"total": 612.5, "email": "ada@example.com"}')


def a_run(text: str = "I want a refund for A-17") -> tuple[MemoryRun, Shop]:
    edges: list[GraphEdge] = []
    for line in EDGES.split():
        source, _, target = line.partition(">")
        source, _, handle = source.partition(".")
        edges.append(GraphEdge(source=source, target=target, handle=handle or "default"))
    nodes = tuple(GraphNode(id=name, type=kind, data=data) for name, kind, data in NODES)
    run = MemoryRun(
        Graph(name="refund", nodes=nodes, edges=tuple(edges)), trigger={"kind": "message", "name": "tg", "text": text}
    )
    shop = Shop()
    run.services = replace(run.services, http=shop)
    return run, shop


def answer(wait: Wait) -> dict[str, Any] | None:
    """First something that does not fit."""
    tries = wait.payload["state"]["tries"]
    return {"text": "perhaps" if tries == 0 else "yes"}


async def test_a_workflow_of_own_nodes_runs_to_its_end() -> None:
    run, shop = a_run()
    outcome = await run.finish(answer)

    assert outcome.state == "completed"
    assert outcome.output == {"total": 612.5}
    assert outcome.path == (
        "start", "order", "amount", "size", "ask", "sure", "nap", "pay", "clean", "tell", "stop",
    )  # fmt: skip
    assert [part.text for part in run.sent.values()] == ["Paid to [email], thank you. (10:00)"]
    assert shop.asked == ["GET https://shop.example/orders/A-17", 'POST https://shop.example/refunds {"order":"A-17"}']


async def test_a_message_that_does_not_fit_begins_nothing() -> None:
    run, shop = a_run("Hello")
    outcome = await run.finish(answer)

    assert (outcome.state, shop.asked) == ("ignored", [])


async def test_killed_at_any_commit_it_ends_the_same_and_pays_once() -> None:
    whole, _ = a_run()
    expected = await whole.finish(answer)
    for die_at in range(1, whole.commits + 1):
        for after in (False, True):
            run, shop = a_run()
            run.die_at, run.die_after_commit = die_at, after
            outcome = await run.finish(_operator(shop))

            assert _told(outcome) == _told(expected), (die_at, after)
            assert [part.text for part in run.sent.values()] == [part.text for part in whole.sent.values()]
            assert sum(each.startswith("POST") for each in shop.asked) == 1, (die_at, after)


def _operator(shop: Shop) -> Callable[[Wait], dict[str, Any] | None]:
    """Looks into the books of the shop when nobody knows whether the payment was made."""

    def decide(wait: Wait) -> dict[str, Any] | None:
        if wait.kind != "reconcile":
            return answer(wait)
        paid = any(each.startswith("POST") for each in shop.asked)
        return {"action": "result", "result": {"paid": True}} if paid else {"action": "retry"}

    return decide


def _told(outcome: WorkflowOutcome) -> tuple[Any, ...]:
    return outcome.state, outcome.output, outcome.path


@node("pay_once")
class PayOnce(Node):
    """A node of an operator that must not do its work twice."""

    async def run(self, ctx: NodeContext) -> Outcome:
        async def pay(_: StepHandle) -> dict[str, int]:
            raise Died

        return Outcome(output=await ctx.step("pay", pay, kind=dict[str, int], once=True))


@pytest.mark.parametrize(
    ("decision", "state", "output"),
    [
        ({"action": "result", "result": {"paid": 5}}, "completed", {"paid": 5}),
        ({"action": "result", "result": {"paid": "much"}}, "failed", None),
        ({"action": "fail", "message": "They know nothing of it."}, "failed", None),
    ],
)
async def test_an_operators_word_on_a_lost_step_is_its_result(
    decision: dict[str, Any], state: str, output: Any
) -> None:
    graph = Graph(name="pay", nodes=(GraphNode(id="pay", type="pay_once"),))
    run = MemoryRun(graph, nodes=(PayOnce,))
    outcome = await run.finish(lambda _: decision)

    assert (outcome.state, outcome.output) == (state, output)
    if state == "failed":
        assert outcome.error is not None
        assert outcome.error["code"] == "not_done"
