"""A person on Telegram and a bot behind the real engine, journal and outbox: what both of them see."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from botkit.testing.telegram import FakeTelegram
from tests.adapters.desks import TelegramDesk as Desk


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with Desk.open() as desk:
        yield desk


async def test_it_types_in_private_and_replies_in_a_group(desk: Desk) -> None:
    desk.fake.say("Ada", "hello")
    await desk.until(lambda: desk.fake.sent)
    assert {action["action"] for action in desk.fake.world.actions} == {"typing"}
    group = desk.fake.group()
    asked = desk.fake.say("Bob", "@desk_bot where is it?", group)
    await desk.until(lambda: len(desk.fake.sent) == 2)
    await desk.world.settle()
    answer = desk.fake.sent[-1]
    assert (answer.chat_id, answer.reply_to) == (group.id, asked.message_id)


async def test_an_answer_in_a_topic_stays_there(desk: Desk) -> None:
    forum = desk.fake.group("Forum", forum=True)
    topic = desk.fake.topic(forum, "Orders")
    desk.fake.say("Ada", "@desk_bot where?", forum, thread=topic)
    (answer,) = await desk.until(lambda: desk.fake.sent)
    assert answer.thread == topic


async def test_a_long_answer_arrives_whole_and_in_order_through_a_rate_limit(desk: Desk) -> None:
    desk.world.script.append("\n\n".join(f"{number} " + "word " * 700 for number in range(4)))
    desk.fake.rate_limit(2, retry_after=5)
    desk.fake.say("Ada", "tell me everything")
    for _ in range(2):
        await desk.until(lambda: desk.world.clock.sleepers)
    while len(desk.fake.sent) < 4:
        await desk.world.clock.advance(1)
        await desk.until(lambda: True)
    await desk.world.settle()
    assert [text[0] for text in desk.fake.texts()] == ["0", "1", "2", "3"]


async def test_a_private_answer_is_shown_as_a_draft_while_it_is_written(desk: Desk) -> None:
    desk.world.gate.clear()
    desk.world.script.append("This is a long enough beginning of an answer, and here is how it ends.")
    desk.fake.say("Ada", "tell me")
    await desk.world.asked()
    desk.world.gate.set()
    (answer,) = await desk.until(lambda: desk.fake.sent)
    await desk.world.settle()
    assert answer.text.endswith("how it ends.")
    assert answer.edits == []
    assert [draft.text for draft in desk.fake.draft_history if not answer.text.startswith(draft.text)] == []
    assert desk.fake.draft_history
    assert desk.fake.drafts == []


async def test_an_answer_in_a_group_is_one_message_that_grows(desk: Desk) -> None:
    desk.world.gate.clear()  # after the first word, which is long enough to be shown
    desk.world.script.append("A-beginning-that-is-long-enough, and here is how it ends.")
    desk.fake.say("Ada", "@desk_bot tell me", desk.fake.group())
    (begun,) = await desk.until(lambda: desk.fake.sent)
    assert begun.text == "A-beginning-that-is-long-enough, ▌"
    desk.world.gate.set()
    await desk.until(lambda: desk.fake.sent[0].text.endswith("how it ends."))
    await desk.world.settle()
    (answer,) = desk.fake.sent
    assert answer.edits[0].endswith("▌")


async def test_a_bot_that_was_blocked_writes_nothing_and_says_so(desk: Desk) -> None:
    desk.world.gate.clear()
    desk.fake.say("Ada", "hello")
    await desk.world.asked()
    desk.fake.block("Ada")
    desk.world.gate.set()
    await desk.world.settle()
    (part,) = await desk.world.parts("failed")
    assert part.error.startswith("chat_gone")


async def test_a_lost_answer_is_held_for_the_operator_and_not_repeated(desk: Desk) -> None:
    desk.fake.drop_after()
    desk.fake.say("Ada", "hello")
    await desk.until(lambda: desk.fake.sent)
    await desk.world.settle()
    (part,) = await desk.world.parts("unknown")
    assert part.text == "You said: hello"
    assert desk.fake.texts() == ["You said: hello"]


def _receipts(fake: FakeTelegram, *numbers: int) -> None:
    for number in numbers:
        caption = "my receipts" if number == 1 else ""
        fake.send_file("Ada", b"%d" % number, kind="photo", name=f"{number}.jpg", album="g1", caption=caption)


async def _stored(desk: Desk, count: int) -> None:
    await desk.until(lambda: len(desk.fake.queue.pending) == 0)
    assert len(await desk.world.ports.records.inbox(limit=10)) == count


async def test_t13_an_album_is_answered_as_one_message(desk: Desk) -> None:
    _receipts(desk.fake, 1, 2)
    await _stored(desk, 2)
    await desk.world.clock.advance(0.9)
    _receipts(desk.fake, 3)
    await _stored(desk, 3)
    await desk.world.clock.advance(0.5)
    assert desk.world.model.requests == []
    await desk.world.clock.advance(0.5)
    await desk.until(lambda: desk.fake.sent)
    await desk.world.settle()
    (run,) = await desk.world.runs()
    assert (run.input["text"], len(run.input["attachments"])) == ("my receipts", 3)
    assert len(desk.fake.sent) == 1


async def test_an_album_cut_by_a_crash_is_still_one_message(desk: Desk) -> None:
    _receipts(desk.fake, 1, 2)
    await _stored(desk, 2)
    await desk.crash()
    await desk.world.clock.advance(30)
    await desk.start()
    await desk.world.clock.advance(3)
    _receipts(desk.fake, 3)
    await _stored(desk, 3)
    assert desk.world.model.requests == []
    await desk.world.clock.advance(8)
    await desk.until(lambda: desk.fake.sent)
    await desk.world.settle()
    (run,) = await desk.world.runs()
    assert (run.input["text"], len(run.input["attachments"])) == ("my receipts", 3)


async def test_what_the_bot_cannot_read_is_answered_once_and_recorded(desk: Desk) -> None:
    desk.fake.send_other("Ada", "dice", {"emoji": "🎲", "value": 3})
    await desk.until(lambda: desk.fake.sent)
    await desk.world.settle()
    assert desk.fake.texts() == [
        "I cannot read this kind of message (dice). Please tell me in words, or send a picture or a file."
    ]
    assert "unreadable: dice (said so)" in await desk.world.outcomes()
    desk.fake.send_other("Ada", "dice", {"emoji": "🎲", "value": 3}, desk.fake.group())
    desk.fake.say("Ada", "hello")
    await desk.until(lambda: len(desk.fake.sent) == 2)
    await desk.world.settle()
    assert desk.fake.texts()[1:] == ["You said: hello"]
