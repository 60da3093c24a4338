"""What begins a run, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.sdk.nodes import NodeFailed, Outcome
from botkit.testing.nodes import NodeBench
from botkit.workflows.expressions import ExpressionError
from botkit.workflows.nodes.trigger import Trigger

MESSAGE = {"kind": "message", "name": "tg", "text": "I want a Refund for A-17", "command": ""}
HOOK = {"kind": "webhook", "name": "shop", "event": "", "body": {"type": "order.paid", "amount": 120}}
CALL = {"kind": "api", "name": "triage", "input": {"id": 1}}
SCHEMA = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}


@pytest.mark.parametrize(
    ("data", "trigger", "fits"),
    [
        ({}, MESSAGE, True),
        ({}, HOOK, False),
        ({"kind": ["webhook", "cron"]}, HOOK, True),
        ({"name": "tg"}, MESSAGE, True),
        ({"name": ["web", "slack"]}, MESSAGE, False),
        ({"contains": "refund"}, MESSAGE, True),
        ({"contains": ["money", "REFUND"]}, MESSAGE, True),
        ({"contains": ["money"]}, MESSAGE, False),
        ({"regex": r"A-\d+$"}, MESSAGE, True),
        ({"regex": r"^A-\d+$"}, MESSAGE, False),
        ({"command": "/Start"}, {**MESSAGE, "command": "start"}, True),
        ({"command": "start"}, MESSAGE, False),
        ({"kind": "webhook", "events": ["order.paid"]}, HOOK, True),
        ({"kind": "webhook", "events": "order.sent"}, HOOK, False),
        ({"kind": "webhook", "events": "push"}, {**HOOK, "event": "push"}, True),
        ({"kind": "webhook", "when": "trigger.body.amount > 100"}, HOOK, True),
        ({"kind": "webhook", "when": "trigger.body.amount > 500"}, HOOK, False),
        ({"kind": "webhook", "input_schema": SCHEMA}, HOOK, False),
        ({"kind": "api", "inputSchema": SCHEMA}, CALL, True),
        ({"contains": "refund", "name": "slack"}, MESSAGE, False),
        ({"kind": "cron"}, {"kind": "cron", "name": "daily"}, True),
    ],
)
def test_a_trigger_fits_when_all_its_filters_do(data: dict[str, Any], trigger: dict[str, Any], fits: bool) -> None:
    assert Trigger.model_validate(data).matches(trigger) is fits


def test_a_call_with_a_wrong_input_is_told_so() -> None:
    with pytest.raises(NodeFailed) as caught:
        Trigger.model_validate({"kind": "api", "input_schema": SCHEMA}).matches({**CALL, "input": {"id": "x"}})

    assert caught.value.code == "invalid_input"
    assert "id" in str(caught.value)


def test_a_condition_that_fails_is_an_error_and_not_a_no() -> None:
    with pytest.raises(ExpressionError):
        Trigger.model_validate({"kind": "webhook", "when": "trigger.body.amuont > 1"}).matches(HOOK)


async def test_a_trigger_tells_what_began_the_run_and_what_its_pattern_found() -> None:
    bench = NodeBench(Trigger, {"regex": r"(?P<order>A-\d+)"}, variables={"trigger": MESSAGE})

    assert await bench.run() == Outcome(
        output={"kind": "message", "name": "tg", "text": MESSAGE["text"], "match": {"1": "A-17", "order": "A-17"}}
    )


def test_a_pattern_that_cannot_be_read_is_found_before_anything_runs() -> None:
    assert Trigger.check({"regex": "("})[0][0] == "regex"
    assert Trigger.check({"regex": r"\d"}) == []


async def test_what_came_with_it_is_there_under_its_own_name_too() -> None:
    trigger = {
        "kind": "webhook",
        "name": "shop",
        "event": "paid",
        "headers": {"a": "b"},
        "body": {"n": 1},
        "origin": {},
    }
    outcome = await NodeBench(Trigger, {"kind": "webhook"}, variables={"trigger": trigger}).run()

    assert isinstance(outcome, Outcome)
    assert outcome.output == {
        "kind": "webhook",
        "name": "shop",
        "text": "",
        "match": {},
        "event": "paid",
        "headers": {"a": "b"},
        "body": {"n": 1},
    }
