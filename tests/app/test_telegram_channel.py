"""A whole instance on Telegram: polling, pairing, a revoked token, and the webhook of a public address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from botkit.app.environment import load_environment
from botkit.app.names import webhook_url
from botkit.app.operations import Operations
from botkit.app.serve import Serving, serve
from botkit.testing.telegram import FakeTelegram

TOKEN = "4242:fake-telegram-token"


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as fake:
        yield fake


@pytest.fixture
def start(folder: Path, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    def begin(policy: str = "open", mode: str = "polling", **variables: str) -> object:
        (folder / "bots.yaml").write_text(
            "version: 1\nbots: {desk: {}}\nchannels:\n"
            f"  tg: {{platform: telegram, bot: desk, enabled: auto, dm_policy: {policy}, mode: {mode}, "
            f"token: {{secret: TG_TOKEN}}, api_base: {telegram.api_base}}}\n"
        )
        for name, value in {"BOTKIT_PORT": "0", **variables}.items():
            monkeypatch.setenv(name, value)
        return serve(load_environment(cwd=folder), mode="dev", actor="ada", tell=lambda _: None)

    return begin


async def state(serving: Serving, wanted: str) -> str:
    found = None
    deadline = asyncio.get_running_loop().time() + 45
    while asyncio.get_running_loop().time() < deadline:
        found = {channel.name: channel for channel in serving.instance.channels.health()}["tg"]
        if found.state == wanted:
            return found.detail
        await asyncio.sleep(0.01)
    raise AssertionError(f"tg is {found}, not {wanted}")


async def test_a_channel_starts_once_its_token_is_stored(telegram: FakeTelegram, start: Callable[..., Any]) -> None:
    async with start() as serving:
        assert "botkit secrets set TG_TOKEN" in await state(serving, "off")
        telegram.say("Ada", "hello")
        await serving.operations.secrets.set(name="TG_TOKEN", value=TOKEN, by="ada")
        await state(serving, "ok")
        await telegram.wait_for(lambda: telegram.sent)
    assert "demo/offline" in telegram.texts()[0]


async def test_a_stranger_is_paired_by_the_operator(telegram: FakeTelegram, start: Callable[..., Any]) -> None:
    async with start("pairing", TG_TOKEN=TOKEN) as serving:
        await state(serving, "ok")
        telegram.say("Ada", "hello")
        await telegram.wait_for(lambda: telegram.sent)
        (code,) = await serving.operations.pairing.list()
        assert code.code in telegram.texts()[0]
        await serving.operations.pairing.approve(code=code.code.lower(), by="ada")
        telegram.say("Ada", "hello again")
        await telegram.wait_for(lambda: len(telegram.sent) == 2)
        assert "demo/offline" in telegram.texts()[1]


async def test_a_wrong_token_is_fatal_and_named(telegram: FakeTelegram, start: Callable[..., Any]) -> None:
    async with start(TG_TOKEN="1:wrong") as serving:
        detail = await state(serving, "fatal")
        assert "token" in detail.lower()
        assert "1:wrong" not in detail
        await serving.operations.secrets.set(name="TG_TOKEN", value=TOKEN, by="ada")
        await state(serving, "ok")


async def test_a_webhook_comes_in_by_the_public_address(telegram: FakeTelegram, start: Callable[..., Any]) -> None:
    address = "https://bots.example.com"
    async with start(mode="webhook", TG_TOKEN=TOKEN, BOTKIT_PUBLIC_URL=address) as serving:
        await state(serving, "ok")
        assert telegram.queue.webhook.url == webhook_url(address, "telegram", "tg")
        async with httpx.AsyncClient(base_url=serving.instance.url) as client:
            forged = await client.post("/api/bots/webhook/telegram/tg", json={"update_id": 1})
            assert forged.status_code == 401
            assert await Operations.of(serving.instance).runs.list() == []
            telegram.say("Ada", "hello")
            secret = {"X-Telegram-Bot-Api-Secret-Token": telegram.queue.webhook.secret}
            for _ in range(2):  # Telegram repeats what it is not sure of
                taken = await client.post("/api/bots/webhook/telegram/tg", json=telegram.queue.head(), headers=secret)
                assert taken.status_code == 200
            await telegram.wait_for(lambda: telegram.sent)
            assert len(await Operations.of(serving.instance).runs.list()) == 1
