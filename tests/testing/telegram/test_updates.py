"""Everything people can do at the fake is an update that aiogram's own model decodes."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiogram.types import Update
from aiohttp import web

from botkit.testing.clock import ManualClock
from botkit.testing.telegram import FakeTelegram, RemoteTelegram, utf16_len
from botkit.testing.telegram.params import Call
from botkit.testing.telegram.updates import UpdateQueue

ALL_KINDS = json.dumps(
    [
        *("message", "edited_message", "callback_query", "my_chat_member", "chat_member", "message_reaction"),
        "stopped_message_generation",
    ]
)


@pytest.fixture
async def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def fake(clock: ManualClock) -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram(clock=clock) as server:
        yield server


async def _call(fake: FakeTelegram, method: str, **args: Any) -> Any:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{fake.api_base}/bot{fake.token}/{method}", json=args) as answer,
    ):
        body = await answer.json()
        assert body["ok"], body
        return body["result"]


async def test_all_deeds_of_people_decode_as_aiogram_updates(fake: FakeTelegram) -> None:
    fake.queue.set_allowed(Call("getUpdates", {"allowed_updates": ALL_KINDS}))
    group, forum, basic = fake.group(), fake.group("Forum", forum=True), fake.group(basic=True)
    topic = fake.topic(forum, "Orders")
    first = fake.say("Ada", "hello @desk_bot, see https://example.com 👋", group)
    fake.say("Bob", "/start@desk_bot now", group, reply_to=first)
    fake.say("Bob", "in a topic", forum, thread=topic)
    fake.say("Bob", "from elsewhere", extra={"forward_origin": _forwarded()})
    fake.edit(first, "hello again")
    for kind in ("document", "photo", "voice", "audio", "video", "animation", "video_note", "sticker"):
        fake.send_file("Ada", b"data", kind=kind, name=f"x.{kind}", caption="look")
    fake.send_file("Ada", b"1", kind="photo", album="a1")
    fake.send_other("Ada", "location", {"latitude": 1.0, "longitude": 2.0})
    fake.send_other("Ada", "contact", {"phone_number": "+100", "first_name": "Bob"})
    fake.send_other("Ada", "dice", {"emoji": "🎲", "value": 3})
    ada = fake.dm("Ada")
    keyboard = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}
    await _call(fake, "sendMessage", chat_id=ada.id, text="sure?", reply_markup=keyboard)
    fake.press("Ada", fake.sent[-1], "Yes")
    fake.react("Ada", fake.sent[-1], "👍")
    await _call(fake, "sendMessageDraft", chat_id=ada.id, draft_id=5, text="thinking", can_stop=True)
    fake.stop_generation("Ada")
    fake.join("Cleo", group)
    fake.leave("Cleo", group)
    fake.block("Ada")
    fake.unblock("Ada")
    fake.kick_bot(group)
    fake.migrate(basic)

    decoded = [Update.model_validate(update) for update in fake.queue.history]
    kinds = {kind for update in fake.queue.history for kind in update if kind != "update_id"}
    assert kinds == set(json.loads(ALL_KINDS))
    assert len(decoded) > 25
    assert all(update.model_extra in (None, {}) for update in decoded)
    assert [update.update_id for update in decoded] == list(range(decoded[0].update_id, decoded[-1].update_id + 1))


def _forwarded() -> dict[str, Any]:
    return {"type": "hidden_user", "sender_user_name": "Zoe", "date": 1_700_000_000}


async def test_entities_of_people_are_counted_in_utf16(fake: FakeTelegram) -> None:
    message = fake.say("Ada", "👩‍🚀 @desk_bot שלום")
    (mention,) = [entity for entity in message.entities if entity["type"] == "mention"]
    assert (mention["offset"], mention["length"]) == (utf16_len("👩‍🚀 "), len("@desk_bot"))


async def test_reactions_and_joins_of_others_come_only_to_bots_that_asked(fake: FakeTelegram) -> None:
    message = fake.say("Ada", "hello")
    fake.react("Ada", message, "👍")
    kinds = [kind for update in fake.queue.history for kind in update if kind != "update_id"]
    assert kinds == ["message"]


async def test_a_draft_is_gone_after_thirty_seconds(fake: FakeTelegram, clock: ManualClock) -> None:
    ada = fake.dm("Ada")
    await _call(fake, "sendMessageDraft", chat_id=ada.id, draft_id=5, text="thinking", can_stop=True)
    await clock.advance(29)
    assert [draft.text for draft in fake.drafts] == ["thinking"]
    await clock.advance(1)
    assert fake.drafts == []
    with pytest.raises(LookupError):
        fake.stop_generation("Ada")


async def test_pressing_a_button_that_is_not_there_is_an_error_of_the_test(fake: FakeTelegram) -> None:
    await _call(fake, "sendMessage", chat_id=fake.dm("Ada").id, text="no buttons")
    with pytest.raises(LookupError, match="no button 'Yes'"):
        fake.press("Ada", fake.sent[0], "Yes")


async def test_a_held_call_goes_on_when_the_test_says_so(fake: FakeTelegram) -> None:
    hold = fake.hold(method="sendMessage")
    sending = asyncio.create_task(_call(fake, "sendMessage", chat_id=fake.dm("Ada").id, text="late"))
    await hold.reached.wait()
    assert fake.sent == []
    hold.release()
    await sending
    assert fake.texts() == ["late"]


@dataclass
class Receiver:
    """A webhook that answers as the test says."""

    url: str = ""
    answers: list[int] = field(default_factory=list[int])
    seen: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.seen.append((body["update_id"], request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")))
        return web.Response(status=self.answers.pop(0) if self.answers else 200)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    application = web.Application()
    application.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield receiver
    await runner.cleanup()


class TestWebhook:
    async def test_updates_are_posted_in_order_with_the_secret(self, fake: FakeTelegram, receiver: Receiver) -> None:
        await _call(fake, "setWebhook", url=receiver.url, secret_token="s3cret_-")
        fake.say("Ada", "one")
        fake.say("Ada", "two")
        await fake.wait_for(lambda: len(receiver.seen) == 2)
        assert receiver.seen[1][0] == receiver.seen[0][0] + 1
        assert {secret for _, secret in receiver.seen} == {"s3cret_-"}

    async def test_a_refused_update_is_posted_again_before_the_next(
        self, fake: FakeTelegram, receiver: Receiver, clock: ManualClock
    ) -> None:
        receiver.answers = [500, 503]
        await _call(fake, "setWebhook", url=receiver.url)
        fake.say("Ada", "one")
        fake.say("Ada", "two")
        for pause_s in (0.05, 0.1):
            await clock.sleeping()
            await clock.advance(pause_s)
        await fake.wait_for(lambda: not fake.queue.pending)
        ids = [update_id for update_id, _ in receiver.seen]
        assert ids == [ids[0], ids[0], ids[0], ids[0] + 1]
        info = await _call(fake, "getWebhookInfo")
        assert info["last_error_message"] == "Wrong response from the webhook: 503"

    async def test_a_secret_telegram_would_refuse_is_refused(self, fake: FakeTelegram) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{fake.api_base}/bot{fake.token}/setWebhook",
                json={"url": "https://example.com", "secret_token": "no spaces"},
            ) as answer,
        ):
            assert (await answer.json())["description"] == ("Bad Request: secret token contains unallowed characters")

    async def test_a_public_webhook_must_be_https(self) -> None:
        queue = UpdateQueue()
        with pytest.raises(Exception, match="HTTPS URL must be provided"):
            queue.set_webhook(Call("setWebhook", {"url": "http://example.com/hook"}))


async def test_a_process_of_its_own_is_driven_over_http() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "botkit.testing.telegram", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        line = json.loads(await process.stdout.readline())
        await asyncio.to_thread(_drive, line["api_base"], line["token"])
    finally:
        process.terminate()
        assert await process.wait() == 0


def _drive(base: str, token: str) -> None:
    import httpx

    remote = RemoteTelegram(base)
    with httpx.Client(base_url=f"{base}/bot{token}", trust_env=False) as bot:
        said = remote.do("say", who="Ada", text="hello")
        updates = bot.get("/getUpdates").json()["result"]
        assert updates[0]["message"]["text"] == "hello"
        keyboard = {"inline_keyboard": [[{"text": "More", "callback_data": "m"}]]}
        bot.post("/sendMessage", json={"chat_id": said["chat_id"], "text": "hi", "reply_markup": keyboard})
        (reply,) = remote.wait_for(lambda sent: sent)
        assert (reply["text"], reply["labels"]) == ("hi", ["More"])
        remote.do("press", who="Ada", message=[reply["chat_id"], reply["message_id"]], button="More")
        assert remote.look("pending") == 2
        with pytest.raises(ValueError, match="no message"):
            remote.do("press", who="Ada", message=[1, 1], button="More")
    remote.close()
