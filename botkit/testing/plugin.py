"""Fixtures for tests of bots and adapters: `pytest_plugins = ["botkit.testing.plugin"]` in the root conftest.

| fixture | what |
|---|---|
| `manual_clock` | a clock that stands still until `advance` |
| `adapter_host` | what an adapter is started with; keeps events and health in lists |
| `fake_telegram` | a local Telegram Bot API server |
| `fake_platform` | a chat platform in memory |
| `fake_llm` | a local server speaking OpenAI, Anthropic and Gemini |
| `scripted_model` | a model that answers from a list |
"""

from __future__ import annotations

__all__ = ["adapter_host", "fake_llm", "fake_platform", "fake_telegram", "manual_clock", "scripted_model"]

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

# The fakes are imported where they are used: a test session that needs none of them does not pay for them.
if TYPE_CHECKING:
    from botkit.testing.adapters import MemoryHost
    from botkit.testing.clock import ManualClock
    from botkit.testing.llm import FakeLLM
    from botkit.testing.models import ScriptedModel
    from botkit.testing.platform import FakePlatform
    from botkit.testing.telegram import FakeTelegram


@pytest.fixture
def manual_clock() -> ManualClock:
    from botkit.testing.clock import ManualClock

    return ManualClock()


@pytest.fixture
def adapter_host(manual_clock: ManualClock) -> MemoryHost:
    """On `manual_clock`."""
    from botkit.testing.adapters import MemoryHost

    return MemoryHost(clock=manual_clock)


@pytest_asyncio.fixture
async def fake_telegram() -> AsyncIterator[FakeTelegram]:
    """Running; give `api_base` and `token` to the channel."""
    from botkit.testing.telegram import FakeTelegram

    async with FakeTelegram() as fake:
        yield fake


@pytest.fixture
def fake_platform() -> FakePlatform:
    from botkit.testing.platform import FakePlatform

    return FakePlatform()


@pytest_asyncio.fixture
async def fake_llm() -> AsyncIterator[FakeLLM]:
    """Running; queue its answers before the bot asks."""
    from botkit.testing.llm import FakeLLM

    async with FakeLLM() as fake:
        yield fake


@pytest.fixture
def scripted_model() -> ScriptedModel:
    """Says `ok` to everything; make your own for more."""
    from botkit.testing.models import ScriptedModel

    return ScriptedModel(respond=lambda request: "ok")
