"""A whole instance on Discord: the gateway, a missing intent, and interactions by HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from botkit.app.environment import load_environment
from botkit.app.operations import Operations
from botkit.app.serve import Serving, serve
from botkit.testing.discord import FakeDiscord


@pytest.fixture
async def discord() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as fake:
        yield fake


@pytest.fixture
def start(folder: Path, discord: FakeDiscord, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    def begin() -> Any:
        (folder / "bots.yaml").write_text(
            "version: 1\nbots: {desk: {}}\nchannels:\n"
            "  dc: {platform: discord, bot: desk, dm_policy: open, token: {secret: DC_TOKEN}, "
            f"public_key: {discord.public_key}, application_id: '4242', api_base: {discord.api_base}}}\n"
        )
        for name, value in {"BOTKIT_PORT": "0", "DC_TOKEN": discord.token}.items():
            monkeypatch.setenv(name, value)
        return serve(load_environment(cwd=folder), mode="dev", actor="ada", tell=lambda _: None)

    return begin


async def settled(serving: Serving) -> str:
    await serving.instance.channels.settled("dc")
    (found,) = [channel for channel in serving.instance.channels.health() if channel.name == "dc"]
    return f"{found.state}: {found.detail}"


async def test_a_message_is_answered_and_commands_are_known(discord: FakeDiscord, start: Callable[..., Any]) -> None:
    async with start() as serving:
        assert await settled(serving) == "ok: "
        discord.say("Ada", "hello")
        await discord.wait_for(lambda: discord.sent)
        names = {command["name"] for command in discord.world.commands}
        assert {"start", "help", "new", "reset", "stop", "status", "whoami"} <= names


async def test_a_missing_intent_is_told_by_whoever_looks(discord: FakeDiscord, start: Callable[..., Any]) -> None:
    discord.world.flags = 0
    async with start() as serving:
        assert "switch on Message Content" in await settled(serving)
        operations = Operations.of(serving.instance)
        assert "Message Content" in (await operations.channels.test(channel="dc")).detail
        findings = {found.check: found async for found in operations.doctor.examine()}
        assert "Message Content" in findings["channel dc"].detail
        steps = (await operations.channels.setup(channel="dc")).steps
        assert any("client_id=4242&scope=bot+applications.commands&permissions=274878024768" in step for step in steps)


async def test_a_command_comes_in_by_http(discord: FakeDiscord, start: Callable[..., Any]) -> None:
    async with start() as serving:
        await settled(serving)
        discord.interact_by_http = True
        used = discord.command("Ada", "help")
        ((_, payload),) = discord.posts
        body = json.dumps(payload).encode()
        async with httpx.AsyncClient(base_url=serving.instance.url) as client:
            path = "/api/bots/webhook/discord/dc"
            forged = {**discord.signed(body), "x-signature-ed25519": "00" * 64}
            assert (await client.post(path, content=body, headers=forged)).status_code == 401
            answer = await client.post(path, content=body, headers=discord.signed(body))
            assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        discord.answered_by_http(used, answer.json())
        (sent,) = await discord.wait_for(lambda: discord.sent)
        assert sent is used.response
        assert "/whoami" in sent.content


async def test_what_to_forget_is_written_behind_the_command(discord: FakeDiscord, start: Callable[..., Any]) -> None:
    async with start() as serving:
        await settled(serving)
        discord.command("Ada", "forget")
        await discord.wait_for(lambda: len(discord.sent) == 1)
        discord.command("Ada", "forget", what="7")
        await discord.wait_for(lambda: len(discord.sent) == 2)
        assert "Say what" in discord.sent[0].content
        assert "nothing in mind that is called that" in discord.sent[1].content
        with pytest.raises(LookupError, match="no option"):
            discord.command("Ada", "help", what="7")
