"""Fixtures of the gateway's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from botkit.core.clock import SystemClock
from tests.gateway.support import Bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """A gateway on the machine's clock, stopped at the end."""
    bench = Bench(tmp_path, SystemClock())
    yield bench
    await bench.gateway.stop()
