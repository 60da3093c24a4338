"""People of the testing kit choose and fill in, by menus and dialogs where the platform has them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from botkit.core.events import Conversation
from botkit.core.messages import Form, FormField, Option, OutMessage, Select
from botkit.sdk.adapter import Adapter
from botkit.testing.adapters import Courier, MemoryHost
from botkit.testing.project.platforms import Discord, Slack, Telegram
from tests.adapters.slack.emulator import SlackEmulator
from tests.adapters.test_discord import DiscordEmulator
from tests.adapters.test_telegram import TelegramEmulator

KINDS: dict[str, tuple[Any, Any]] = {
    "discord": (Discord, DiscordEmulator),
    "slack": (Slack, SlackEmulator),
    "telegram": (Telegram, TelegramEmulator),
}
CITIES = Select(value="city", options=(Option(label="Rome", value="fco"), Option(label="Oslo", value="osl")))
FORM = Form(value="f", title="Report", fields=(FormField(name="why", label="Why", required=True),))


@asynccontextmanager
async def talking(platform: str) -> AsyncGenerator[tuple[Any, Adapter, MemoryHost, Conversation]]:
    """Alice on one platform, an adapter for it, and where she wrote to it."""
    chat_type, emulator_type = KINDS[platform]
    chat, host = chat_type(), MemoryHost(public_url="https://bots.example.com")
    async with chat.fake:
        adapter = emulator_type(chat.fake).adapter(host)
        await adapter.start()
        await chat.alice.says("hello")
        yield chat, adapter, host, (await host.event(0)).conversation
        await adapter.stop()


@pytest.mark.parametrize("platform", KINDS)
async def test_an_option_is_chosen_by_its_label(platform: str) -> None:
    async with talking(platform) as (chat, adapter, host, where):
        await Courier(adapter, host.clock).deliver(OutMessage(text="Where to?", selects=(CITIES,)), where)
        await chat.alice.chooses("Oslo")
        event = await host.event(kind="action")
        assert event.action is not None
        assert event.action.chosen == ("osl",)


@pytest.mark.parametrize("platform", ["discord", "slack"])
async def test_a_form_is_opened_and_sent(platform: str) -> None:
    async with talking(platform) as (chat, adapter, host, where):
        await Courier(adapter, host.clock).deliver(OutMessage(text="Please", form=FORM), where)
        filling = asyncio.create_task(chat.alice.fills_in("Fill in", {"Why": "It is gone."}))
        assert await adapter.open_form(await host.event(kind="action"), FORM)
        await filling
        sent = await host.event(1, "action")
        assert sent.action is not None
        assert (sent.action.sent, sent.action.fields) == (True, {"why": "It is gone."})
