"""Slack, a host and a channel between them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from botkit.sdk.adapter import Adapter
from botkit.testing.adapters import Courier, MemoryHost
from botkit.testing.slack import FakeSlack
from tests.adapters.desks import SlackDesk
from tests.adapters.slack.emulator import SlackEmulator


@pytest.fixture
async def fake(host: MemoryHost) -> AsyncIterator[FakeSlack]:
    async with FakeSlack(clock=host.clock) as server:
        yield server


@pytest.fixture
def emulator(fake: FakeSlack) -> SlackEmulator:
    return SlackEmulator(fake)


@pytest.fixture
def host() -> MemoryHost:
    return MemoryHost(public_url="https://bots.example.com")


@pytest.fixture
async def adapter(emulator: SlackEmulator, host: MemoryHost) -> AsyncIterator[Adapter]:
    adapter = emulator.adapter(host)
    await adapter.start()
    yield adapter
    await adapter.stop()


@pytest.fixture
def courier(adapter: Adapter, host: MemoryHost) -> Courier:
    return Courier(adapter, host.clock)


@pytest.fixture
async def desk() -> AsyncIterator[SlackDesk]:
    async with SlackDesk.open() as desk:
        yield desk
