"""What people do on Slack, as events."""

from __future__ import annotations

import pytest

from botkit.core.errors import (
    NotFound,
)
from botkit.core.events import Attachment
from botkit.core.messages import OutMessage
from botkit.sdk.adapter import Adapter
from botkit.testing.adapters import Courier, MemoryHost
from botkit.testing.slack import FakeSlack
from tests.adapters.slack.emulator import SlackEmulator


class TestReceiving:
    async def test_s1_a_mention_that_slack_tells_of_twice_is_one_event(
        self, fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        fake.say("Ada", "@Desk where is it?", emulator.general)
        await fake.wait_for(lambda: not fake.outbox.unanswered)
        assert [delivery.payload["event"]["type"] for delivery in fake.outbox.deliveries] == ["message", "app_mention"]
        assert [(event.text, event.addressed) for event in host.events] == [("@Desk where is it?", "mention")]
        assert len(host.repeats) == 1

    async def test_a_mention_opens_a_thread_and_the_thread_is_theconversation_of(
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

    async def test_its_own_reactions_are_no_events(self, fake: FakeSlack, adapter: Adapter, host: MemoryHost) -> None:
        said = fake.say("Ada", "hello")
        fake.react(fake.world.app, said, "eyes")
        fake.react("Bob", said, "eyes")
        event = await host.event(kind="reaction")
        assert event.sender.name == "Bob"
