"""Text on WhatsApp arrives as it was written."""

from __future__ import annotations

import pytest

from botkit.testing.adapters import MemoryHost
from botkit.testing.whatsapp import FakeCloud, FakeTwilio
from tests.adapters.test_whatsapp import WhatsAppEmulator


@pytest.mark.parametrize("kind", [FakeCloud, FakeTwilio])
@pytest.mark.parametrize(
    "text",
    [
        "\U0001f469\u200d\U0001f469\u200d\U0001f467 ping",
        "\u202bשלום\u202c \U0001f1e9\U0001f1ea",
        "e\u0301 \U0001f9d1\U0001f3fd\u200d\U0001f680 x",
        "a&b=c%20+ ;é",
    ],
)
async def test_c14_emoji_and_right_to_left_text_arrive_exactly(kind: type[FakeCloud | FakeTwilio], text: str) -> None:
    host = MemoryHost()
    async with kind() as fake:
        adapter = WhatsAppEmulator(fake).adapter(host)
        await adapter.start()
        fake.say("Ada", text)
        assert (await host.event(0)).text == text
        await adapter.stop()
