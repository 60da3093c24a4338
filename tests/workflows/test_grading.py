"""Nodes that ask a model once: what it writes, how good it is, which way that leads."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.core.models import Escalation
from tests.workflows.test_agents import a_node
from tests.workflows.test_runner import act, ended

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
RUBRIC = [
    {"name": "polite", "description": "It is polite.", "weight": 3},
    {"name": "true", "description": "It is true."},
]


async def test_a_model_is_asked_once():
    run = a_node("llm_call", answers=["Bonjour."], prompt="Translate {{ message.text }}", system="Be brief.")
    assert (await ended(run)).output == {"text": "Bonjour.", "json": None, "model": "scripted/model"}
    (request,) = run.model.requests
    assert request.messages[0] == {"role": "system", "content": "Be brief."}
    assert request.messages[1]["content"] == "Translate hello"
    assert len(run.usage) == 1


@pytest.mark.parametrize(
    "written", ['{"city": "Rome"}', 'Here you are:\n```json\n{"city": "Rome"}\n```', "Sure! {'city': 'Rome',}"]
)
async def test_what_is_nearly_json_is_read(written: str):
    run = a_node("llm_call", answers=[written], prompt="Where?", schema=CITY)
    assert (await ended(run)).output["json"] == {"city": "Rome"}
    assert run.model.requests[0].response_schema == CITY


async def test_a_model_that_misses_the_schema_is_told_what_is_wrong():
    run = a_node("llm_call", answers=['{"town": 1}', '{"city": "Rome"}'], prompt="Where?", schema=CITY)
    assert (await ended(run)).output["json"] == {"city": "Rome"}
    assert '"city" is a required property' in str(run.model.requests[1].messages[-1])


async def test_a_model_that_misses_it_again_fails_the_node():
    run = a_node("llm_call", answers=["no", "no"], prompt="Where?", schema=CITY)
    outcome = await ended(run)
    assert outcome.error is not None
    assert outcome.error["code"] == "schema"
    assert len(run.usage) == 2, "both answers are paid for"


async def test_a_stronger_model_is_asked_where_the_node_would_fail():
    climbing = {"scripted/model": Escalation(to="strong", on=("invalid", "unsure"), confidence=0.6)}
    run = a_node("llm_call", answers=["no", "no", '{"city": "Rome"}'], prompt="Where?", schema=CITY)
    run.model.escalations = climbing
    assert (await ended(run)).output["json"] == {"city": "Rome"}
    assert [request.model for request in run.model.requests] == ["scripted/model", "scripted/model", "strong"]
    assert [write.call.model for write in run.usage] == ["scripted/model", "scripted/model", "strong"]

    answers = ['{"city": "Oslo", "confidence": 0.3}', '{"city": "Rome", "confidence": 0.9}']
    run = a_node("llm_call", answers=answers, prompt="Where?", schema=CITY)
    run.model.escalations = climbing
    assert (await ended(run)).output["json"]["city"] == "Rome"


async def test_a_node_asks_on_behalf_of_its_workspace():
    run = a_node("llm_call", answers=["Bonjour."], prompt="Hello")
    await ended(run)
    (request,) = run.model.requests
    assert (request.workspace, request.person_id) == ("default", "ada")


async def test_a_value_takes_the_edge_of_its_band():
    answer = '{"scores": {"polite": 1, "true": 0}, "reasons": "kind but wrong"}'
    run = a_node("judge", "n.good>a", more=[act("a")], answers=[answer], value="Paris is in Spain, sir.", rubric=RUBRIC)
    outcome = await ended(run)
    assert outcome.output == "a"
    visit = run.steps["n"]
    assert b'"score":0.75' in bytes(visit.result)


async def test_a_score_below_every_band_belongs_to_the_lowest():
    answer = '{"scores": {"polite": 0, "true": 0}, "reasons": "bad"}'
    bands = [{"name": "top", "at_least": 0.9}, {"name": "rest", "at_least": 0.5}]
    run = a_node("judge", "n.rest>a", more=[act("a")], answers=[answer], value="x", rubric=RUBRIC, bands=bands)
    assert (await ended(run)).output == "a"


@pytest.mark.parametrize(("score", "edge"), [("0.9", "high"), ("80", "high"), ("0.2", "low"), ("69", "low")])
async def test_a_score_takes_the_edge_of_its_tier(score: str, edge: str):
    more = [act("high"), act("low")]
    run = a_node("confidence_router", "n.high>high", "n.low>low", more=more, score=score)
    assert (await ended(run)).output == edge


async def test_a_model_grades_a_text_and_the_tier_names_the_model_to_use():
    tiers = [{"name": "hard", "at_least": 0.5, "model": "big"}, {"name": "easy", "at_least": 0, "model": "small"}]
    more = [act("use", value="{{ n.model }}")]
    grade = '{"score": 0.1, "reason": "a greeting"}'
    route: dict[str, Any] = {"text": "{{ message.text }}", "measure": "complexity", "tiers": tiers}
    run = a_node("confidence_router", "n.easy>use", more=more, answers=[grade], **route)
    assert (await ended(run)).output == "small"


async def test_a_score_that_is_none_fails_the_node():
    run = a_node("confidence_router", score="message.text")
    outcome = await ended(run)
    assert outcome.error is not None
    assert outcome.error["code"] == "score"
