"""Slack, a host and a channel between them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from botkit.sdk.adapter import Adapter
from botkit.testing.adapters import Courier, MemoryHost
from botkit.testing.slack import FakeSlack
from tests.adapters.slack.desk import Desk
from tests.adapters.slack.emulator import SlackEmulator
from tests.engine.support import World
from tests.runs.support import memory_home


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
async def desk() -> AsyncIterator[Desk]:
    with memory_home() as home:
        world = World(home)
        async with FakeSlack(clock=world.clock) as fake:
            desk = Desk(world, fake)
            await desk.start()
            yield desk
            await desk.adapter.stop()
            await world.close()
