"""The Telegram channel against the adapter contract, and what only Telegram has (T1 … T14)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from adapters.telegram import Telegram
from botkit.core.config.models import SecretRef, TelegramChannel
from botkit.core.errors import BadSignature, ChatGone, SendFailed
from botkit.core.events import Attachment, Conversation
from botkit.core.messages import Button, OutMessage, Part
from botkit.sdk.adapter import Adapter, HttpRequest
from botkit.testing.adapters import AdapterContract, Courier, Emulator, MemoryHost, Seen
from botkit.testing.telegram import FakeChat, FakeMessage, FakeTelegram, utf16_len
from tests.adapters.hooks import received


def menu_of(language: str) -> str:
    """The key under which the fake keeps the command menu of a language."""
    return json.dumps([{"type": "default"}, language], sort_keys=True)


class TelegramEmulator(Emulator):
    """`FakeTelegram` as the contract drives it."""

    inert_words = ("@everyone", "@bob_builder", "tg://user?id=700001")

    def __init__(self, fake: FakeTelegram):
        self.fake = fake
        self.group = fake.group("Team")
        fake.user("Ada", username="ada_l")
        fake.user("Bob", username="bob_builder")

    def adapter(self, host: MemoryHost, **settings: Any) -> Adapter:
        host.secrets["TELEGRAM_TOKEN"] = self.fake.token
        host.secrets["HOOK"] = "hook-secret_1"
        config = TelegramChannel(
            platform="telegram",
            bot="helper",
            dm_policy="open",
            token=SecretRef(secret="TELEGRAM_TOKEN"),
            api_base=self.fake.api_base,
            **settings,
        )
        return Telegram("support", config, host)

    def mention(self) -> str:
        return "@desk_bot"

    async def say(self, text: str, *, who: str = "Ada", group: bool = False, reply_to: str = "") -> str:
        chat = self.group if group else None
        return str(self.fake.say(who, text, chat, reply_to=int(reply_to or 0)).message_id)

    async def bot_says(self, text: str) -> None:
        self.fake.user("Robo", is_bot=True)
        self.fake.say("Robo", text, self.group)

    async def edit(self, message_id: str, text: str) -> None:
        message = self.fake.world.find(self.fake.dm("Ada").id, int(message_id))
        assert message is not None
        self.fake.edit(message, text)

    async def send_file(self, data: bytes, *, kind: str = "file", name: str = "a.txt", claimed_bytes: int = 0) -> None:
        key = {"file": "document", "image": "photo"}.get(kind, kind)
        self.fake.send_file("Ada", data, kind=key, name=name, size=claimed_bytes)

    async def press(self, label: str, *, who: str = "Ada") -> None:
        message = next(m for m in reversed(self.fake.sent) if label in m.labels)
        self.fake.press(who, message, label)

    async def unsupported(self) -> None:
        self.fake.send_other("Ada", "dice", {"emoji": "🎲", "value": 3})

    async def malformed(self) -> None:
        self.fake.raw_update({"message": {"message_id": "?", "chat": 5, "entities": "none", "text": ["\ud83d"]}})

    async def redeliver(self) -> None:
        self.fake.redeliver()

    def expire_files(self) -> None:
        for file in self.fake.world.files.values():
            file.expired = True

    def seen(self) -> list[Seen]:
        return [self._seen(message) for message in self.fake.sent]

    @staticmethod
    def _seen(message: FakeMessage) -> Seen:
        units = message.text.encode("utf-16-le")
        code = tuple(
            units[2 * e["offset"] : 2 * (e["offset"] + e["length"])].decode("utf-16-le")
            for e in message.entities
            if e["type"] == "pre"
        )
        files = (message.file.name,) if message.file is not None else ()
        return Seen(message.text, str(message.message_id), str(message.chat_id), tuple(message.labels), code, (), files)

    def previews(self) -> list[str]:
        return [draft.text for draft in self.fake.drafts]

    def open_presses(self) -> int:
        return sum(state == "open" for state in self.fake.world.callbacks.values())

    def requests(self) -> int:
        return len(self.fake.calls) + self.fake.queue.polls

    def rate_limit(self, times: int, retry_after_s: int) -> None:
        self.fake.rate_limit(times, retry_after_s)

    def fail_after_effect(self) -> None:
        self.fake.fail(applied=True, code=502, description="Bad Gateway")

    def drop_answer(self) -> None:
        self.fake.drop_after()

    def refuse_second_send(self) -> None:
        self.fake.rate_limit(1, 2, after=1)

    async def revoke_token(self) -> None:
        self.fake.revoke_token()

    async def go_offline(self) -> None:
        await self.fake.go_offline()

    async def come_back(self) -> None:
        await self.fake.come_back()


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as server:
        yield server


class TestContract(AdapterContract):
    @pytest.fixture
    def emulator(self, fake: FakeTelegram) -> TelegramEmulator:
        return TelegramEmulator(fake)

    def rings(self, emulator: Emulator) -> list[str]:
        assert isinstance(emulator, TelegramEmulator)
        return [
            entity["type"]
            for message in emulator.fake.sent
            for entity in message.entities
            if entity["type"] in {"mention", "text_mention"}
        ]


class WebhookEmulator(TelegramEmulator):
    """The same, with updates posted by Telegram to a server in front of the adapter."""

    cannot = frozenset({"C4"})  # the contract holds the store and stops; a server would have a request open meanwhile

    def __init__(self, fake: FakeTelegram):
        super().__init__(fake)
        self.public_url = ""
        self.current: Adapter | None = None

    def adapter(self, host: MemoryHost, **settings: Any) -> Adapter:
        host.public_url = self.public_url
        self.current = super().adapter(host, mode="webhook", **settings)
        return self.current

    async def receive(self, request: web.Request) -> web.Response:
        return await received(self.current, request)


class TestContractByWebhook(TestContract):
    @pytest.fixture
    async def emulator(self, fake: FakeTelegram) -> AsyncIterator[WebhookEmulator]:
        emulator = WebhookEmulator(fake)
        application = web.Application()
        application.router.add_post("/api/bots/webhook/telegram/support", emulator.receive)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        emulator.public_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield emulator
        await runner.cleanup()


@pytest.fixture
def emulator(fake: FakeTelegram) -> TelegramEmulator:
    return TelegramEmulator(fake)


@pytest.fixture
def host() -> MemoryHost:
    return MemoryHost(public_url="https://bots.example.com")


@pytest.fixture
async def adapter(emulator: TelegramEmulator, host: MemoryHost) -> AsyncIterator[Adapter]:
    adapter = emulator.adapter(host)
    await adapter.start()
    yield adapter
    await adapter.stop()


@pytest.fixture
def courier(adapter: Adapter, host: MemoryHost) -> Courier:
    return Courier(adapter, host.clock)


def _conversation(chat: FakeChat, thread: str = "") -> Conversation:
    kind = "dm" if chat.kind == "private" else "group"
    return Conversation(channel="support", room=str(chat.id), thread=thread, kind=kind)


class TestWebhook:
    """The webhook handler as the HTTP app calls it."""

    @pytest.fixture
    async def hooked(self, emulator: TelegramEmulator, host: MemoryHost) -> AsyncIterator[Adapter]:
        adapter = emulator.adapter(host, mode="webhook", webhook_secret=SecretRef(secret="HOOK"))
        await adapter.start()
        yield adapter
        await adapter.stop()

    @staticmethod
    def _request(body: bytes, secret: str | None = "hook-secret_1", method: str = "POST") -> HttpRequest:
        headers = {} if secret is None else {"x-telegram-bot-api-secret-token": secret}
        return HttpRequest(method=method, path="/", headers=headers, body=body)

    async def test_the_webhook_is_registered_with_its_secret(self, fake: FakeTelegram, hooked: Adapter) -> None:
        hook = fake.queue.webhook
        assert hook.url == "https://bots.example.com/api/bots/webhook/telegram/support"
        assert hook.secret == "hook-secret_1"

    async def test_an_update_is_stored_before_it_is_answered(
        self, fake: FakeTelegram, hooked: Adapter, host: MemoryHost
    ) -> None:
        fake.say("Ada", "hello")
        body = json.dumps(fake.queue.pending[0]).encode()
        assert (await hooked.webhook(self._request(body))).status == 200
        assert (await hooked.webhook(self._request(body))).status == 200
        assert [event.text for event in host.events] == ["hello"]

    @pytest.mark.parametrize("secret", [None, "", "wrong", "hook-secret_1 ", "gehéim\udcff", "x" * 100_000])
    async def test_t1_a_wrong_absent_or_strange_secret_is_refused(
        self, hooked: Adapter, host: MemoryHost, secret: str | None
    ) -> None:
        with pytest.raises(BadSignature):
            await hooked.webhook(self._request(b'{"update_id": 1}', secret))
        assert host.events == []

    async def test_a_channel_that_polls_serves_no_webhook(self, adapter: Adapter) -> None:
        for secret in ("", "hook-secret_1"):
            with pytest.raises(BadSignature):
                await adapter.webhook(self._request(b"{}", secret))

    async def test_c18_a_body_of_ten_megabytes_is_413(self, hooked: Adapter, host: MemoryHost) -> None:
        assert (await hooked.webhook(self._request(b" " * 10_000_000))).status == 413
        assert host.events == []

    @pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[1]", b"null", b"[" * 100_000])
    async def test_what_is_no_update_is_400(self, hooked: Adapter, host: MemoryHost, body: bytes) -> None:
        assert (await hooked.webhook(self._request(body))).status == 400
        assert host.events == []

    async def test_a_secret_is_made_up_and_stays_the_same(
        self, fake: FakeTelegram, emulator: TelegramEmulator, host: MemoryHost
    ) -> None:
        seen: set[str] = set()
        for _ in range(2):
            adapter = emulator.adapter(host, mode="webhook")
            await adapter.start()
            seen.add(fake.queue.webhook.secret)
            await adapter.stop()
        (secret,) = seen
        assert len(secret) == 64
        assert fake.token not in secret

    async def test_a_webhook_telegram_cannot_reach_is_degraded_until_it_can(
        self, fake: FakeTelegram, hooked: Adapter, host: MemoryHost
    ) -> None:
        fake.say("Ada", "hello")
        fake.queue.webhook.last_error = "Wrong response from the webhook: 502 Bad Gateway"
        await host.until(lambda: host.state == "degraded", "degraded health")
        assert "502 Bad Gateway; 1 waiting" in host.health[-1].detail
        fake.queue.pending.clear()
        await host.until(lambda: host.state == "ok", "health ok")

    async def test_a_webhook_somebody_replaced_is_set_again(
        self, fake: FakeTelegram, hooked: Adapter, host: MemoryHost
    ) -> None:
        fake.queue.webhook.url = "https://other.example.com/hook"
        await host.until(lambda: "bots.example.com" in fake.queue.webhook.url, "our webhook")
        await host.until(lambda: host.state == "ok", "health ok")

    async def test_without_a_public_address_it_polls(self, fake: FakeTelegram, emulator: TelegramEmulator) -> None:
        host = MemoryHost()
        adapter = emulator.adapter(host, mode="webhook")
        await adapter.start()
        fake.say("Ada", "hello")
        assert (await host.event(0)).text == "hello"
        await adapter.stop()


class TestPolling:
    async def test_t2_a_webhook_from_before_is_deleted_first(
        self, fake: FakeTelegram, emulator: TelegramEmulator, host: MemoryHost
    ) -> None:
        fake.queue.webhook.url = "https://old.example.com/hook"
        fake.say("Ada", "kept by Telegram")
        adapter = emulator.adapter(host)
        await adapter.start()
        assert (await host.event(0)).text == "kept by Telegram"
        await adapter.stop()

    async def test_a_webhook_set_by_somebody_else_is_deleted_again(
        self, fake: FakeTelegram, adapter: Adapter, host: MemoryHost
    ) -> None:
        await fake.wait_for(lambda: fake.queue.polls)
        fake.queue.webhook.url = "https://other.example.com/hook"
        fake.queue.poll += 1
        fake.queue.wake()
        await host.until(lambda: not fake.queue.webhook.url, "the webhook gone")
        fake.say("Ada", "hello")
        assert (await host.event(0)).text == "hello"

    async def test_t3_a_second_poller_is_reported_and_not_fought(
        self, fake: FakeTelegram, adapter: Adapter, host: MemoryHost
    ) -> None:
        await fake.wait_for(lambda: fake.queue.polls)
        fake.queue.poll += 1  # somebody else polls
        fake.queue.wake()
        await host.until(lambda: host.state == "degraded", "degraded health")
        assert "another process" in host.health[-1].detail
        assert fake.queue.polls == 1
        fake.say("Ada", "hello")
        assert (await host.event(0)).text == "hello"

    async def test_t4_an_undecodable_update_is_passed(
        self, fake: FakeTelegram, adapter: Adapter, host: MemoryHost
    ) -> None:
        fake.raw_update({"message": "nonsense"})
        fake.raw_update({"some_future_kind": {"x": 1}})
        fake.say("Ada", "after it")
        await host.until(lambda: host.of_kind("message"))
        assert [event.kind for event in host.events] == ["quarantined", "unsupported", "message"]
        await fake.wait_for(lambda: not fake.queue.pending)

    async def test_t5_privacy_mode_is_said_at_the_start(self) -> None:
        async with FakeTelegram(privacy_mode=True) as fake:
            host = MemoryHost()
            adapter = TelegramEmulator(fake).adapter(host)
            await adapter.start()
            assert host.state == "ok"
            assert "/setprivacy" in host.health[-1].detail
            await adapter.stop()

    async def test_t13_the_pieces_of_an_album_name_it(
        self, fake: FakeTelegram, adapter: Adapter, host: MemoryHost
    ) -> None:
        fake.send_file("Ada", b"1", kind="photo", album="g1", caption="my receipts")
        fake.send_file("Ada", b"2", kind="photo", album="g1")
        fake.say("Ada", "that was all")
        await host.event(2)
        assert [(e.album, e.text, len(e.attachments)) for e in host.events] == [
            ("g1", "my receipts", 1),
            ("g1", "", 1),
            ("", "that was all", 0),
        ]

    async def test_people_see_the_menu_in_the_language_of_their_app(
        self, emulator: TelegramEmulator, fake: FakeTelegram, host: MemoryHost
    ) -> None:
        host.translated_commands = {"de": (("help", "was ich kann"),), "fr": (("help", "ce que je sais faire"),)}
        adapter = emulator.adapter(host)
        await adapter.start()
        await adapter.stop()

        menus = {code: fake.world.commands[menu_of(code)] for code in ("de", "fr")}
        assert menus["de"] == [{"command": "help", "description": "was ich kann"}]
        assert menus["fr"] == [{"command": "help", "description": "ce que je sais faire"}]
        assert [item["command"] for item in fake.world.commands[menu_of("")]] == ["help", "reset"]

    async def test_commands_are_registered(self, fake: FakeTelegram, adapter: Adapter) -> None:
        commands = fake.world.commands[menu_of("")]
        assert [command["command"] for command in commands] == ["help", "reset"]

    async def test_a_start_without_network_keeps_trying(
        self, fake: FakeTelegram, emulator: TelegramEmulator, host: MemoryHost
    ) -> None:
        adapter = emulator.adapter(host)
        await fake.go_offline()
        await adapter.start()
        assert host.state == "degraded"
        await fake.come_back()
        fake.say("Ada", "hello")
        assert (await host.event(0)).text == "hello"
        await adapter.stop()

    async def test_a_malformed_token_is_fatal_and_never_shown(
        self, emulator: TelegramEmulator, host: MemoryHost
    ) -> None:
        adapter = emulator.adapter(host)
        host.secrets["TELEGRAM_TOKEN"] = "not-a-token"
        with pytest.raises(Exception, match="BotFather") as caught:
            await adapter.start()
        assert "not-a-token" not in str(caught.value)


class TestSending:
    async def test_t6_a_press_that_is_too_old_is_ignored(
        self, fake: FakeTelegram, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        row = ((Button(label="Yes", value="y"),),)
        await courier.deliver(OutMessage(text="ok?", buttons=row), _conversation(fake.dm("Ada")))
        fake.press("Ada", fake.sent[0], "Yes")
        event = await host.event(kind="action")
        fake.expire_callbacks()
        await adapter.acknowledge(event)

    async def test_t7_an_edit_to_the_same_text_is_done(self, fake: FakeTelegram, courier: Courier) -> None:
        (first,) = await courier.deliver(OutMessage(text="same"), _conversation(fake.dm("Ada")))
        assert (await courier.send(first.part)).state == "sent"
        assert fake.sent[0].edits == []

    async def test_t8_an_upgraded_group_gets_the_message_under_its_new_id(
        self, fake: FakeTelegram, adapter: Adapter, courier: Courier
    ) -> None:
        old = fake.group("Small", basic=True)
        new = fake.migrate(old)
        for text in ("one", "two"):
            (outcome,) = await courier.deliver(OutMessage(text=text), _conversation(old))
            assert (outcome.state, outcome.part.conversation.room) == ("sent", str(new.id))
        assert fake.texts(new) == ["one", "two"]

    async def test_the_upgrade_itself_is_an_event(self, fake: FakeTelegram, adapter: Adapter, host: MemoryHost) -> None:
        old = fake.group("Small", basic=True)
        new = fake.migrate(old)
        event = await host.event(0)
        assert (event.kind, event.status, event.target_id) == ("member", "migrated", str(new.id))

    async def test_t9_a_topic_keeps_its_answers(
        self, fake: FakeTelegram, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        forum = fake.group("Forum", forum=True)
        topic = fake.topic(forum, "Orders")
        said = fake.say("Ada", "@desk_bot where is it?", forum, thread=topic)
        fake.say("Ada", "general talk", forum)
        event = await host.event(0)
        assert event.conversation.thread == str(topic)
        assert (await host.event(1)).conversation.thread == ""
        answer = OutMessage(text="here", reply_to=event.message_id)
        await courier.deliver(answer, event.conversation)
        assert (fake.sent[0].thread, fake.sent[0].reply_to) == (topic, said.message_id)

    async def test_a_thread_of_replies_outside_of_a_forum_is_no_topic(
        self, fake: FakeTelegram, adapter: Adapter, host: MemoryHost
    ) -> None:
        fake.say("Ada", "in a reply thread", fake.group(), extra={"message_thread_id": 7})
        assert (await host.event(0)).conversation.thread == ""

    async def test_t10_a_draft_older_than_its_life_is_shown_again_and_ends_with_the_answer(
        self, emulator: TelegramEmulator, courier: Courier, host: MemoryHost, adapter: Adapter
    ) -> None:
        fake = emulator.fake
        where = _conversation(fake.dm("Ada"))
        await adapter.draft(where, 5, "Let me look that **up")
        for _ in range(20):
            await host.clock.advance(4)
            await adapter.typing(where)
        shown = [draft.text for draft in fake.draft_history]
        assert len(shown) == 5
        assert set(shown) == {"Let me look that **up"}
        assert all(draft.can_stop for draft in fake.draft_history)
        await courier.deliver(OutMessage(text="Found it."), where)
        await host.clock.advance(60)
        await adapter.typing(where)
        assert len(fake.draft_history) == len(shown)
        assert fake.texts() == ["Found it."]

    async def test_a_preview_on_its_way_does_not_overtake_the_answer(
        self, fake: FakeTelegram, adapter: Adapter, courier: Courier
    ) -> None:
        where = _conversation(fake.dm("Ada"))
        hold = fake.hold(method="sendMessageDraft")
        turn = asyncio.create_task(adapter.draft(where, 5, "Let me see"))
        await hold.reached.wait()
        turn.cancel()  # the turn was stopped meanwhile
        final = asyncio.create_task(courier.deliver(OutMessage(text="Done."), where))
        await asyncio.sleep(0.05)
        assert not final.done()
        hold.release()
        await final
        assert (fake.texts(), fake.drafts) == (["Done."], [])

    async def test_a_late_edit_of_a_stream_does_not_replace_the_answer(
        self, fake: FakeTelegram, adapter: Adapter, courier: Courier
    ) -> None:
        where = _conversation(fake.group())
        (first,) = await courier.deliver(OutMessage(text="Let ▌"), where)
        hold = fake.hold(method="editMessageText")
        turn = asyncio.create_task(adapter.update(first.part, "Let me see ▌"))
        await hold.reached.wait()
        turn.cancel()
        payload = adapter.render(OutMessage(text="Let me see: done."), where)[0].payload
        final = asyncio.create_task(
            courier.send(Part(id="p", conversation=where, payload=payload, message_id=first.part.message_id))
        )
        await asyncio.sleep(0.05)
        hold.release()
        assert (await final).state == "sent"
        assert fake.texts() == ["Let me see: done."]

    async def test_stopping_a_draft_is_an_event(self, fake: FakeTelegram, adapter: Adapter, host: MemoryHost) -> None:
        where = _conversation(fake.dm("Ada"))
        await adapter.draft(where, 5, "Once upon a time")
        fake.stop_generation("Ada")
        event = await host.event(0)
        assert (event.kind, event.target_id, event.conversation.key) == ("stop_generation", "5", where.key)

    @pytest.mark.parametrize("refused", [False, True])
    async def test_t11_a_refused_rich_message_is_sent_with_entities(
        self, emulator: TelegramEmulator, host: MemoryHost, *, refused: bool
    ) -> None:
        adapter = emulator.adapter(host, rich=True)
        await adapter.start()
        if refused:
            emulator.fake.fail(code=400, description="Bad Request: RICH_INVALID", method="sendRichMessage")
        table = "| order | state |\n|---|---|\n| 1042 | **sent** |"
        message = OutMessage(text=table, buttons=((Button(label="More", value="m"),),))
        await Courier(adapter, host.clock).deliver(message, _conversation(emulator.fake.dm("Ada")))
        (seen,) = emulator.fake.sent
        assert seen.kind == ("text" if refused else "rich_message")
        assert "1042" in seen.text
        assert seen.labels == ["More"]
        await adapter.stop()

    async def test_t12_a_person_who_blocked_the_bot_is_gone(
        self, fake: FakeTelegram, adapter: Adapter, host: MemoryHost
    ) -> None:
        where = _conversation(fake.dm("Ada"))
        fake.block("Ada")
        event = await host.event(0)
        assert (event.kind, event.status) == ("member", "blocked")
        part = Part(id="p", conversation=where, payload=adapter.render(OutMessage(text="x"), where)[0].payload)
        with pytest.raises(ChatGone, match="blocked by the user"):
            await adapter.send(part)

    async def test_t14_a_surrogate_pair_at_the_limit_is_not_torn(self, fake: FakeTelegram, courier: Courier) -> None:
        text = "x" * 4095 + "😀" * 3000
        outcomes = await courier.deliver(OutMessage(text=text), _conversation(fake.dm("Ada")))
        assert {outcome.state for outcome in outcomes} == {"sent"}
        assert "".join(fake.texts()) == text
        assert all(utf16_len(part) <= 4096 for part in fake.texts())

    async def test_entities_telegram_refuses_all_the_same_go_out_as_plain_text(
        self, fake: FakeTelegram, courier: Courier
    ) -> None:
        fake.fail(code=400, description="Bad Request: can't parse entities: whatever comes next")
        (outcome,) = await courier.deliver(OutMessage(text="**bold**"), _conversation(fake.dm("Ada")))
        assert outcome.state == "sent"
        assert (fake.sent[0].text, fake.sent[0].entities) == ("bold", [])

    async def test_a_streamed_message_somebody_deleted_is_sent_anew(self, fake: FakeTelegram, courier: Courier) -> None:
        (first,) = await courier.deliver(OutMessage(text="one ▌"), _conversation(fake.group()))
        fake.sent[0].deleted = True
        assert (await courier.send(first.part)).state == "sent"
        assert fake.texts() == ["one ▌"]

    async def test_a_decided_question_loses_its_buttons(
        self, fake: FakeTelegram, adapter: Adapter, courier: Courier
    ) -> None:
        where = _conversation(fake.dm("Ada"))
        row = (
            (Button(label="Approve", value="y", style="primary"), Button(label="Reject", value="n", style="danger")),
        )
        (asked,) = await courier.deliver(OutMessage(text="Refund?", buttons=row), where)
        assert fake.sent[0].labels == ["Approve", "Reject"]
        (decided,) = adapter.render(OutMessage(text="Refund? Approved by Ada."), where)
        part = Part(
            id="p2", conversation=where, payload=decided.payload, edit_of="p1", message_id=asked.part.message_id
        )
        assert (await courier.send(part)).state == "sent"
        assert (fake.sent[0].text, fake.sent[0].labels) == ("Refund? Approved by Ada.", [])

    async def test_a_refusal_names_what_telegram_said(self, fake: FakeTelegram, adapter: Adapter) -> None:
        forum = fake.group("Forum", forum=True)
        where = _conversation(forum, "99")
        part = Part(id="p", conversation=where, payload=adapter.render(OutMessage(text="x"), where)[0].payload)
        with pytest.raises(SendFailed, match="message thread not found"):
            await adapter.send(part)

    async def test_typing_shows_and_its_errors_stay_inside(
        self, fake: FakeTelegram, adapter: Adapter, host: MemoryHost
    ) -> None:
        where = _conversation(fake.dm("Ada"))
        await adapter.typing(where)
        assert fake.world.actions[-1]["action"] == "typing"
        fake.rate_limit(1, 30, method="sendChatAction")
        await adapter.typing(where)
        calls = len(fake.called("sendChatAction"))
        await host.clock.advance(29)
        await adapter.typing(where)
        assert len(fake.called("sendChatAction")) == calls
        await host.clock.advance(1)
        await adapter.typing(where)
        assert len(fake.called("sendChatAction")) == calls + 1

    async def test_a_caption_goes_with_its_single_file(
        self, fake: FakeTelegram, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        host.files["f"] = b"\x89PNG"
        chart = Attachment(kind="image", name="chart.png", mime="image/png", size_bytes=4, file_id="f")
        message = OutMessage(text="**Sales** this week", attachments=(chart,))
        (outcome,) = await courier.deliver(message, _conversation(fake.dm("Ada")))
        (seen,) = fake.sent
        assert (outcome.state, seen.kind, seen.text) == ("sent", "photo", "Sales this week")

    @staticmethod
    def _files(host: MemoryHost, *described: tuple[str, str, str]) -> tuple[Attachment, ...]:
        """Outgoing files of these (kind, name, mime), four bytes each."""
        host.files |= {name: f"<{name[:2]}>".encode() for _, name, _ in described}
        return tuple(
            Attachment(kind=kind, name=name, mime=mime, size_bytes=4, file_id=name)  # pyright: ignore[reportArgumentType]
            for kind, name, mime in described
        )

    async def test_several_pictures_leave_as_one_album_with_the_text_below(
        self, fake: FakeTelegram, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        pictures = self._files(host, *(("image", f"{number}.png", "image/png") for number in range(12)))
        message = OutMessage(text="**Sales** by week", attachments=pictures[:3], reply_to="1")
        (outcome,) = await courier.deliver(message, _conversation(fake.dm("Ada")))
        assert (outcome.state, outcome.part.message_id) == ("sent", str(fake.sent[0].message_id))
        assert [m.text for m in fake.sent] == ["Sales by week", "", ""]
        assert [m.file.data for m in fake.sent if m.file] == [b"<0.>", b"<1.>", b"<2.>"]
        assert len({m.album for m in fake.sent}) == 1
        assert fake.sent[0].entities[0]["type"] == "bold"
        rendered = adapter.render(OutMessage(attachments=pictures), _conversation(fake.dm("Ada")))
        assert [len(piece.payload["attachments"]) for piece in rendered] == [10, 2]

    @pytest.mark.parametrize(
        ("mime", "kind"), [("audio/ogg", "voice"), ("audio/mpeg", "voice"), ("audio/wav", "document")]
    )
    async def test_a_voice_is_a_voice_message_in_the_formats_telegram_plays(
        self, fake: FakeTelegram, courier: Courier, mime: str, kind: str
    ) -> None:
        host = courier.adapter.host
        assert isinstance(host, MemoryHost)
        (voice,) = self._files(host, ("voice", "v", mime))
        await courier.deliver(OutMessage(attachments=(voice,)), _conversation(fake.dm("Ada")))
        assert [message.kind for message in fake.sent] == [kind]

    async def test_files_that_cannot_share_an_album_do_not(self, fake: FakeTelegram, courier: Courier) -> None:
        host = courier.adapter.host
        assert isinstance(host, MemoryHost)
        files = self._files(
            host,
            ("image", "a.png", "image/png"),
            ("video", "b.mp4", "video/mp4"),
            ("file", "c.csv", "text/csv"),
            ("file", "d.csv", "text/csv"),
            ("voice", "e.ogg", "audio/ogg"),
        )
        await courier.deliver(OutMessage(text="All of it.", attachments=files), _conversation(fake.dm("Ada")))
        kinds = [(m.kind, m.album) for m in fake.sent]
        assert [kind for kind, _ in kinds] == ["text", "photo", "video", "document", "document", "voice"]
        assert kinds[1][1] == kinds[2][1] != kinds[3][1] == kinds[4][1]
        assert kinds[5][1] == ""

    @pytest.mark.parametrize(("text", "sent"), [("Which one?", ["photo", "photo", "text"]), ("", ["photo", "photo"])])
    async def test_buttons_stand_below_an_album(
        self, fake: FakeTelegram, host: MemoryHost, courier: Courier, text: str, sent: list[str]
    ) -> None:
        pictures = self._files(host, ("image", "a.png", "image/png"), ("image", "b.png", "image/png"))
        message = OutMessage(text=text, attachments=pictures, buttons=((Button(label="First", value="1"),),))
        await courier.deliver(message, _conversation(fake.dm("Ada")))
        assert [m.kind for m in fake.sent] == sent
        assert [m.labels for m in fake.sent][-1] == ["First"]

    async def test_reactions_go_out_and_come_in(
        self, fake: FakeTelegram, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        said = fake.say("Ada", "hello")
        where = (await host.event(0)).conversation
        await adapter.react(where, str(said.message_id), "👀")
        assert said.reactions[fake.world.bot.id] == [{"type": "emoji", "emoji": "👀"}]
        await courier.deliver(OutMessage(text="hi"), where)
        fake.react("Ada", fake.sent[0], "👍")
        event = await host.event(kind="reaction")
        assert (event.status, event.target_id) == ("👍", str(fake.sent[0].message_id))

    async def test_no_error_shows_the_token(self, fake: FakeTelegram, adapter: Adapter, host: MemoryHost) -> None:
        fake.send_file("Ada", b"data")
        event = await host.event(0)
        secret = fake.token.split(":")[1]
        await fake.go_offline()
        where = event.conversation
        part = Part(id="p", conversation=where, payload=adapter.render(OutMessage(text="x"), where)[0].payload)
        for attempt in (adapter.send(part), _drain(adapter, event.attachments[0])):
            with pytest.raises(Exception) as caught:
                await attempt
            error: BaseException | None = caught.value
            while error is not None:
                assert secret not in repr(error)
                error = None if error.__suppress_context__ else (error.__cause__ or error.__context__)
        await host.until(lambda: host.state == "degraded")
        assert all(secret not in health.detail for health in host.health)
        await fake.come_back()


async def _drain(adapter: Adapter, attachment: Any) -> None:
    async for _ in adapter.fetch(attachment):
        await asyncio.sleep(0)
