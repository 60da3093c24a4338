"""Fixtures of the door's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.gateway.serving.support import House
from tests.gateway.support import Bench


@pytest.fixture
async def house(bench: Bench) -> AsyncIterator[House]:
    """An open door; the test starts the servers behind it with `bench.start`."""
    async with House(bench).opened() as house:
        yield house
