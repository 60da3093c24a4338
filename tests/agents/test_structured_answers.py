"""Agents that answer with an object: mended, asked again, handed to a stronger model, or failed as such."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.core.models import Escalation, ModelReply, Usage
from botkit.core.screening import Checks, Guards
from botkit.testing.models import ScriptedModel, calls
from tests.agents.support import Bench, FakeTools, a_task, a_tool

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "intent": {"enum": ["refund", "other"]},
        "amount": {"type": "number"},
        "reply": {"type": "string"},
        "confidence": {"type": "number"},
    },
    "required": ["intent"],
}
STRONGER = {"scripted": Escalation(to="strong", on=("invalid", "filtered", "length", "unsure", "tool_failures"))}
FAST = ModelReply(usage=Usage(input_tokens=10, output_tokens=5, cost_micros=3))


def task(**more: Any) -> Any:
    return a_task("I want 20 EUR back", output_schema=SCHEMA, stream=False, **more)


async def test_an_answer_that_is_nearly_json_is_mended_without_asking_again():
    model = ScriptedModel("Here it is:\n```json\n{'intent': 'refund', amount: 20,}\n```")
    bench = Bench(model)
    outcome = await bench.run(task())

    assert outcome.state == "completed"
    assert outcome.output["data"] == {"intent": "refund", "amount": 20}
    assert outcome.text == '{"intent":"refund","amount":20}'
    assert len(bench.billed) == 1


async def test_the_schema_is_said_and_given_to_providers_that_can_be_held_to_it():
    model = ScriptedModel('{"intent": "other"}')
    await Bench(model).run(task())

    (request,) = model.requests
    assert '"enum": ["refund", "other"]' in request.messages[0]["content"][: request.stable_chars]
    assert request.response_schema == SCHEMA


async def test_a_model_is_told_where_its_answer_is_wrong():
    model = ScriptedModel('{"intent": "refund", "amount": "twenty"}', '{"intent": "refund", "amount": 20}')
    bench = Bench(model)
    outcome = await bench.run(task(output_say="reply"))

    said, told = model.requests[1].messages[-2:]
    assert said == {"role": "assistant", "content": '{"intent": "refund", "amount": "twenty"}'}
    assert "amount: " in told["content"]
    assert "twenty" in told["content"]
    assert outcome.output["data"] == {"intent": "refund", "amount": 20}
    assert [call.step for call in bench.billed] == ["turn/0/model", "turn/0/again/0"]

    model.requests.clear()
    assert (await bench.run(task(output_say="reply"))).output == outcome.output
    assert model.requests == []  # a replay asks nobody


async def test_what_never_fits_fails_as_such_and_is_kept_and_billed():
    bench = Bench(ScriptedModel("Sure!", "Here you are.", "{}"))
    outcome = await bench.run(task())

    assert outcome.state == "failed"
    assert outcome.error is not None
    assert outcome.error["code"] == "invalid_output"
    assert outcome.error["problems"] == ['"intent" is a required property']
    assert outcome.output["raw"] == "{}"
    assert outcome.usage.input_tokens == 30
    assert len(bench.billed) == 3


async def test_a_stronger_model_is_asked_where_repairs_do_not_help():
    model = ScriptedModel("no", "no", '{"intent": "refund", "reply": "Done."}', escalations=STRONGER)
    bench = Bench(model)
    outcome = await bench.run(task(output_repairs=1, output_say="reply"))

    assert outcome.text == "Done."
    assert [request.model for request in model.requests] == ["scripted", "scripted", "strong"]
    assert outcome.output["escalations"] == [
        {"from": "scripted", "to": "strong", "why": "invalid", "step": "turn/0/again/1"}
    ]
    assert [call.model for call in bench.billed] == ["scripted", "scripted", "strong"]
    assert outcome.model == "strong"


@pytest.mark.parametrize(
    ("sure", "asked", "amount"), [(0.2, ["scripted", "strong"], 2), (80, ["scripted"], 1), (0.5, ["scripted"], 1)]
)
async def test_an_answer_that_is_not_sure_is_asked_of_a_stronger_model(sure: float, asked: list[str], amount: int):
    first = f'{{"intent": "refund", "amount": 1, "confidence": {sure}}}'
    model = ScriptedModel(first, '{"intent": "refund", "amount": 2, "confidence": 0.1}', escalations=STRONGER)
    outcome = await Bench(model).run(task())

    assert [request.model for request in model.requests] == asked
    assert outcome.output["data"]["amount"] == amount


async def test_an_answer_after_tools_is_structured_too():
    model = ScriptedModel(calls(("orders__get", {"order_id": "A-1"})), "{}", '{"intent": "other"}')
    orders = a_tool("orders__get", "Look up an order.", order_id="string")
    outcome = await Bench(model, FakeTools(orders)).run(task())

    assert outcome.output["data"] == {"intent": "other"}
    assert model.requests[2].tool_choice == "none"


async def test_guardrails_see_every_property_of_the_object():
    guards = Guards(output=Checks(personal="redact"))
    model = ScriptedModel('{"intent": "other", "reply": "Hello", "note": "ada@example.com"}')
    outcome = await Bench(model).run(task(guards=guards, output_say="reply"))

    assert outcome.text == "Hello"
    assert "ada@example.com" not in str(outcome.output["data"])
    assert outcome.output["data"]["intent"] == "other"

    blocked = Guards(output=Checks(personal="block"))
    model = ScriptedModel('{"intent": "other", "reply": "Hello", "note": "ada@example.com"}')
    outcome = await Bench(model).run(task(guards=blocked, output_say="reply"))
    assert outcome.state == "failed"
    assert "data" not in outcome.output
