"""Answers to identical calls: given again to the same person with the same key, and to nobody else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from botkit.agents.kept_answers import KeptAnswers
from botkit.core.answers import KeptAnswer
from botkit.core.config.models.llm import ModelSpec
from botkit.core.errors import StoreError
from botkit.core.models import ModelDelta, ModelReply, ModelRequest, Usage
from botkit.testing.clock import ManualClock
from botkit.testing.models import ScriptedModel, calls
from tests.agents.support import Bench, a_task

PAID = ModelReply(text="Blue.", model="openai/gpt-4o", usage=Usage(input_tokens=9, output_tokens=2, cost_micros=70))


class MemoryAnswers:
    def __init__(self) -> None:
        self.rows: dict[str, KeptAnswer] = {}
        self.down = False

    async def get(self, key: str, *, now: int) -> KeptAnswer | None:
        if self.down:
            raise StoreError("the disk is full")
        found = self.rows.get(key)
        return found if found is not None and found.expires_at > now else None

    async def put(self, answer: KeptAnswer, *, most: int) -> None:
        if self.down:
            raise StoreError("the disk is full")
        self.rows[answer.key] = answer


class Kept:
    """A model that always answers the same, behind kept answers."""

    def __init__(self, reply: ModelReply = PAID, **spec: Any):
        fields = {"model": "openai/gpt-4o", "temperature": 0, "cache": {"ttl_s": 60}, **spec}
        self.spec = ModelSpec.model_validate(fields)
        self.clock = ManualClock()
        self.store = MemoryAnswers()
        self.scope = "instance"
        self.asked = ScriptedModel(respond=lambda _: reply)
        self.model = KeptAnswers(self.asked, self.store, self.clock, spec=lambda _: self.spec, key_scope=self._scope)

    async def _scope(self, name: str, workspace: str) -> str:
        assert name == "OPENAI_API_KEY"
        return self.scope

    async def ask(self, text: str = "Which colour?", **more: Any) -> ModelReply:
        values: dict[str, Any] = {
            "model": "fast",
            "messages": ({"role": "user", "content": text},),
            "workspace": "shop",
            "person_id": "per_ada",
            **more,
        }
        items = [item async for item in self.model.stream(ModelRequest(**values))]
        reply = items[-1]
        assert isinstance(reply, ModelReply)
        assert "".join(item.text for item in items[:-1] if isinstance(item, ModelDelta)) == reply.text
        return reply

    @property
    def times(self) -> int:
        return len(self.asked.requests)


async def test_an_identical_call_costs_nothing_until_its_time_is_over():
    kept = Kept()
    first, second = await kept.ask(), await kept.ask(trace_id="another")
    assert first == PAID
    assert (second.text, second.model, second.usage, second.reused) == ("Blue.", "openai/gpt-4o", Usage(), True)
    assert kept.times == 1

    await kept.clock.advance(61)
    assert not (await kept.ask()).reused
    assert kept.times == 2


@pytest.mark.parametrize(
    "other",
    [
        {"person_id": "per_bo"},
        {"workspace": "lab"},
        {"text": "Which color?"},
        {"max_output_tokens": 10},
        {"params": {"seed": 1}},
        {"response_schema": {"type": "object"}},
        {"tools": ({"type": "function", "function": {"name": "a"}},)},
    ],
)
async def test_what_differs_in_anything_is_asked(other: dict[str, Any]):
    kept = Kept()
    await kept.ask()
    assert not (await kept.ask(**other)).reused
    assert kept.times == 2


async def test_a_workspace_with_a_key_of_its_own_gets_no_answers_of_another_key():
    kept = Kept()
    await kept.ask()
    kept.scope = "workspace:shop"
    assert not (await kept.ask()).reused


async def test_a_workspace_may_share_answers_among_its_people():
    kept = Kept(cache={"share": "workspace"})
    await kept.ask()
    assert (await kept.ask(person_id="per_bo")).reused
    assert not (await kept.ask(workspace="lab")).reused


async def test_only_calls_whose_answer_follows_from_them_are_looked_up():
    kept = Kept(temperature=0.4)
    changed: tuple[dict[str, Any], ...] = ({}, {"temperature": 0.2})
    for more in changed:
        assert not (await kept.ask(**more)).reused
        assert not (await kept.ask(**more)).reused
    assert kept.store.rows == {}
    await kept.ask(temperature=0)
    assert (await kept.ask(temperature=0)).reused

    after_tools: tuple[dict[str, Any], ...] = (
        {"role": "user", "content": "Which colour?"},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "tool_call_id": "c1", "content": "blue"},
    )
    kept = Kept()
    await kept.ask(messages=after_tools)
    assert kept.store.rows == {}


@pytest.mark.parametrize(
    "reply",
    [
        calls(("orders__get", {"order_id": "1"})),
        msgspec.structs.replace(PAID, finish="length"),
        msgspec.structs.replace(PAID, model="openai/gpt-4o-mini"),
        msgspec.structs.replace(PAID, text=" "),
    ],
    ids=["tool calls", "cut", "a fallback's", "empty"],
)
async def test_only_whole_answers_of_the_model_itself_are_kept(reply: ModelReply):
    kept = Kept(reply)
    await kept.ask()
    await kept.ask()
    assert kept.store.rows == {}
    assert kept.times == 2


async def test_without_the_setting_nothing_is_kept():
    kept = Kept(cache=None)
    await kept.ask()
    assert kept.store.rows == {}


async def test_a_store_that_fails_fails_no_call():
    kept = Kept()
    kept.store.down = True
    assert (await kept.ask()).text == "Blue."
    assert (await kept.ask()).text == "Blue."


async def test_a_turn_that_is_answered_again_is_booked_without_cost():
    kept = Kept()
    first, second = Bench(kept.model), Bench(kept.model)
    await first.run(a_task(model="fast"))
    outcome = await second.run(a_task(model="fast"))

    assert outcome.text == "Blue."
    (row,) = second.billed
    assert (row.reused, row.usage) == (True, Usage())
    assert outcome.usage.cost_micros == 0
