"""A person on Discord and a bot behind the real engine, journal and outbox: what both of them see."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.adapters.desks import DiscordDesk as Desk


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with Desk.open() as desk:
        yield desk


async def test_it_types_in_private_and_replies_in_a_server(desk: Desk) -> None:
    desk.fake.say("Ada", "hello")
    await desk.until(lambda: desk.fake.sent)
    assert set(desk.fake.world.typing) == {desk.fake.dm("Ada").id}
    asked = desk.fake.say("Bob", "@Desk where is it?", desk.general)
    await desk.until(lambda: len(desk.fake.sent) == 2)
    await desk.world.settle()
    answer = desk.fake.sent[-1]
    assert (answer.channel_id, answer.reply_to, answer.rang) == (desk.general.id, asked.id, [])


async def test_an_answer_in_a_thread_stays_there_and_its_talk_is_its_own(desk: Desk) -> None:
    thread = desk.fake.thread(desk.general, "Order 7")
    desk.fake.say("Ada", "@Desk where?", thread)
    desk.fake.say("Ada", "@Desk and here?", desk.general)
    await desk.until(lambda: len(desk.fake.sent) == 2)
    await desk.world.settle()
    assert {message.channel_id for message in desk.fake.sent} == {thread.id, desk.general.id}
    assert len({run.lane for run in await desk.world.runs()}) == 2


async def test_an_answer_is_one_message_that_grows(desk: Desk) -> None:
    desk.world.gate.clear()  # after the first word, which is long enough to be shown
    desk.world.script.append("A-beginning-that-is-long-enough, and here is how it ends.")
    desk.fake.say("Ada", "tell me")
    (begun,) = await desk.until(lambda: desk.fake.sent)
    assert begun.content == "A-beginning-that-is-long-enough, ▌"
    desk.world.gate.set()
    await desk.until(lambda: desk.fake.sent[0].content.endswith("how it ends."))
    await desk.world.settle()
    (answer,) = desk.fake.sent
    assert answer.edits[0].endswith("▌")


async def test_a_slash_command_is_answered_in_its_place(desk: Desk) -> None:
    desk.fake.command("Ada", "whoami", desk.general)
    (answer,) = await desk.until(lambda: desk.fake.sent)
    await desk.world.settle()
    assert answer.content.startswith("You are **Ada**")
    assert (answer.seen_by, desk.fake.thinking) == (desk.fake.user("Ada").id, [])


async def test_an_answer_whose_arrival_nobody_confirmed_is_one_message(desk: Desk) -> None:
    desk.fake.drop_after()
    desk.fake.say("Ada", "hello")
    await desk.until(lambda: desk.fake.sent)
    while not await desk.world.parts("sent"):
        await desk.world.clock.advance(1)
    await desk.world.settle()
    assert desk.fake.texts() == ["You said: hello"]
    (part,) = await desk.world.parts("sent")
    assert part.message_id == str(desk.fake.sent[0].id)


@pytest.mark.parametrize("down_s", [1, 3600])
async def test_a_crash_before_the_answer_was_confirmed_leaves_one_message(desk: Desk, down_s: int) -> None:
    hold = desk.fake.hold(path="POST /channels/.*/messages$")
    desk.configure(stream=False)
    desk.fake.say("Ada", "hello")
    await hold.reached.wait()
    await desk.crash()
    hold.release()
    await desk.until(lambda: desk.fake.sent)
    await desk.world.clock.advance(down_s)
    await desk.start()
    await desk.world.settle()
    assert desk.fake.texts() == ["You said: hello"]
    assert await desk.world.parts("unknown") == []


async def test_what_was_asked_while_the_bot_was_down_is_answered_when_it_is_back(desk: Desk) -> None:
    desk.fake.say("Ada", "hello")
    await desk.until(lambda: desk.fake.sent)
    await desk.world.settle()
    await desk.crash()
    desk.fake.gateway.forget_sessions()
    desk.fake.say("Ada", "anybody there?")
    await desk.start()
    await desk.until(lambda: len(desk.fake.sent) == 2)
    await desk.world.settle()
    assert desk.fake.texts() == ["You said: hello", "You said: anybody there?"]


async def test_a_poll_is_answered_politely(desk: Desk) -> None:
    desk.fake.say("Ada", "", extra={"poll": {"question": {"text": "Lunch?"}}})
    (answer,) = await desk.until(lambda: desk.fake.sent)
    assert "(poll)" in answer.content
