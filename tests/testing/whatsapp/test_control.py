"""The fake WhatsApp as a process: what people do is posted and signed, what the bot sends is shown."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web

from botkit.testing.site import Site
from botkit.testing.whatsapp import RemoteWhatsApp


class Bot:
    """Takes webhooks and says what it heard."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()
        self.application = web.Application()
        self.application.router.add_post("/hook", self._take)

    async def _take(self, request: web.Request) -> web.Response:
        await self.heard.put(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        return web.Response()


@pytest.fixture(params=["cloud", "twilio"])
async def account(request: pytest.FixtureRequest) -> AsyncIterator[dict[str, Any]]:
    """What a started process printed."""
    command = [sys.executable, "-m", "botkit.testing.whatsapp", "--provider", request.param]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


async def _answer(account: dict[str, Any], text: str) -> int:
    """Send to the first person as a bot would; the HTTP status."""
    async with aiohttp.ClientSession() as session:
        if account["provider"] == "cloud":
            body = {"messaging_product": "whatsapp", "to": "15550000001", "type": "text", "text": {"body": text}}
            headers = {"Authorization": f"Bearer {account['access_token']}"}
            url = f"{account['api_base']}/{account['phone_number_id']}/messages"
            sending = session.post(url, json=body, headers=headers)
        else:
            form = {"To": "whatsapp:+15550000001", "From": f"whatsapp:{account['number']}", "Body": text}
            login = base64.b64encode(f"{account['account_sid']}:{account['auth_token']}".encode()).decode()
            url = f"{account['api_base']}/2010-04-01/Accounts/{account['account_sid']}/Messages.json"
            sending = session.post(url, data=form, headers={"Authorization": f"Basic {login}"})
        async with sending as answer:
            return answer.status


async def test_a_conversation_from_another_process(account: dict[str, Any]) -> None:
    bot = Bot()
    remote = RemoteWhatsApp(account["api_base"])
    async with Site(bot.application) as site:

        async def do(verb: str, **args: Any) -> Any:
            return await asyncio.to_thread(lambda: remote.do(verb, **args))

        await do("post_to", address=f"{site.url}/hook")
        await do("say", who="Ada", text="hello")
        headers, body = await bot.heard.get()
        if account["provider"] == "cloud":
            assert "x-hub-signature-256" in headers
            (change,) = json.loads(body)["entry"][0]["changes"]
            assert change["value"]["messages"][0]["text"] == {"body": "hello"}
        else:
            assert "x-twilio-signature" in headers
            assert parse_qs(body.decode())["Body"] == ["hello"]
        assert await _answer(account, "*hi*") in (200, 201)
        (sent,) = await asyncio.to_thread(lambda: remote.wait_for(lambda sent: sent))
        assert (sent["text"], sent["raw_text"], sent["to"]) == ("hi", "*hi*", "Ada")
        await do("close_window", who="Ada")
        assert await _answer(account, "later") == 400
        with pytest.raises(ValueError, match="no verb"):
            await do("explode")
        with pytest.raises(ValueError, match="no message"):
            await do("press", who="Ada", message="nothing", label="x")
    await asyncio.to_thread(remote.close)
