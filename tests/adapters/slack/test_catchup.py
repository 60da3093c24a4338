"""What was written while the bot was away longer than Slack keeps trying."""

from __future__ import annotations

from botkit.testing.adapters import MemoryHost
from botkit.testing.slack import FakeSlack
from tests.adapters.slack.emulator import SlackEmulator


def forget(fake: FakeSlack) -> None:
    """Slack gives up what it could not deliver."""
    for delivery in fake.outbox.deliveries:
        delivery.answered = True


async def test_c31_what_was_missed_is_read_once_and_in_order(
    fake: FakeSlack, emulator: SlackEmulator, host: MemoryHost
) -> None:
    first = emulator.adapter(host)
    await first.start()
    asked = fake.say("Ada", "@Desk where is it?", emulator.general)
    fake.say("Bob", "hello")
    await host.event(1)
    await first.stop()
    for number in range(3):
        fake.say("Bob", f"missed {number}")
    fake.say("Ada", "in the thread", emulator.general, thread=asked)
    fake.say("Ada", "@Desk in the room", emulator.general)
    fake.person("Eve")
    fake.say("Eve", "from somebody new")  # Slack names no chat the bot never saw
    forget(fake)
    await host.clock.advance(3600)
    second = emulator.adapter(host)
    await second.start()
    await host.until(lambda: len(host.events) == 7)
    said = {who: [e.text for e in host.events if e.sender.name == who] for who in ("Ada", "Bob")}
    assert said["Bob"] == ["hello", "missed 0", "missed 1", "missed 2"]
    assert sorted(said["Ada"]) == ["@Desk in the room", "@Desk where is it?", "in the thread"]
    in_thread = next(event for event in host.events if event.text == "in the thread")
    assert in_thread.conversation.thread == asked.ts
    fake.say("Bob", "and now?")
    await host.until(lambda: len(host.events) == 8)
    await second.stop()
    third = emulator.adapter(host)
    await third.start()
    fake.say("Bob", "the end")
    await host.until(lambda: host.events[-1].text == "the end")
    assert len(host.events) == 9
    await third.stop()


async def test_c31_more_than_a_page_is_read_and_a_rate_limit_waited_out(
    fake: FakeSlack, emulator: SlackEmulator, host: MemoryHost
) -> None:
    first = emulator.adapter(host)
    await first.start()
    fake.say("Ada", "hello")
    await host.event(0)
    await first.stop()
    for number in range(250):
        fake.say("Ada", f"missed {number}")
    forget(fake)
    fake.rate_limit(2, 30, method="conversations.history")
    second = emulator.adapter(host)
    await second.start()
    assert host.state == "ok"
    fake.say("Ada", "just now")  # is heard at once, limit or not
    await host.until(lambda: len(host.events) == 252)
    missed = [event.text for event in host.events if event.text.startswith("missed")]
    assert missed == [f"missed {number}" for number in range(250)]
    await second.stop()


async def test_c31_a_room_that_cannot_be_read_is_left(
    fake: FakeSlack, emulator: SlackEmulator, host: MemoryHost
) -> None:
    first = emulator.adapter(host)
    await first.start()
    fake.say("Ada", "@Desk hello", emulator.general)
    fake.say("Bob", "hello")
    await host.event(1)
    await first.stop()
    fake.say("Bob", "missed")
    forget(fake)
    emulator.general.member = False
    second = emulator.adapter(host)
    await second.start()
    await host.until(lambda: host.events[-1].text == "missed")
    assert host.state == "ok"
    await second.stop()


async def test_c31_a_short_break_is_left_to_slack_and_a_long_one_is_not(
    fake: FakeSlack, emulator: SlackEmulator, host: MemoryHost
) -> None:
    adapter = emulator.adapter(host)
    await adapter.start()
    fake.say("Ada", "hello")
    await host.event(0)
    before = len(fake.called("conversations.history"))
    fake.ask_to_reconnect()
    await fake.wait_for(lambda: fake.outbox.connections == 2)
    assert len(fake.called("conversations.history")) == before
    await fake.go_offline()
    await host.until(lambda: host.state == "degraded")
    fake.say("Ada", "missed")
    forget(fake)
    await host.clock.advance(600)
    await fake.come_back()
    await host.until(lambda: host.events[-1].text == "missed")
    await adapter.stop()
