from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.runs.support import Lab, memory_home


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    """An open lab; its script may be changed before anything is accepted."""
    with memory_home() as home:
        lab = await Lab(home).open()
        yield lab
        await lab.close()
