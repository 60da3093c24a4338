"""The WhatsApp channel by Twilio against a Twilio that nobody here wrote: `emulate`, its signatures and callbacks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from adapters.whatsapp import WhatsApp
from botkit.core.config.models import SecretRef, WhatsAppChannel
from botkit.core.errors import BadSignature, ChannelFatal
from botkit.core.messages import OutMessage
from botkit.sdk.adapter import HttpRequest
from botkit.testing.adapters import Courier, MemoryHost
from botkit.testing.site import Site
from tests.interop.environments import Environments
from tests.interop.test_remote_servers import running

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]

_ACCOUNT = "AC" + "0" * 32
_TOKEN = "the-auth-token"
_NUMBER = "+15551230000"
_PERSON = "whatsapp:+15550001111"
_HOOK = "/api/bots/webhook/whatsapp/shop"
_SEED = """
twilio:
  account: {sid: %s, auth_token: %s}
  phone_numbers: [{phone_number: "whatsapp:%s", sms_url: "%s"}]
"""


@dataclass
class Shop:
    """Where webhooks arrive, the adapter behind it once there is one, and Twilio's side."""

    host: MemoryHost
    base: str = ""
    adapter: Any = None
    answers: list[int] = field(default_factory=list[int])
    requests: list[HttpRequest] = field(default_factory=list[HttpRequest])

    async def take(self, request: web.Request) -> web.Response:
        asked = HttpRequest(
            method="POST",
            path=request.path,
            headers={name.lower(): value for name, value in request.headers.items()},
            query=dict(request.query),
            body=await request.read(),
            url=self.host.public_url + request.path_qs,
        )
        self.requests.append(asked)
        try:
            answer = await self.adapter.webhook(asked)
        except BadSignature:
            self.answers.append(401)
            return web.Response(status=401)
        self.answers.append(answer.status)
        return web.Response(status=answer.status, body=answer.body)

    async def ask(self, method: str, path: str, **form: str) -> Any:
        """Ask the emulator, as the account's owner."""
        async with httpx.AsyncClient(base_url=self.base, auth=(_ACCOUNT, _TOKEN), trust_env=False) as client:
            answer = await client.request(method, path, data=form or None, timeout=30)
        assert answer.status_code < 300, answer.text
        return answer.json()

    async def sent(self) -> list[dict[str, Any]]:
        """What the bot sent, oldest first."""
        listed = await self.ask("GET", f"/2010-04-01/Accounts/{_ACCOUNT}/Messages.json")
        return [one for one in reversed(listed["messages"]) if one["direction"] != "inbound"]

    def channel(self, token: str = _TOKEN) -> WhatsApp:
        self.host.secrets["TOKEN"] = token
        config = WhatsAppChannel(
            platform="whatsapp",
            bot="helper",
            dm_policy="open",
            provider="twilio",
            account_sid=_ACCOUNT,
            auth_token=SecretRef(secret="TOKEN"),
            number=_NUMBER,
            api_base=self.base,  # pyright: ignore[reportArgumentType]
        )
        return WhatsApp("shop", config, self.host)


@pytest.fixture
async def shop(installed: Environments, tmp_path: Path) -> AsyncIterator[Shop]:
    shop = Shop(MemoryHost())
    application = web.Application()
    application.router.add_post(_HOOK, shop.take)
    folder = installed.npm("emulate@0.11.2")
    async with Site(application) as site:
        shop.host.public_url = site.url
        seed = tmp_path / "twilio.yaml"
        seed.write_text(_SEED % (_ACCOUNT, _TOKEN, _NUMBER, site.url + _HOOK))
        node, script = installed.run_node(folder, "emulate/dist/index.js")
        loopback = str(Path(__file__).with_name("loopback.cjs"))
        command = (node, "--require", loopback, script, "start", "--service", "twilio", "--seed", str(seed))
        async with running(*command) as base:
            shop.base = base
            shop.adapter = shop.channel()
            await shop.adapter.start()
            yield shop
            await shop.adapter.stop()


async def _inbound(shop: Shop, text: str) -> None:
    form = {"To": f"whatsapp:{_NUMBER}", "From": _PERSON, "Body": text}
    await shop.ask("POST", "/_twilio/simulate/inbound-message", **form)


async def test_a_conversation_with_its_reports(shop: Shop) -> None:
    await _inbound(shop, "hello & “you” + 100%")
    event = await shop.host.event(0)
    assert (event.text, event.sender.id) == ("hello & “you” + 100%", "+15550001111")
    courier = Courier(shop.adapter, shop.host.clock)
    (outcome,) = await courier.deliver(OutMessage(text="**hi** `there`"), event.conversation)
    assert outcome.state == "sent"
    (sent,) = await shop.sent()
    assert (sent["sid"], sent["to"], sent["body"]) == (outcome.part.message_id, _PERSON, "*hi* `there`")
    for status in ("delivered", "read"):
        await shop.ask("POST", "/_twilio/simulate/message-status", MessageSid=sent["sid"], Status=status)
    reports = await shop.host.until(lambda: [e for e in shop.host.of_kind("delivery_status") if e.status == "read"])
    assert reports[0].text == outcome.part.id
    assert set(shop.answers) == {200}


async def test_a_webhook_somebody_changed_is_refused(shop: Shop) -> None:
    await _inbound(shop, "hello")
    await shop.host.event(0)
    (true,) = shop.requests
    false = HttpRequest(
        method="POST",
        path=true.path,
        headers=true.headers,
        query=true.query,
        body=true.body.replace(b"hello", b"howdy"),
        url=true.url,
    )
    with pytest.raises(BadSignature):
        await shop.adapter.webhook(false)
    assert [event.text for event in shop.host.events] == ["hello"]


async def test_a_long_answer_arrives_in_order(shop: Shop) -> None:
    await _inbound(shop, "tell me")
    event = await shop.host.event(0)
    text = "\n\n".join(f"{number}: " + "word " * 280 for number in range(4))
    outcomes = await Courier(shop.adapter, shop.host.clock).deliver(OutMessage(text=text), event.conversation)
    sent = await shop.sent()
    assert [one["sid"] for one in sent] == [outcome.part.message_id for outcome in outcomes]
    assert [one["body"][0] for one in sent if one["body"][1] == ":"] == ["0", "1", "2", "3"]
    assert all(len(one["body"]) <= 1600 for one in sent)


async def test_a_wrong_token_is_fatal(shop: Shop) -> None:
    adapter = shop.channel("wrong")
    with pytest.raises(ChannelFatal, match="auth token"):
        await adapter.start()
    await adapter.stop()
    assert shop.host.state == "off"
