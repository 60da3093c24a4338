"""The fake Slack as a process: what people do reaches the bot, what the bot sends is shown."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from botkit.testing.site import Site
from botkit.testing.slack import RemoteSlack


@pytest.fixture
async def slack() -> AsyncIterator[dict[str, Any]]:
    """What a started process printed."""
    command = [sys.executable, "-m", "botkit.testing.slack", "--team", "T77"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


async def test_a_conversation_from_another_process(slack: dict[str, Any]) -> None:
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    verifier = SignatureVerifier(slack["signing_secret"])

    async def take(request: web.Request) -> web.Response:
        assert verifier.is_valid_request(await request.read(), dict(request.headers))
        await heard.put(await request.json())
        return web.Response()

    bot = web.Application()
    bot.router.add_post("/hook", take)
    remote = RemoteSlack(slack["api_base"])
    client: Any = AsyncWebClient(token=slack["bot_token"], base_url=f"{slack['api_base']}/api/")

    async def do(verb: str, **args: Any) -> Any:
        return await asyncio.to_thread(lambda: remote.do(verb, **args))

    async with Site(bot) as site:
        await do("post_to", url=f"{site.url}/hook")
        said = await do("say", who="Ada", text="hello")
        payload = await heard.get()
        assert (payload["team_id"], payload["event"]["text"], payload["event"]["ts"]) == ("T77", "hello", said["ts"])
        started = await client.chat_startStream(
            channel=said["room"],
            thread_ts=said["ts"],
            markdown_text="Hello ",
            recipient_user_id=payload["event"]["user"],
            recipient_team_id="T77",
        )
        await client.chat_stopStream(channel=said["room"], ts=started["ts"], markdown_text="**Ada**.")
        (sent,) = await asyncio.to_thread(lambda: remote.wait_for(lambda sent: sent))
        assert (sent["text"], sent["thread"], sent["streaming"]) == ("Hello **Ada**.", said["ts"], False)
        with pytest.raises(ValueError, match="no verb"):
            await do("explode")
        with pytest.raises(ValueError, match="no message"):
            await do("press", who="Ada", message="nothing", label="x")
    await asyncio.to_thread(remote.close)
