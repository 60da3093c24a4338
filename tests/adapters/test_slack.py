"""The Slack channel against the adapter contract, and what only Slack has (S1 … S14)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from aiohttp import web

from adapters.slack import Slack
from botkit.core.config.models import SecretRef, SlackChannel
from botkit.core.errors import (
    AdapterError,
    BadSignature,
    ChannelFatal,
    ChatGone,
    NotFound,
    SendFailed,
    SendUnknown,
    StoreError,
)
from botkit.core.events import Attachment, Conversation
from botkit.core.messages import Button, OutMessage, Part
from botkit.sdk.adapter import Adapter, HttpRequest
from botkit.testing.adapters import AdapterContract, Courier, Emulator, MemoryHost, Seen
from botkit.testing.slack import ApiError, FakeMessage, FakeRoom, FakeSlack, Fault

_BLOCK = re.compile(r"```[^\n`]*\n(.*?)\n?```", re.DOTALL)
_RINGS = re.compile(r"<(?:!|@[UW]|!subteam)[^>]*>")


class SlackEmulator(Emulator):
    """`FakeSlack` as the contract drives it."""

    inert_words = ("<!channel>", "<!here>", "<@U0002>")

    def __init__(self, fake: FakeSlack):
        self.fake = fake
        fake.person("Ada")
        fake.person("Bob")
        self.general = fake.channel("general")

    def adapter(self, host: MemoryHost, **settings: Any) -> Adapter:
        host.secrets |= {"BOT": self.fake.bot_token, "APP": self.fake.app_token, "SIGN": self.fake.signing_secret}
        settings = {"mode": "socket", "app_token": SecretRef(secret="APP"), **settings}
        settings = {"signing_secret": SecretRef(secret="SIGN"), **settings}
        config = SlackChannel(
            platform="slack",
            bot="helper",
            dm_policy="open",
            bot_token=SecretRef(secret="BOT"),
            api_base=self.fake.api_base,  # pyright: ignore[reportArgumentType]
            **settings,
        )
        return Slack("support", config, host)

    def mention(self) -> str:
        return "@Desk"

    def message(self, ts: str) -> FakeMessage:
        return next(message for message in self.fake.world.messages if message.ts == ts)

    async def say(self, text: str, *, who: str = "Ada", group: bool = False, reply_to: str = "") -> str:
        thread = self.message(reply_to) if reply_to else ""
        return self.fake.say(who, text, self.general if group else None, thread=thread).ts

    async def bot_says(self, text: str) -> None:
        self.fake.person("Robo", is_bot=True)
        self.fake.say("Robo", text, self.general)

    async def edit(self, message_id: str, text: str) -> None:
        self.fake.edit(self.message(message_id), text)

    async def send_file(self, data: bytes, *, kind: str = "file", name: str = "a.txt", claimed_bytes: int = 0) -> None:
        mime = {"voice": "audio/webm", "image": "image/png"}.get(kind, "text/plain")
        seconds = 2.5 if kind == "voice" else 0.0
        self.fake.send_file("Ada", data, name=name, mime=mime, size=claimed_bytes, voice_s=seconds)

    async def press(self, label: str, *, who: str = "Ada") -> None:
        message = next(m for m in reversed(self.fake.sent) if label in m.labels)
        self.fake.press(who, message, label)

    async def unsupported(self) -> None:
        self.fake.say("Ada", "", subtype="huddle_thread")

    async def malformed(self) -> None:
        self.fake.event({"type": "message", "channel": {"id": 5}, "text": ["\ud83d"]})

    async def redeliver(self) -> None:
        self.fake.redeliver()

    def expire_files(self) -> None:
        for file in self.fake.world.files.values():
            file.gone = True

    def seen(self) -> list[Seen]:
        return [self._seen(message) for message in self.fake.sent]

    @staticmethod
    def _seen(message: FakeMessage) -> Seen:
        text = message.shown.replace("**", "").replace("&lt;", "<")
        code = tuple(_BLOCK.findall(message.shown))
        return Seen(text, message.ts, message.room.id, tuple(message.labels), code)

    def previews(self) -> list[str]:
        return []

    def open_presses(self) -> int:
        return sum(delivery.kind == "interactive" for delivery in self.fake.outbox.unanswered)

    def requests(self) -> int:
        return len(self.fake.calls) + self.fake.outbox.connections

    def rate_limit(self, times: int, retry_after_s: int) -> None:
        self.fake.rate_limit(times, retry_after_s)

    def fail_after_effect(self) -> None:
        self.fake.fail("", applied=True, status=502)

    def drop_answer(self) -> None:
        self.fake.drop_after()

    def refuse_second_send(self) -> None:
        error = ApiError("ratelimited", status=429, retry_after=2)
        self.fake.faults.add(Fault("error", after=1, error=error))

    async def revoke_token(self) -> None:
        self.fake.revoke_token()

    async def go_offline(self) -> None:
        await self.fake.go_offline()

    async def come_back(self) -> None:
        await self.fake.come_back()


@pytest.fixture
async def fake(host: MemoryHost) -> AsyncIterator[FakeSlack]:
    async with FakeSlack(clock=host.clock) as server:
        yield server


@pytest.fixture
def emulator(fake: FakeSlack) -> SlackEmulator:
    return SlackEmulator(fake)


@pytest.fixture
def host() -> MemoryHost:
    return MemoryHost(public_url="https://bots.example.com")


@pytest.fixture
async def adapter(emulator: SlackEmulator, host: MemoryHost) -> AsyncIterator[Adapter]:
    adapter = emulator.adapter(host)
    await adapter.start()
    yield adapter
    await adapter.stop()


@pytest.fixture
def courier(adapter: Adapter, host: MemoryHost) -> Courier:
    return Courier(adapter, host.clock)


class TestContract(AdapterContract):
    @pytest.fixture
    def emulator(self, fake: FakeSlack) -> SlackEmulator:
        return SlackEmulator(fake)

    def rings(self, emulator: Emulator) -> list[str]:
        assert isinstance(emulator, SlackEmulator)
        texts = [text for message in emulator.fake.sent for text in (message.text, message.shown)]
        return [word for text in texts for word in _RINGS.findall(text)]


class PostedEmulator(SlackEmulator):
    """The same, with everything posted by Slack to a server in front of the adapter."""

    cannot = frozenset({"C4"})  # the contract holds the store and stops; a server would have a request open meanwhile

    def __init__(self, fake: FakeSlack):
        super().__init__(fake)
        self.current: Adapter | None = None

    def adapter(self, host: MemoryHost, **settings: Any) -> Adapter:
        host.public_url = "https://bots.example.com"
        self.current = super().adapter(host, mode="events", app_token=None, **settings)
        return self.current

    async def receive(self, request: web.Request) -> web.Response:
        """As the HTTP app does: 503 while nothing can be stored, 401 for a wrong signature."""
        inbound = HttpRequest(
            method=request.method,
            path=request.path,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
        )
        assert self.current is not None
        try:
            answer = await self.current.webhook(inbound)
        except StoreError:
            return web.Response(status=503)
        except BadSignature:
            return web.Response(status=401)
        return web.Response(status=answer.status, body=answer.body)


class TestContractByPost(TestContract):
    @pytest.fixture
    async def emulator(self, fake: FakeSlack) -> AsyncIterator[PostedEmulator]:
        emulator = PostedEmulator(fake)
        application = web.Application()
        application.router.add_post("/api/bots/webhook/slack/support", emulator.receive)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        fake.outbox.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/bots/webhook/slack/support"
        yield emulator
        await runner.cleanup()


def _conversation(room: FakeRoom, thread: str = "") -> Conversation:
    kind = "dm" if room.kind == "im" else "group"
    return Conversation(channel="support", room=room.id, thread=thread, kind=kind)


def _part(adapter: Adapter, room: FakeRoom, text: str, **more: Any) -> Part:
    where = _conversation(room, more.pop("thread", ""))
    return Part(id="p", conversation=where, payload=adapter.render(OutMessage(text=text), where)[0].payload, **more)


class TestReceiving:
    async def test_s1_a_mention_that_slack_tells_of_twice_is_one_event(
        self, fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        fake.say("Ada", "@Desk where is it?", emulator.general)
        await fake.wait_for(lambda: not fake.outbox.unanswered)
        assert [delivery.payload["event"]["type"] for delivery in fake.outbox.deliveries] == ["message", "app_mention"]
        assert [(event.text, event.addressed) for event in host.events] == [("@Desk where is it?", "mention")]
        assert len(host.repeats) == 1

    async def test_a_mention_opens_a_thread_and_the_thread_is_the_conversation(
        self, fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        asked = fake.say("Ada", "@Desk where is it?", emulator.general)
        event = await host.event(0)
        assert event.conversation.thread == asked.ts
        await courier.deliver(OutMessage(text="On its way."), event.conversation)
        assert fake.sent[0].thread_ts == asked.ts
        fake.say("Ada", "and when?", emulator.general, thread=asked)
        fake.say("Ada", "@Bob did you see that?", emulator.general, thread=asked)
        fake.say("Ada", "something else", emulator.general)
        await host.until(lambda: [e for e in host.events if e.text == "something else"])
        told = {e.text: (e.addressed, e.conversation.thread) for e in host.events if not e.sender.is_self}
        assert told["and when?"] == ("reply", asked.ts)
        assert told["@Bob did you see that?"] == ("none", asked.ts)
        assert told["something else"] == ("none", "")

    @pytest.mark.parametrize("how", ["from the events", "from the thread"])
    async def test_a_thread_is_known_after_a_restart(
        self, fake: FakeSlack, emulator: SlackEmulator, host: MemoryHost, how: str
    ) -> None:
        first = emulator.adapter(host)
        await first.start()
        asked = fake.say("Ada", "@Desk where is it?", emulator.general)
        event = await host.event(0)
        await Courier(first, host.clock).deliver(OutMessage(text="On its way."), event.conversation)
        await fake.wait_for(lambda: not fake.outbox.unanswered)
        await first.stop()
        if how == "from the thread":
            host.events.clear()
        second = emulator.adapter(host)
        await second.start()
        fake.say("Ada", "and when?", emulator.general, thread=asked)
        found = await host.until(lambda: [e for e in host.events if e.text == "and when?"])
        assert found[0].addressed == "reply"
        await second.stop()

    async def test_text_is_read_as_people_write_it(
        self, fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        said = fake.say("Ada", "x & y < z", emulator.general)
        text = "<@U0BOT> in <#C1|general>: <https://x.example/a|the order> <https://y.example> &amp; &lt;b&gt; <!here>"
        place = {"type": "message", "channel": "C1", "channel_type": "channel"}
        fake.event({**place, "user": said.sender.id, "ts": "5.1", "text": text})
        event = await host.until(lambda: next((e for e in host.events if e.message_id == "5.1"), None))
        assert event.text == "@Desk in #general: the order (https://x.example/a) https://y.example & <b> @here"
        assert host.events[0].text == "x & y < z"

    async def test_who_somebody_is_is_asked_once(self, fake: FakeSlack, adapter: Adapter, host: MemoryHost) -> None:
        for number in range(3):
            fake.say("Ada", str(number))
        event = await host.event(2)
        assert (event.sender.name, event.sender.timezone, event.sender.locale) == ("Ada", "Europe/Berlin", "en-US")
        assert len([call for call in fake.called("users.info") if call.args["user"] == event.sender.id]) == 1

    async def test_without_the_scope_people_have_no_names_and_are_heard(
        self, fake: FakeSlack, emulator: SlackEmulator, host: MemoryHost
    ) -> None:
        fake.fail("missing_scope", 100, method="users.info", needed="users:read")
        adapter = emulator.adapter(host)
        await adapter.start()
        fake.say("Ada", "hello")
        assert ((await host.event(0)).sender.name, host.events[0].text) == ("", "hello")
        await adapter.stop()

    async def test_s13_previews_deletions_notices_and_webhooks(
        self, fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        said = fake.say("Ada", "see https://example.com")
        fake.unfurl(said)
        fake.edit(said, "never mind")
        fake.unfurl(said)
        fake.delete(said)
        fake.say("Ada", "joined", emulator.general, subtype="channel_join")
        feed = {"subtype": "bot_message", "bot_id": "B77", "username": "Feed"}
        fake.event({"type": "message", "channel": "C1", "channel_type": "channel", "text": "news", "ts": "5.1", **feed})
        await host.event(4)
        assert [(e.kind, e.detail or e.target_id or e.text) for e in host.events] == [
            ("message", "see https://example.com"),
            ("edit", said.ts),
            ("delete", said.ts),
            ("unsupported", "service:channel_join"),
            ("message", "news"),
        ]
        assert host.events[-1].sender.is_bot

    @pytest.mark.parametrize(
        ("command", "text", "seen"),
        [
            ("/reset", "", ("command", "reset", "")),
            ("/desk", "reset now", ("command", "reset", "now")),
            ("/desk", "where is it?", ("message", "", "where is it?")),
        ],
    )
    async def test_commands_come_in_slacks_own_form(
        self,
        fake: FakeSlack,
        emulator: SlackEmulator,
        adapter: Adapter,
        host: MemoryHost,
        command: str,
        text: str,
        seen: tuple[str, str, str],
    ) -> None:
        fake.command("Ada", command, text, emulator.general)
        event = await host.event(0)
        assert (event.kind, event.command, event.text, event.addressed) == (*seen, "command")

    async def test_reactions_go_out_and_come_in(
        self, fake: FakeSlack, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        said = fake.say("Ada", "hello")
        where = (await host.event(0)).conversation
        for emoji, name in (("👀", "eyes"), ("✅", "white_check_mark"), ("", "")):
            await adapter.react(where, said.ts, emoji)
            assert [key for key, people in said.reactions.items() if people] == [key for key in (name,) if key]
        await courier.deliver(OutMessage(text="hi"), where)
        fake.react("Ada", fake.sent[0], "+1")
        event = await host.event(kind="reaction")
        assert (event.status, event.target_id) == ("👍", fake.sent[0].ts)

    async def test_a_file_elsewhere_is_not_loaded(self, adapter: Adapter) -> None:
        with pytest.raises(NotFound):
            async for _ in adapter.fetch(Attachment(kind="file", remote="http://169.254.169.254/latest/meta-data")):
                pass


class TestSocket:
    async def test_s8_a_request_to_reconnect_loses_nothing(
        self, fake: FakeSlack, adapter: Adapter, host: MemoryHost
    ) -> None:
        fake.outbox.ask_to_reconnect()
        for number in range(5):
            fake.say("Ada", str(number))
        await host.event(4)
        await fake.wait_for(lambda: fake.outbox.connections == 2 and not fake.outbox.unanswered)
        assert [event.text for event in host.events] == ["0", "1", "2", "3", "4"]
        assert host.state == "ok"

    async def test_a_socket_that_closes_again_and_again_is_opened_with_patience(
        self, fake: FakeSlack, adapter: Adapter, host: MemoryHost
    ) -> None:
        for number in range(3):
            fake.outbox.close()
            await host.until(lambda number=number: fake.outbox.connections >= number + 2, "another connection")
        assert any(health.state == "degraded" for health in host.health)
        await host.until(lambda: host.state == "ok", "health ok")

    async def test_what_was_not_answered_comes_again(self, fake: FakeSlack, adapter: Adapter, host: MemoryHost) -> None:
        host.gate = asyncio.Event()
        fake.say("Ada", "slowly")
        await asyncio.sleep(0.05)
        assert len(fake.outbox.unanswered) == 1
        host.gate.set()
        await fake.wait_for(lambda: not fake.outbox.unanswered)
        assert [event.text for event in host.events] == ["slowly"]

    async def test_socket_mode_switched_off_is_fatal(self, fake: FakeSlack, adapter: Adapter, host: MemoryHost) -> None:
        fake.outbox.ask_to_reconnect("link_disabled")
        await host.until(lambda: host.state == "fatal", "fatal health")
        assert "Socket Mode is switched off" in host.health[-1].detail

    async def test_an_app_token_without_its_scope_is_named(
        self, fake: FakeSlack, emulator: SlackEmulator, host: MemoryHost
    ) -> None:
        fake.fail("missing_scope", method="apps.connections.open", needed="connections:write")
        adapter = emulator.adapter(host)
        with pytest.raises(ChannelFatal, match="connections:write"):
            await adapter.start()
        await adapter.stop()

    async def test_a_start_without_network_keeps_trying(
        self, fake: FakeSlack, emulator: SlackEmulator, host: MemoryHost
    ) -> None:
        adapter = emulator.adapter(host)
        await fake.go_offline()
        await adapter.start()
        assert host.state == "degraded"
        await fake.come_back()
        await host.until(lambda: host.state == "ok", "health ok")
        fake.say("Ada", "hello")
        assert (await host.event(0)).text == "hello"
        await adapter.stop()


class TestPosts:
    """Signed requests, as the HTTP app hands them over."""

    @pytest.fixture
    async def posted(self, emulator: SlackEmulator, host: MemoryHost) -> AsyncIterator[Adapter]:
        adapter = emulator.adapter(host, mode="events", app_token=None)
        await adapter.start()
        yield adapter
        await adapter.stop()

    @staticmethod
    def _request(body: bytes, headers: dict[str, str], method: str = "POST") -> HttpRequest:
        return HttpRequest(method=method, path="/", headers=headers, body=body)

    async def test_s2_what_slack_posts_again_is_stored_once(
        self, fake: FakeSlack, posted: Adapter, host: MemoryHost
    ) -> None:
        fake.say("Ada", "hello")
        body, _ = fake.outbox.body_of(fake.outbox.deliveries[0])
        for number in range(3):
            again = {"x-slack-retry-num": str(number), "x-slack-retry-reason": "http_timeout"} if number else {}
            assert (await posted.webhook(self._request(body, {**fake.outbox.signed(body), **again}))).status == 200
        assert [event.text for event in host.events] == ["hello"]

    async def test_s3_s4_what_slack_did_not_sign_just_now_is_refused(
        self, fake: FakeSlack, posted: Adapter, host: MemoryHost
    ) -> None:
        body = b'{"type": "event_callback", "event": {"type": "message", "channel": "C1", "ts": "1.1"}}'
        good = fake.outbox.signed(body)
        now = int(host.clock.now().timestamp())
        wrong: list[dict[str, str]] = [
            {},
            {**good, "x-slack-signature": "v0=" + "0" * 64},
            {**good, "x-slack-signature": ""},
            {**good, "x-slack-request-timestamp": str(now + 1)},
            {**good, "x-slack-request-timestamp": "yesterday"},
            {**good, "x-slack-request-timestamp": ""},
            fake.outbox.signed(body, timestamp=str(now - 301)),
            fake.outbox.signed(body, timestamp=str(now + 301)),
            fake.outbox.signed(b"other"),
        ]
        for headers in wrong:
            with pytest.raises(BadSignature):
                await posted.webhook(self._request(body, headers))
        with pytest.raises(BadSignature):
            await posted.webhook(self._request(b"\xff\xfe", good))
        assert host.events == []

    async def test_without_a_signing_secret_nothing_is_taken(
        self, fake: FakeSlack, emulator: SlackEmulator, host: MemoryHost
    ) -> None:
        adapter = emulator.adapter(host, signing_secret=None)
        await adapter.start()
        with pytest.raises(BadSignature):
            await adapter.webhook(self._request(b"{}", fake.outbox.signed(b"{}")))
        await adapter.stop()

    async def test_s5_the_address_is_verified(self, fake: FakeSlack, posted: Adapter, host: MemoryHost) -> None:
        body = b'{"type": "url_verification", "challenge": "abc", "token": "x"}'
        answer = await posted.webhook(self._request(body, fake.outbox.signed(body)))
        assert (answer.status, answer.body) == (200, b"abc")
        assert host.events == []

    @pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"null", b"[" * 100_000])
    async def test_what_is_no_payload_is_400(self, fake: FakeSlack, posted: Adapter, body: bytes) -> None:
        assert (await posted.webhook(self._request(body, fake.outbox.signed(body)))).status == 400

    async def test_c18_a_body_of_ten_megabytes_is_413(self, posted: Adapter) -> None:
        assert (await posted.webhook(self._request(b" " * 10_000_000, {}))).status == 413

    async def test_without_a_public_address_it_says_so(self, emulator: SlackEmulator, host: MemoryHost) -> None:
        host.public_url = ""
        adapter = emulator.adapter(host, mode="events", app_token=None)
        with pytest.raises(ChannelFatal, match="BOTKIT_PUBLIC_URL"):
            await adapter.start()


class TestSending:
    async def test_a_part_that_arrived_is_found_and_one_that_did_not_is_not(
        self, fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        asked = fake.say("Ada", "@Desk where?", emulator.general)
        for thread in ("", asked.ts):
            part = _part(adapter, emulator.general, "once", thread=thread, created_at=host.clock.micros())
            assert await adapter.find(part) is None
            fake.drop_after()
            with pytest.raises(SendUnknown):
                await adapter.send(part)
            found = await adapter.find(part)
            assert found is not None
            assert found.message_id == fake.sent[-1].ts
            other = msgspec.structs.replace(part, id="another")
            assert await adapter.find(other) is None
            fake.delete(fake.sent[-1])

    async def test_files_are_uploaded_and_shown_in_the_thread(
        self, fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        host.files = {"a": b"1", "b": b"22"}
        files = tuple(Attachment(kind="file", name=f"{n}.csv", size_bytes=1, file_id=n) for n in "ab")
        asked = fake.say("Ada", "@Desk send them", emulator.general)
        where = _conversation(emulator.general, asked.ts)
        first, second = await courier.deliver(OutMessage(text="Here.", attachments=files), where)
        assert (first.state, second.state) == ("sent", "sent")
        assert [file.data for file in fake.sent[1].files] == [b"1", b"22"]
        assert fake.sent[1].thread_ts == asked.ts
        assert await adapter.find(second.part) is not None

    async def test_what_came_of_a_press_is_shown_to_who_pressed_once(
        self, fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        more = Button(label="More", value="", url="https://x.example")
        row = ((Button(label="Yes", value="y", style="primary"), more),)
        await courier.deliver(OutMessage(text="ok?", buttons=row), _conversation(emulator.general))
        fake.press("Ada", fake.sent[0], "Yes")
        event = await host.event(kind="action")
        await adapter.acknowledge(event, "Approved.")
        await adapter.acknowledge(event, "Approved.")
        assert [(m.text, m.seen_by) for m in fake.sent[1:]] == [("Approved.", fake.person("Ada").id)]

    async def test_s10_a_streamed_message_somebody_deleted_is_sent_anew(
        self, fake: FakeSlack, emulator: SlackEmulator, courier: Courier
    ) -> None:
        (first,) = await courier.deliver(OutMessage(text="one ▌"), _conversation(emulator.general))
        fake.delete(fake.sent[0])
        assert (await courier.send(first.part)).state == "sent"
        assert fake.texts() == ["one ▌"]

    async def test_a_late_edit_of_a_stream_does_not_replace_the_answer(
        self, fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter, courier: Courier
    ) -> None:
        (first,) = await courier.deliver(OutMessage(text="Let ▌"), _conversation(emulator.general))
        hold = fake.hold(method="chat.update")
        turn = asyncio.create_task(adapter.update(first.part, "Let me see ▌"))
        await hold.reached.wait()
        turn.cancel()
        final = asyncio.create_task(
            courier.send(_part(adapter, emulator.general, "Let me see: done.", message_id=first.part.message_id))
        )
        await asyncio.sleep(0.05)
        hold.release()
        assert (await final).state == "sent"
        assert fake.texts() == ["Let me see: done."]
        assert fake.sent[0].edits == ["Let ▌", "Let me see ▌"]

    async def test_s12_refused_blocks_go_out_as_text(self, fake: FakeSlack, adapter: Adapter, courier: Courier) -> None:
        fake.fail("invalid_blocks")
        message = OutMessage(text="**bold** & <b>")
        (outcome,) = await courier.deliver(message, _conversation(fake.dm("Ada")))
        assert outcome.state == "sent"
        assert (fake.sent[0].text, fake.sent[0].blocks) == ("bold &amp; &lt;b&gt;", [])

    async def test_a_decided_question_loses_its_buttons(
        self, fake: FakeSlack, adapter: Adapter, courier: Courier
    ) -> None:
        room = fake.dm("Ada")
        row = ((Button(label="Approve", value="y"), Button(label="Broken", value="")),)
        (asked,) = await courier.deliver(OutMessage(text="Refund?", buttons=row), _conversation(room))
        assert fake.sent[0].labels == ["Approve"]
        assert "▸ Broken" in fake.sent[0].shown
        decided = _part(adapter, room, "Refund? Approved.", edit_of="p1", message_id=asked.part.message_id)
        assert (await courier.send(decided)).state == "sent"
        assert (fake.sent[0].shown, fake.sent[0].labels) == ("Refund? Approved.", [])

    async def test_a_channel_that_is_archived_or_left_is_gone(
        self, fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter
    ) -> None:
        emulator.general.member = False
        with pytest.raises(ChatGone, match="not_in_channel"):
            await adapter.send(_part(adapter, emulator.general, "x"))
        emulator.general.archived = True
        with pytest.raises(ChatGone, match="is_archived"):
            await adapter.send(_part(adapter, emulator.general, "x"))

    async def test_a_missing_scope_is_named(self, fake: FakeSlack, adapter: Adapter) -> None:
        fake.fail("missing_scope", needed="chat:write")
        with pytest.raises(SendFailed, match="chat:write"):
            await adapter.send(_part(adapter, fake.dm("Ada"), "x"))

    async def test_no_error_shows_a_token(self, fake: FakeSlack, adapter: Adapter, host: MemoryHost) -> None:
        await fake.go_offline()
        with pytest.raises(AdapterError) as caught:
            await adapter.send(_part(adapter, fake.dm("Ada"), "x"))
        error: BaseException | None = caught.value
        while error is not None:
            assert "xoxb" not in repr(error)
            error = None if error.__suppress_context__ else (error.__cause__ or error.__context__)
        await host.until(lambda: host.state == "degraded")
        assert all("xapp" not in health.detail for health in host.health)
        await fake.come_back()
