"""What a call may cost at most: the dearest of a model and its fallbacks, by our price or that of the list."""

from __future__ import annotations

from collections.abc import Mapping

from botkit.agents.models import Models
from botkit.core.config.models.llm import ModelSpec, Price
from botkit.core.models import ModelReply, ModelRequest
from botkit.testing.clock import ManualClock

OWN = Price(input_per_million=1, output_per_million=90)
SPECS: Mapping[str, ModelSpec] = {
    "listed": ModelSpec(model="openai/gpt-4o-mini"),
    "mixed": ModelSpec(model="openai/gpt-4o-mini", fallbacks=("own", "demo/offline")),
    "own": ModelSpec(model="nobody/knows", price=OWN),
    "pretend": ModelSpec(model="demo/offline", price=OWN),
}


async def _key(name: str, workspace: str) -> str:
    raise AssertionError("no key is needed")


MODELS = Models(lambda: SPECS, _key, ManualClock())


def test_prices_are_those_of_the_dearest_model_that_may_answer() -> None:
    into, out = MODELS.prices("listed")
    assert 0 < into < out < 90
    assert MODELS.prices("own") == (1, 90)
    assert MODELS.prices("mixed") == (1, 90)
    assert MODELS.prices("demo/offline") == (0, 0)
    assert MODELS.prices("nobody/knows") == (0, 0)


def test_what_goes_into_a_cache_of_the_provider_is_reserved_at_its_price() -> None:
    into, _ = MODELS.prices("anthropic/claude-sonnet-4-5")
    assert into == 3.75  # 3 dollars a million, and a quarter more where they are kept
    plain = Models(
        lambda: {"plain": ModelSpec(model="anthropic/claude-sonnet-4-5", prompt_cache=False)}, _key, ManualClock()
    )
    assert plain.prices("plain")[0] == 3


def test_a_price_nobody_knows_is_said() -> None:
    assert MODELS.unpriced("nobody/knows")
    assert not MODELS.unpriced("listed")
    assert not MODELS.unpriced("own")
    assert not MODELS.unpriced("demo/offline")
    mixed = {"mixed": ModelSpec(model="openai/gpt-4o-mini", fallbacks=("nobody/knows",))}
    assert Models(lambda: mixed, _key, ManualClock()).unpriced("mixed")


async def test_the_demo_model_costs_what_is_pretended() -> None:
    request = ModelRequest(model="pretend", messages=({"role": "user", "content": "hello"},))
    replies = [item async for item in MODELS.stream(request) if isinstance(item, ModelReply)]
    (usage,) = [reply.usage for reply in replies]
    assert usage.cost_micros == usage.input_tokens + 90 * usage.output_tokens > 0
