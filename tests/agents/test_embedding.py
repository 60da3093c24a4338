"""Vectors through LiteLLM's real HTTP path, against a server that keeps OpenAI's rules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from botkit.agents.litellm_model import LiteLLMProvider
from botkit.agents.models import Models, RetryPolicy
from botkit.core.clock import SystemClock
from botkit.core.config.models.llm import ModelSpec
from botkit.core.embeddings import EmbeddingRequest
from botkit.core.errors import ModelRateLimited, ModelRefused, ModelUnavailable
from botkit.testing.llm import FakeLLM, Status
from botkit.testing.llm_servers.embedding_wire import toy_vector

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.slow,
    # LiteLLM's own: pydantic's remarks on its types, and its use of deprecated attributes of pydantic
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

KEY = "sk-test-canary-0123456789abcdef"


@pytest.fixture(scope="module")
def provider() -> LiteLLMProvider:
    return LiteLLMProvider()


@pytest_asyncio.fixture(loop_scope="module")
async def llm() -> AsyncIterator[FakeLLM]:
    async with FakeLLM() as server:
        yield server


def models(llm: FakeLLM, provider: LiteLLMProvider, **more: Any) -> Models:
    spec = ModelSpec.model_validate(
        {"model": "openai/text-embedding-3-small", "api_base": llm.openai_url, "api_key": {"secret": "KEY"}, **more}
    )

    async def key(name: str, workspace: str) -> str:
        return KEY

    return Models(
        lambda: {"meaning": spec},
        key,
        SystemClock(),
        provider=provider,
        retry=RetryPolicy(attempts=2, first_wait_s=0.0),
    )


def asking(*texts: str) -> EmbeddingRequest:
    return EmbeddingRequest(model="meaning", texts=texts, timeout_s=20.0)


async def test_texts_become_vectors_with_their_price(llm: FakeLLM, provider: LiteLLMProvider) -> None:
    reply = await models(llm, provider).embed(asking("green tea", "black coffee"))
    assert [pytest.approx(toy_vector(text)) for text in ("green tea", "black coffee")] == list(reply.vectors)
    (request,) = llm.requests
    assert request.body["input"] == ["green tea", "black coffee"]
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert reply.usage.input_tokens > 0
    assert not reply.usage.estimated
    assert reply.usage.output_tokens == 0


async def test_own_prices_and_parameters_hold(llm: FakeLLM, provider: LiteLLMProvider) -> None:
    price = {"input_per_million": 1_000_000, "output_per_million": 0}
    own = models(llm, provider, price=price, params={"dimensions": 32})
    reply = await own.embed(asking("tea"))
    assert len(reply.vectors[0]) == 32
    assert reply.usage.cost_micros == reply.usage.input_tokens * 1_000_000
    assert own.identity("meaning") != models(llm, provider).identity("meaning")
    assert own.identity("meaning") == models(llm, provider, params={"dimensions": 32}).identity("meaning")


async def test_failures_that_pass_are_tried_again(llm: FakeLLM, provider: LiteLLMProvider) -> None:
    llm.embeddings.failures.append(Status(429, 0.0, "slow down"))
    reply = await models(llm, provider).embed(asking("tea"))
    assert (reply.attempts, len(llm.requests)) == (2, 2)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (Status(503, message="down"), ModelUnavailable),
        (Status(429, message="slow down"), ModelRateLimited),
        (Status(401, message="no such key"), ModelRefused),
    ],
)
async def test_failures_are_translated_without_the_key(
    llm: FakeLLM, provider: LiteLLMProvider, status: Status, error: type[Exception]
) -> None:
    llm.embeddings.down = status
    with pytest.raises(error) as failed:
        await models(llm, provider).embed(asking("tea"))
    assert KEY not in str(failed.value)


async def test_a_model_that_makes_no_vectors_is_refused(llm: FakeLLM, provider: LiteLLMProvider) -> None:
    with pytest.raises(ModelRefused, match="makes no vectors"):
        await models(llm, provider).embed(EmbeddingRequest(model="demo/offline", texts=("tea",)))
