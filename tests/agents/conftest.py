"""LiteLLM and a provider on a loopback port, for tests of the real HTTP path.

Imported once for each module, which takes seconds; its pooled connections are closed before their event loop ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from botkit.agents.litellm_model import LiteLLMProvider
from botkit.testing.llm import FakeLLM


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def provider() -> AsyncIterator[LiteLLMProvider]:
    provider = LiteLLMProvider()
    await provider.load()
    yield provider
    await provider.aclose()
    for _ in range(10):
        await asyncio.sleep(0)


@pytest_asyncio.fixture(loop_scope="module")
async def llm() -> AsyncIterator[FakeLLM]:
    async with FakeLLM() as server:
        yield server
