"""A workspace's own model keys, from the sealed secret to the provider: agents, routers, judges, workflows."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from botkit.app.instance import Instance
from botkit.core.models import Usage
from botkit.testing.llm import FakeLLM, Reply, Request
from tests.app.conftest import OpenInstance
from tests.app.test_runtime import say

pytestmark = [
    pytest.mark.slow,
    # LiteLLM's own: pydantic's remarks on its types, and its use of deprecated attributes of pydantic
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

NUMBERS = itertools.count()
HOUSE, FRONT, MONEY = "sk-house-000000000000", "sk-front-111111111111", "sk-money-222222222222"
CONFIG = """\
version: 1
models:
  smart:
    model: openai/gpt-4o
    api_base: {url}
    api_key: {{secret: MODEL_KEY}}
    temperature: 0
    cache: {{ttl_s: 600}}
workspaces: {{front: {{}}, money: {{}}, plain: {{}}}}
bots:
  desk: {{model: smart, workspace: front, description: Anything else.}}
  billing:
    model: smart
    workspace: money
    description: Invoices, refunds.
    guardrails: {{output: {{policy: No promises., model: smart}}}}
  plain: {{model: smart, workspace: plain}}
  steps: {{workflow: steps, workspace: money, model: smart}}
  echo: {{workflow: echo, workspace: money, model: smart}}
teams:
  support:
    members: [{{bot: desk}}, {{bot: billing}}]
    default: desk
    router: {{model: smart}}
workflows:
  steps:
    workspace: money
    steps:
      - llm_call: {{prompt: "Summarise: {{{{ message.text }}}}"}}
        id: ask
      - agent_loop: {{goal: "Answer {{{{ ask.text }}}}", reply: true}}
  echo:
    workspace: money
    steps:
      - llm_call: {{prompt: "Which colour has {{{{ message.text }}}}?"}}
        id: ask
      - send_message: {{text: "{{{{ ask.text }}}}"}}
"""


@pytest_asyncio.fixture
async def llm() -> AsyncIterator[FakeLLM]:
    async with FakeLLM(answer) as server:
        yield server


def answer(request: Request) -> Reply:
    asked = str(request.body["messages"])
    if "pass messages of people on" in asked:
        return Reply('{"member": "billing", "confidence": 0.9, "reason": "money"}')
    if "No promises." in asked:
        return Reply('{"violates": false, "reason": ""}')
    return Reply(f"Here it is: {next(NUMBERS)}.")


def keys(llm: FakeLLM) -> list[str]:
    found = [request.headers["authorization"].removeprefix("Bearer ") for request in llm.requests]
    llm.requests.clear()
    return found


async def test_calls_are_made_with_the_keys_of_the_workspace_they_are_for(
    folder: Path, opened: OpenInstance, llm: FakeLLM
) -> None:
    (folder / "bots.yaml").write_text(CONFIG.format(url=llm.openai_url))
    async with opened() as instance:
        await instance.models.preload()
        for scope, key in (("instance", HOUSE), ("workspace:front", FRONT), ("workspace:money", MONEY)):
            await instance.vault.put(scope, "MODEL_KEY", key)

        await say(instance, "hello", bot="desk")
        assert keys(llm) == [FRONT]
        await say(instance, "hello", bot="plain")
        assert keys(llm) == [HOUSE]
        await say(instance, "I want my money back", bot="support")
        assert keys(llm) == [FRONT, MONEY, MONEY]  # router, member, judge
        await say(instance, "hello there", bot="steps")
        assert keys(llm) == [MONEY, MONEY]

        await instance.vault.put("workspace:money", "MODEL_KEY", "sk-money-rotated-33333")
        await say(instance, "hello again", bot="steps")
        assert keys(llm) == ["sk-money-rotated-33333"] * 2
        await instance.vault.delete("workspace:money", "MODEL_KEY")
        await say(instance, "and again", bot="steps")
        assert keys(llm) == [HOUSE] * 2
        assert FRONT not in str(await rows(instance))


async def test_an_identical_call_of_a_workflow_is_answered_again_at_no_cost(
    folder: Path, opened: OpenInstance, llm: FakeLLM
) -> None:
    (folder / "bots.yaml").write_text(CONFIG.format(url=llm.openai_url))
    async with opened() as instance:
        await instance.models.preload()
        await instance.vault.put("instance", "MODEL_KEY", HOUSE)
        first = await say(instance, "the sky", bot="echo")
        again = await say(instance, "the sky", bot="echo")
        await say(instance, "the sea", bot="echo")

        assert len(keys(llm)) == 2
        assert first.data["cost_cents"] > again.data["cost_cents"] == 0
        calls = sorted(await instance.store.records.model_calls(), key=lambda call: call.at)
        assert [call.reused for call in calls] == [False, True, False]
        assert calls[1].usage == Usage()

        await instance.vault.put("workspace:money", "MODEL_KEY", MONEY)
        await say(instance, "the sky", bot="echo")
        assert keys(llm) == [MONEY]  # what another key has paid for is not given away


async def rows(instance: Instance) -> list[object]:
    return [await instance.store.records.model_calls(), await instance.store.records.runs(limit=100)]
