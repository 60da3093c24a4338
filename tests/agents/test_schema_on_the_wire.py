"""Answers that are objects, over LiteLLM's real HTTP path: no provider refuses how it is told about the schema."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.agents.litellm_model import LiteLLMProvider
from botkit.agents.models import Models
from botkit.core.agent import AgentTask
from botkit.core.config.models.llm import ModelSpec
from botkit.testing.clock import ManualClock
from botkit.testing.llm import Call, FakeLLM, Reply
from tests.agents.support import Bench, FakeTools, a_task, a_tool

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.slow,
    # LiteLLM's own: pydantic's remarks on its types, and its use of deprecated attributes of pydantic
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

MODELS = {
    "openai": "openai/gpt-4o",
    "anthropic": "anthropic/claude-sonnet-4-5",
    "anthropic-older": "anthropic/claude-sonnet-4-20250514",
    "gemini": "gemini/gemini-2.5-flash",
}
STRICT: dict[str, Any] = {
    "type": "object",
    "properties": {"intent": {"type": "string", "enum": ["refund", "other"]}, "amount": {"type": "number"}},
    "required": ["intent", "amount"],
    "additionalProperties": False,
}
LOOSE: dict[str, Any] = {
    "type": "object",
    "properties": {"intent": {"type": "string"}, "note": {"type": "string"}},
    "required": ["intent"],
}
ORDERS = a_tool("orders__get", "Look up an order.", order_id="string", required=["order_id"])


def models_of(llm: FakeLLM, provider: LiteLLMProvider, name: str) -> Models:
    async def key(secret: str, workspace: str) -> str:
        return "sk-test"

    url = {"openai": llm.openai_url, "gemini": llm.gemini_url}.get(name, llm.anthropic_url)
    spec = ModelSpec.model_validate({"model": MODELS[name], "api_base": url, "api_key": {"secret": "KEY"}})
    return Models(lambda: {"main": spec}, key, ManualClock(), provider=provider)


def task(schema: dict[str, Any], **more: Any) -> AgentTask:
    return a_task("I want 20 EUR back", model="main", output_schema=schema, stream=False, **more)


@pytest.mark.parametrize("schema", [STRICT, LOOSE], ids=["strict", "loose"])
@pytest.mark.parametrize("name", list(MODELS))
async def test_an_object_comes_back(llm: FakeLLM, provider: LiteLLMProvider, name: str, schema: dict[str, Any]):
    llm.queue(Reply("Sure!"), Reply('{"intent": "refund", "amount": 20}'))
    outcome = await Bench(models_of(llm, provider, name)).run(task(schema))

    assert [request.refusal for request in llm.requests] == ["", ""]
    assert outcome.output["data"] == {"intent": "refund", "amount": 20}


@pytest.mark.parametrize("name", list(MODELS))
async def test_an_object_comes_back_after_tools(llm: FakeLLM, provider: LiteLLMProvider, name: str):
    llm.queue(
        Reply(calls=(Call("orders__get", {"order_id": "A-1"}, id="call_1"),)),
        Reply("It is a refund."),
        Reply('{"intent": "refund", "amount": 20}'),
    )
    tools = FakeTools(ORDERS)
    outcome = await Bench(models_of(llm, provider, name), tools).run(task(STRICT))

    assert [request.refusal for request in llm.requests] == ["", "", ""]
    assert tools.effects == [("orders__get", {"order_id": "A-1"})]
    assert outcome.output["data"] == {"intent": "refund", "amount": 20}


async def test_an_older_claude_answers_by_a_tool_that_is_no_tool_of_ours(llm: FakeLLM, provider: LiteLLMProvider):
    """LiteLLM holds it to the schema by forcing a tool, and gives what it is called with as the answer."""
    llm.queue(Reply(calls=(Call("json_tool_call", {"intent": "refund", "amount": 20}, id="call_1"),)))
    outcome = await Bench(models_of(llm, provider, "anthropic-older")).run(task(STRICT))

    assert llm.requests[0].body["tool_choice"] == {"type": "tool", "name": "json_tool_call"}
    assert outcome.output["data"] == {"intent": "refund", "amount": 20}
    assert outcome.calls == ()


async def test_a_provider_is_held_to_a_schema_that_keeps_its_rules(llm: FakeLLM, provider: LiteLLMProvider):
    for schema, strict in ((STRICT, True), (LOOSE, False)):
        llm.say('{"intent": "refund", "amount": 20}')
        await Bench(models_of(llm, provider, "openai")).run(task(schema))
        told = llm.requests[-1].body["response_format"]["json_schema"]
        assert (told["strict"], told["schema"]) == (strict, schema)
