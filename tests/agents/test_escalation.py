"""A cheap model first, a stronger one where it does not manage: when, how often, and what it leaves."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.core.errors import ModelUnavailable
from botkit.core.models import Escalation, ModelReply, Signal
from botkit.runs.context import Paused
from botkit.testing.models import ScriptedModel, calls
from tests.agents.support import Bench, FakeTools, a_task, a_tool

GET = a_tool("orders__get", "Look up an order.", order_id="string")


def to_strong(*on: Signal, **more: Any) -> dict[str, Escalation]:
    return {"scripted": Escalation(to="strong", on=on, **more)}


def asked(model: ScriptedModel) -> list[str]:
    return [request.model for request in model.requests]


@pytest.mark.parametrize("finish", ["length", "filtered"])
async def test_an_answer_that_was_cut_or_stopped_is_asked_of_a_stronger_model(finish: Any):
    model = ScriptedModel(ModelReply(text="It is", finish=finish), "It is blue.", escalations=to_strong(finish))
    bench = Bench(model)
    outcome = await bench.run()

    assert outcome.text == bench.sink.shown == "It is blue."
    assert asked(model) == ["scripted", "strong"]
    assert outcome.output["escalations"][0]["why"] == finish
    assert [call.step for call in bench.billed] == ["turn/0/model", "turn/0/model/stronger"]

    model.requests.clear()
    assert (await bench.run()).text == "It is blue."
    assert model.requests == []


async def test_only_the_named_signals_count():
    model = ScriptedModel(ModelReply(text="It is", finish="length"), escalations=to_strong("filtered"))
    outcome = await Bench(model).run()

    assert outcome.text.startswith("It is\n")
    assert asked(model) == ["scripted"]
    assert "escalations" not in outcome.output


async def test_a_model_whose_calls_keep_failing_is_relieved():
    def broken(arguments: dict[str, Any]) -> Exception:
        return RuntimeError(f"no order {arguments['order_id']}")

    wanted = [calls(("orders__get", {"order_id": str(number)})) for number in range(3)]
    model = ScriptedModel(*wanted, "I could not find it.", escalations=to_strong("tool_failures", tool_failures=2))
    outcome = await Bench(model, FakeTools(GET, get=broken)).run()

    assert asked(model) == ["scripted", "scripted", "strong", "strong"]
    assert [one["why"] for one in outcome.output["escalations"]] == ["tool_failures"]


async def test_the_stronger_model_is_asked_so_often_and_then_the_first_again():
    wanted = [calls(("orders__get", {"order_id": str(number)})) for number in range(5)]
    model = ScriptedModel(*wanted, "Done.", escalations=to_strong("tool_failures", tool_failures=1, most=2))
    failing = FakeTools(GET, get=lambda arguments: RuntimeError("down"))
    await Bench(model, failing).run()

    assert asked(model) == ["scripted", "strong", "strong", "scripted", "scripted", "scripted"]


async def test_an_answer_is_kept_when_no_stronger_model_answers():
    cut = ModelReply(text="It is", finish="length")
    model = ScriptedModel(cut, ModelUnavailable("down"), escalations=to_strong("length"))
    bench = Bench(model)
    outcome = await bench.run()

    assert (outcome.state, outcome.text.splitlines()[0]) == ("completed", "It is")
    assert [call.code for call in bench.billed] == ["", "model_unavailable"]

    cut_call = calls(("orders__get", {"order_id": "1"}))
    model = ScriptedModel(
        cut_call,
        ModelUnavailable("down"),
        "I could not find it.",
        escalations=to_strong("tool_failures", tool_failures=1),
    )
    outcome = await Bench(model, FakeTools(GET, get=lambda arguments: RuntimeError("gone"))).run()
    assert outcome.text == "I could not find it."
    assert asked(model) == ["scripted", "strong", "scripted"]


async def test_a_ladder_is_climbed_rung_by_rung():
    ladder = to_strong("length") | {"strong": Escalation(to="strongest", on=("length",))}
    cut = ModelReply(text="It", finish="length")
    model = ScriptedModel(cut, cut, "It is blue.", escalations=ladder)
    outcome = await Bench(model).run()

    assert asked(model) == ["scripted", "strong", "strongest"]
    assert [(one["from"], one["to"]) for one in outcome.output["escalations"]] == [
        ("scripted", "strong"),
        ("strong", "strongest"),
    ]


async def test_a_journaled_answer_of_the_stronger_model_counts_when_the_configuration_has_changed():
    approve = a_tool("orders__get", "Look up an order.", approve=True, order_id="string")
    stronger = calls(("orders__get", {"order_id": "7"}))
    model = ScriptedModel(ModelReply(text="Let", finish="length"), stronger, escalations=to_strong("length"))
    bench = Bench(model, FakeTools(approve))
    with pytest.raises(Paused):
        await bench.run()

    bench.loop.model = plain = ScriptedModel("It is here.")
    bench.decide("turn/0/tool/0/wait/0", approved=True)
    outcome = await bench.run(a_task())
    assert outcome.text == "It is here."
    assert bench.tools.effects == [("orders__get", {"order_id": "7"})]
    assert len(plain.requests) == 1
