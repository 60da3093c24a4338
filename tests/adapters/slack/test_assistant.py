"""Threads with the assistant: what they offer, what they show while the bot works, and the stop button."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from botkit.core.messages import OutMessage, Part
from botkit.sdk.adapter import Adapter
from botkit.testing.adapters import Courier, MemoryHost
from botkit.testing.slack import FakeSlack
from tests.adapters.slack.emulator import SlackEmulator, conversation_of


@pytest.fixture
async def adapter(emulator: SlackEmulator, host: MemoryHost) -> AsyncIterator[Adapter]:
    adapter = emulator.adapter(host, suggested_prompts=("Where is my order?", "I want my money back. " * 5))
    await adapter.start()
    yield adapter
    await adapter.stop()


async def test_a_new_thread_offers_questions_and_is_named_after_the_first(
    fake: FakeSlack, adapter: Adapter, host: MemoryHost
) -> None:
    root = fake.open_assistant("Ada")
    event = await host.event(kind="thread_started")
    assert (event.conversation.thread, event.conversation.kind, event.sender.name) == (root.ts, "dm", "Ada")
    await fake.wait_for(lambda: root.prompts)
    assert root.prompts[0] == "Where is my order?"
    (offered,) = fake.called("assistant.threads.setSuggestedPrompts")
    assert [len(prompt["title"]) for prompt in offered.args["prompts"]] == [18, 60]
    for text in ("Where is the parcel with the very long name that I ordered on Monday?\nPlease!", "and when?"):
        fake.say("Ada", text, root.room, thread=root)
    await fake.wait_for(lambda: root.title)
    assert (await host.event(1, "message")).conversation.thread == root.ts
    assert root.title == "Where is the parcel with the very long name that I ordered…"
    fake.say("Ada", "not in a thread")
    await host.event(2, "message")
    assert len(fake.called("assistant.threads.setTitle")) == 1


async def test_each_thread_is_a_conversation_and_what_else_one_looks_at_is_noted(
    fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter, host: MemoryHost
) -> None:
    first, second = fake.open_assistant("Ada"), fake.open_assistant("Ada")
    fake.look_at("Ada", first, emulator.general)
    for root in (first, second):
        fake.say("Ada", "hello", root.room, thread=root)
    await host.event(1, "message")
    assert len({event.conversation.key for event in host.of_kind("message")}) == 2
    assert {event.addressed for event in host.of_kind("message")} == {"dm"}
    (noted,) = host.of_kind("unsupported")
    assert (noted.detail, noted.addressed) == ("service:assistant_thread_context_changed", "none")


async def test_a_thread_shows_that_the_bot_works_until_it_answers(
    fake: FakeSlack, adapter: Adapter, host: MemoryHost, courier: Courier
) -> None:
    root = fake.open_assistant("Ada")
    place = conversation_of(root.room, root.ts)
    await adapter.typing(place)
    assert root.status == "processing"
    await courier.deliver(OutMessage(text="Here."), place)
    assert root.status == "active"
    await courier.deliver(OutMessage(text="And there."), place)
    assert len(fake.called("agents.sessions.setStatus")) == 2


async def test_the_end_of_a_stream_ends_the_session_with_it(fake: FakeSlack, adapter: Adapter) -> None:
    root = fake.open_assistant("Ada")
    place = conversation_of(root.room, root.ts)
    await adapter.typing(place)
    first = OutMessage(text="Here is what ", streaming=True, asked_by=fake.person("Ada").id)
    begun = await adapter.send(Part(id="p", conversation=place, payload=adapter.render(first, place)[0].payload))
    final = adapter.render(OutMessage(text="Here is what I know."), place)[0]
    await adapter.send(Part(id="p", conversation=place, payload=final.payload, message_id=begun.message_id))
    assert root.status == "active"
    assert len(fake.called("agents.sessions.setStatus")) == 1


async def test_a_stop_button_does_not_stay_because_of_a_rate_limit(
    fake: FakeSlack, adapter: Adapter, host: MemoryHost, courier: Courier
) -> None:
    root = fake.open_assistant("Ada")
    place = conversation_of(root.room, root.ts)
    await adapter.typing(place)
    fake.rate_limit(2, 30, method="agents.sessions.setStatus")
    (outcome,) = await courier.deliver(OutMessage(text="Here."), place)
    assert (outcome.state, root.status) == ("sent", "processing")
    await host.until(lambda: root.status == "active")
    assert host.clock.monotonic() >= 60


async def test_an_app_that_is_no_agent_has_a_line_of_text(
    fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter, courier: Courier
) -> None:
    fake.methods.streams.is_agent = False
    asked = fake.say("Ada", "@Desk where?", emulator.general)
    place = conversation_of(emulator.general, asked.ts)
    for _ in range(2):
        await adapter.typing(place)
        assert asked.status == "is thinking…"
        await courier.deliver(OutMessage(text="Here."), place)
        assert asked.status == ""
    assert len(fake.called("agents.sessions.setStatus")) == 1


async def test_outside_of_threads_the_message_that_is_answered_carries_a_reaction(
    fake: FakeSlack, adapter: Adapter, host: MemoryHost, courier: Courier
) -> None:
    place = conversation_of(fake.dm("Ada"))
    await adapter.typing(place)  # nobody said anything yet
    for text in ("hello", "and again"):
        said = fake.say("Ada", text)
        await host.until(lambda ts=said.ts: [event for event in host.events if event.message_id == ts])
        for _ in range(2):
            await adapter.typing(place)
        assert said.reactions == {"eyes": {fake.world.app.id}}
        await courier.deliver(OutMessage(text="Here."), place)
        assert said.reactions == {"eyes": set()}
    assert len(fake.called("reactions.add")) == 2
    assert not fake.called("agents.sessions.setStatus")


async def test_a_reaction_that_a_crash_left_is_taken_away_with_the_answer(
    fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter, host: MemoryHost
) -> None:
    place = conversation_of(fake.dm("Ada"))
    said = fake.say("Ada", "hello")
    await host.event(0)
    await adapter.typing(place)
    await adapter.stop()
    second = emulator.adapter(host)
    await second.start()
    await second.typing(place)  # as the turn that goes on does
    await Courier(second, host.clock).deliver(OutMessage(text="Here."), place)
    assert said.reactions == {"eyes": set()}
    await second.stop()


async def test_a_late_status_does_not_outlive_the_answer(fake: FakeSlack, adapter: Adapter, courier: Courier) -> None:
    fake.methods.streams.is_agent = False
    root = fake.open_assistant("Ada")
    place = conversation_of(root.room, root.ts)
    hold = fake.hold(method="assistant.threads.setStatus")
    typing = asyncio.create_task(adapter.typing(place))
    await hold.reached.wait()
    typing.cancel()
    answer = asyncio.create_task(courier.deliver(OutMessage(text="Here."), place))
    await asyncio.sleep(0.05)
    hold.release()
    await answer
    assert root.status == ""


async def test_the_stop_button_is_an_event_of_its_thread(fake: FakeSlack, adapter: Adapter, host: MemoryHost) -> None:
    root = fake.open_assistant("Ada")
    await adapter.typing(conversation_of(root.room, root.ts))
    fake.stop("Ada", root)
    event = await host.event(kind="stop_generation")
    assert (event.conversation.thread, event.sender.name) == (root.ts, "Ada")


async def test_what_slack_refuses_here_disturbs_nothing(
    fake: FakeSlack, adapter: Adapter, host: MemoryHost, courier: Courier
) -> None:
    for method in ("setSuggestedPrompts", "setTitle", "setStatus"):
        fake.fail("internal_error", 9, method=f"assistant.threads.{method}")
    fake.fail("ratelimited", 9, method="agents.sessions.setStatus")
    root = fake.open_assistant("Ada")
    fake.say("Ada", "hello", root.room, thread=root)
    await host.event(kind="message")
    place = conversation_of(root.room, root.ts)
    await adapter.typing(place)
    (outcome,) = await courier.deliver(OutMessage(text="Here."), place)
    assert outcome.state == "sent"
