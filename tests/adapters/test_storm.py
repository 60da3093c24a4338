"""Bad weather: limits, lost answers and cut connections, hundreds of them. Every message arrives once, in order.

Counted at the platform, for the two that can know: Discord by its nonce, Slack by looking a message up.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from botkit.core.errors import AdapterError, SendUnknown
from botkit.core.events import Conversation
from botkit.core.messages import OutMessage, Part
from botkit.sdk.adapter import Adapter
from botkit.testing.adapters import MemoryHost
from botkit.testing.discord import FakeDiscord
from botkit.testing.slack import FakeSlack
from tests.adapters.slack.emulator import SlackEmulator
from tests.adapters.test_discord import DiscordEmulator

MESSAGES = 120


def _weather(fake: Any, number: int) -> None:
    """What the next message meets: a third of them meets something."""
    if number % 5 == 0:
        fake.rate_limit(2, 3)
    elif number % 7 == 0:
        fake.drop_after()
    elif number % 11 == 0:
        fake.drop_before()
    elif number % 13 == 0 and isinstance(fake, FakeDiscord):
        fake.fail(status=502, applied=True)
    elif number % 13 == 0:
        fake.fail("", status=502, applied=True)


async def _deliver(adapter: Adapter, part: Part, host: MemoryHost) -> str:
    """As the outbox does: wait as told, ask whether it arrived, else send the same part again."""
    while True:
        try:
            return (await adapter.send(part)).message_id
        except SendUnknown:
            found = await adapter.find(part)
            if found is not None:
                return found.message_id
        except AdapterError as error:
            if not error.retryable:
                raise
            await host.clock.sleep(error.retry_after_s or 1.0)


async def _storm(fake: Any, adapter: Adapter, where: Conversation, host: MemoryHost) -> list[str]:
    """Deliver all of them; returns the ids in order."""
    ids: list[str] = []

    async def deliver() -> None:
        for number in range(MESSAGES):
            _weather(fake, number)
            payload = adapter.render(OutMessage(text=f"message {number}"), where)[0].payload
            part = Part(id=f"run.{number}", conversation=where, payload=payload, created_at=host.clock.micros())
            ids.append(await _deliver(adapter, part, host))

    sending = asyncio.create_task(deliver())
    await host.until(sending.done, "all messages")
    await sending
    return ids


@pytest.mark.slow
async def test_discord_shows_each_message_once_and_in_order() -> None:
    host = MemoryHost()
    async with FakeDiscord(clock=host.clock) as fake:
        adapter = DiscordEmulator(fake).adapter(host)
        await adapter.start()
        where = Conversation(channel="support", room=str(fake.dm("Ada").id))
        ids = await _storm(fake, adapter, where, host)
        await adapter.stop()
        assert fake.texts() == [f"message {number}" for number in range(MESSAGES)]
        assert ids == [str(message.id) for message in fake.sent]
        assert fake.refused > 30


@pytest.mark.slow
async def test_slack_shows_each_message_once_and_in_order() -> None:
    host = MemoryHost()
    async with FakeSlack(clock=host.clock) as fake:
        adapter = SlackEmulator(fake).adapter(host)
        await adapter.start()
        where = Conversation(channel="support", room=fake.dm("Ada").id)
        ids = await _storm(fake, adapter, where, host)
        await adapter.stop()
        assert fake.texts() == [f"message {number}" for number in range(MESSAGES)]
        assert ids == [message.ts for message in fake.sent]
        assert len(fake.called("conversations.history")) > 10
