"""The fake speaks as Slack does: Bolt, as its users have it, connects, hears, answers, uploads."""

# slack-sdk and Bolt have partial annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from botkit.testing.slack import FakeSlack


@pytest.fixture
async def fake() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as server:
        yield server


@pytest.fixture
async def client(fake: FakeSlack) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(fake.bot_token, base_url=f"{fake.api_base}/api/", session=session, retry_handlers=[])


async def test_bolt_hears_messages_commands_and_presses(fake: FakeSlack, client: AsyncWebClient) -> None:
    app: Any = AsyncApp(client=client, token=fake.bot_token)
    heard: list[tuple[str, str]] = []

    async def on_message(event: dict[str, Any], say: Any) -> None:
        heard.append(("message", event["text"]))
        buttons = {"type": "actions", "elements": [_button("Approve", "y")]}
        await say(text="ok?", blocks=[{"type": "markdown", "text": "**ok?**"}, buttons])

    async def on_press(ack: Any, action: dict[str, Any]) -> None:
        await ack()
        heard.append(("press", action["value"]))

    async def on_command(ack: Any, command: dict[str, Any]) -> None:
        await ack()
        heard.append(("command", command["text"]))

    app.event("message")(on_message)
    app.action("a1")(on_press)
    app.command("/desk")(on_command)
    async with aiohttp.ClientSession() as session:
        web = AsyncWebClient(fake.app_token, base_url=f"{fake.api_base}/api/", session=session)
        handler: Any = AsyncSocketModeHandler(app, fake.app_token, web_client=web)
        await handler.connect_async()
        fake.say("Ada", "hello")
        await fake.wait_for(lambda: fake.sent)
        fake.press("Ada", fake.sent[0], "Approve")
        fake.command("Ada", "/desk", "reset")
        await fake.wait_for(lambda: not fake.outbox.unanswered and len(heard) == 3)
        await handler.close_async()
    assert sorted(heard) == [("command", "reset"), ("message", "hello"), ("press", "y")]
    assert fake.sent[0].shown == "**ok?**"


def _button(label: str, value: str) -> dict[str, Any]:
    return {"type": "button", "action_id": "a1", "text": {"type": "plain_text", "text": label}, "value": value}


async def test_messages_files_reactions_and_history(fake: FakeSlack, client: AsyncWebClient) -> None:
    room = fake.channel()
    metadata = {"event_type": "part", "event_payload": {"id": "p1"}}
    sent = await client.chat_postMessage(channel=room.id, text="hi", metadata=metadata)
    await client.chat_update(channel=room.id, ts=str(sent["ts"]), text="hello")
    await client.reactions_add(channel=room.id, timestamp=str(sent["ts"]), name="eyes")
    await client.files_upload_v2(channel=room.id, content="a,b\n", filename="orders.csv", thread_ts=str(sent["ts"]))
    assert [(m.shown, [f.data for f in m.files]) for m in fake.sent] == [("hello", []), ("", [b"a,b\n"])]
    history = await client.conversations_history(channel=room.id, include_all_metadata=True)
    messages: Any = history["messages"]
    assert [m["metadata"] for m in messages] == [metadata]
    replies = await client.conversations_replies(channel=room.id, ts=str(sent["ts"]))
    found: Any = replies["messages"]
    assert len(found) == 2
    ada: Any = (await client.users_info(user=fake.person("Ada").id))["user"]
    assert ada["tz"] == "Europe/Berlin"


_REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"text": " "}, "no_text"),
    ({"text": "x" * 40_001}, "msg_too_long"),
    ({"text": "x", "blocks": [{"type": "markdown", "text": "x" * 12_001}]}, "msg_blocks_too_long"),
    ({"text": "x", "blocks": [{"type": "actions", "elements": [_button("x" * 76, "v")]}]}, "invalid_blocks"),
    ({"text": "x", "blocks": [{"type": "actions", "elements": [_button("a", "1")] * 2}]}, "invalid_blocks"),
    ({"text": "x", "channel": "C404"}, "channel_not_found"),
]


@pytest.mark.parametrize(("message", "error"), _REFUSED)
async def test_what_slack_refuses_is_refused(
    fake: FakeSlack, client: AsyncWebClient, message: dict[str, Any], error: str
) -> None:
    room = fake.channel()
    with pytest.raises(SlackApiError) as caught:
        await client.api_call("chat.postMessage", json={"channel": room.id, **message})
    assert caught.value.response["error"] == error
    assert fake.sent == []


async def test_a_rate_limit_says_how_long(fake: FakeSlack, client: AsyncWebClient) -> None:
    fake.rate_limit(1, 7)
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=fake.dm("Ada").id, text="hi")
    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "7")


async def test_posts_are_signed_as_the_library_checks_them(fake: FakeSlack) -> None:
    body = b'{"type": "event_callback"}'
    verifier = SignatureVerifier(fake.signing_secret)
    assert verifier.is_valid_request(body, fake.outbox.signed(body))
    assert not verifier.is_valid_request(b"other", fake.outbox.signed(body))


async def test_an_envelope_nobody_answered_comes_again(fake: FakeSlack) -> None:
    fake.say("Ada", "hello")
    async with aiohttp.ClientSession() as session:
        for attempt in range(2):
            async with session.ws_connect(f"{fake.api_base}/link") as socket:
                assert (await socket.receive_json())["type"] == "hello"
                envelope = await socket.receive_json()
                assert envelope["retry_attempt"] == attempt
                if attempt:
                    await socket.send_json({"envelope_id": envelope["envelope_id"]})
                    await fake.wait_for(lambda: not fake.outbox.unanswered)
