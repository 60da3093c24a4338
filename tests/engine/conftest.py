from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.engine.support import World
from tests.runs.support import memory_home


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A world that was not started yet: a test sets what it wants, then `await world.start()`."""
    with memory_home() as home:
        world = World(home)
        yield world
        await world.close()
