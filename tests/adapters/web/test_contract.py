"""The cases every platform shares, with visitors over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from botkit.testing.adapters import AdapterContract
from botkit.testing.web import Served
from tests.adapters.web.emulator import WebEmulator, WebHost


class TestWebContract(AdapterContract):
    @pytest.fixture
    async def emulator(self) -> AsyncIterator[WebEmulator]:
        async with Served() as served:
            emulator = WebEmulator(served)
            yield emulator
            await emulator.close()

    @pytest.fixture
    def host(self) -> WebHost:
        return WebHost()
