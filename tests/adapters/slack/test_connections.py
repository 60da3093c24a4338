"""By socket and by signed posts: what is lost, refused and repeated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.slack import Slack, sockets
from botkit.core.errors import (
    BadSignature,
    ChannelFatal,
)
from botkit.sdk.adapter import Adapter, HttpRequest
from botkit.testing.adapters import MemoryHost
from botkit.testing.slack import FakeSlack
from tests.adapters.slack.emulator import SlackEmulator


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

    async def test_s9_a_half_open_socket_is_noticed_by_its_pings(
        self, fake: FakeSlack, emulator: SlackEmulator, host: MemoryHost, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sockets, "HEARTBEAT_S", 0.05)
        adapter = emulator.adapter(host)
        await adapter.start()
        fake.freeze()
        fake.say("Ada", "does anybody hear me?")
        await host.until(lambda: host.state == "degraded" or fake.outbox.connections > 1)
        fake.thaw()
        event = await host.event(0)
        assert event.text == "does anybody hear me?"
        assert fake.outbox.connections > 1
        await adapter.stop()

    async def test_s14_two_workspaces_with_the_same_ids_are_kept_apart(
        self, fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        other_host = MemoryHost(clock=host.clock, public_url=host.public_url)
        async with FakeSlack(clock=host.clock, team="T02") as other_fake:
            other_emulator = SlackEmulator(other_fake)
            other = Slack(
                "sales",
                adapter.config.model_copy(update={"api_base": other_fake.api_base}),
                emulator.knows_secrets(other_host),
            )
            await other.start()
            assert (emulator.general.id, fake.person("Ada").id) == (
                other_emulator.general.id,
                other_fake.person("Ada").id,
            )
            one = fake.say("Ada", "@Desk here", emulator.general)
            two = other_fake.say("Ada", "@Desk there", other_emulator.general)
            assert one.ts == two.ts
            here, there = await host.event(0), await other_host.event(0)
            assert (here.text, there.text) == ("@Desk here", "@Desk there")
            assert here.conversation.key != there.conversation.key
            await other.stop()

    async def test_s14_an_event_of_another_workspace_goes_to_its_own_channel(
        self, fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        """One app in two workspaces: Slack spreads its events over all connections, whose they are or not."""
        other_host = MemoryHost(clock=host.clock, public_url=host.public_url)
        fake.world.team = "T02"
        other = Slack("sales", adapter.config, emulator.knows_secrets(other_host))
        await other.start()
        fake.say("Ada", "for sales")
        fake.command("Ada", "/desk", "status")
        await fake.wait_for(lambda: not fake.outbox.unanswered)
        assert [event.text or event.command for event in other_host.events] == ["for sales", "status"]
        fake.world.team = "T01"
        fake.say("Ada", "for support")
        assert (await host.event(0)).text == "for support"
        await other.stop()
        fake.world.team = "T02"
        fake.say("Ada", "nobody there")
        assert (await host.event(1)).text == "nobody there"


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

    async def test_s3_s4_c17_what_slack_did_not_sign_just_now_is_refused(
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
