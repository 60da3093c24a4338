"""A person on Slack and a bot behind the real engine, journal and outbox: what both of them see."""

from __future__ import annotations

import pytest

from botkit.testing.slack import FakeMessage
from tests.adapters.desks import SlackDesk
from tests.engine.support import a_config


async def test_c1_a_private_message_is_answered_once_also_when_it_comes_twice(desk: SlackDesk) -> None:
    desk.fake.say("Ada", "hello")
    await desk.until(lambda: desk.fake.sent)
    desk.fake.redeliver()
    desk.fake.say("Ada", "and now?")
    await desk.until(lambda: len(desk.fake.sent) == 2)
    await desk.world.settle()
    assert desk.fake.texts() == ["You said: hello", "You said: and now?"]


async def test_c9_a_mention_is_answered_in_its_thread_and_the_talk_goes_on_there(desk: SlackDesk) -> None:
    desk.fake.say("Ada", "lunch?", desk.general)
    asked = desk.fake.say("Bob", "@Desk where is it?", desk.general)
    await desk.until(lambda: desk.fake.sent)
    await desk.world.settle()
    desk.fake.say("Bob", "and when?", desk.general, thread=asked)
    await desk.until(lambda: len(desk.fake.sent) == 2)
    await desk.world.settle()
    assert {message.thread_ts for message in desk.fake.sent} == {asked.ts}
    assert desk.fake.texts() == ["You said: Bob: @Desk where is it?", "You said: Bob: and when?"]
    assert len({run.lane for run in await desk.world.runs()}) == 1
    assert "ignored: not addressed" in await desk.world.outcomes()


async def test_c27_an_answer_is_one_message_that_grows(desk: SlackDesk) -> None:
    desk.world.gate.clear()  # after the first word, which is long enough to be shown
    desk.world.script.append("A-beginning-that-is-long-enough, and here is how it ends.")
    desk.fake.say("Ada", "tell me")
    (begun,) = await desk.until(lambda: desk.fake.sent)
    assert begun.shown == "A-beginning-that-is-long-enough, ▌"
    desk.world.gate.set()
    await desk.until(lambda: desk.fake.sent[0].shown.endswith("how it ends."))
    await desk.world.settle()
    (answer,) = desk.fake.sent
    assert answer.edits[0].endswith("▌")


async def test_a_command_is_answered_to_who_used_it(desk: SlackDesk) -> None:
    desk.fake.command("Ada", "/desk", "whoami", desk.general)
    (answer,) = await desk.until(lambda: desk.fake.sent)
    await desk.world.settle()
    assert answer.shown.startswith("You are **Ada**")
    assert answer.seen_by == desk.fake.person("Ada").id
    assert desk.fake.responses.answered == 1


async def test_c25_an_answer_whose_arrival_nobody_confirmed_is_looked_up(desk: SlackDesk) -> None:
    desk.fake.drop_after()
    desk.fake.say("Ada", "hello")
    await desk.until(lambda: desk.fake.sent)
    while not await desk.world.parts("sent"):
        await desk.world.clock.advance(1)
    await desk.world.settle()
    assert desk.fake.texts() == ["You said: hello"]
    (part,) = await desk.world.parts("sent")
    assert part.message_id == desk.fake.sent[0].ts


@pytest.mark.parametrize("arrives", [True, False])
async def test_c25_a_crash_before_the_answer_is_confirmed_leaves_one(desk: SlackDesk, *, arrives: bool) -> None:
    hold = desk.fake.hold(method="chat.postMessage")
    desk.world.config = a_config(channel=desk.channel, bot={"stream": False})
    desk.fake.say("Ada", "hello")
    await hold.reached.wait()
    if not arrives:
        desk.fake.drop_before(method="chat.postMessage")
        hold.released.set()
        await desk.until(lambda: desk.fake.called("chat.postMessage"))
    await desk.crash()
    hold.release()
    if arrives:
        await desk.until(lambda: desk.fake.sent)
    await desk.world.clock.advance(3600)
    await desk.start()
    await desk.until(lambda: desk.fake.sent)
    await desk.world.settle()
    assert desk.fake.texts() == ["You said: hello"]
    assert await desk.world.parts("unknown") == []


async def test_c31_what_was_asked_while_the_bot_was_down_is_answered_when_it_is_back(desk: SlackDesk) -> None:
    await desk.crash()
    desk.fake.say("Ada", "anybody there?")
    await desk.start()
    await desk.until(lambda: desk.fake.sent)
    await desk.world.settle()
    assert desk.fake.texts() == ["You said: anybody there?"]


async def _begun_in_a_thread(desk: SlackDesk) -> tuple[FakeMessage, FakeMessage]:
    """A mention, and the answer to it of which the first words are shown."""
    desk.world.gate.clear()
    desk.world.script.append("A-beginning-that-is-long-enough, and here is how it ends.")
    asked = desk.fake.say("Ada", "@Desk tell me", desk.general)
    (begun,) = await desk.until(lambda: desk.fake.sent)
    assert (begun.shown, begun.streaming_since > 0) == ("A-beginning-that-is-long-enough,", True)
    assert asked.status == "processing"
    return asked, begun


async def test_c27_an_answer_in_a_thread_is_a_stream_for_who_asked(desk: SlackDesk) -> None:
    asked, begun = await _begun_in_a_thread(desk)
    desk.world.gate.set()
    await desk.until(lambda: begun.shown.endswith("how it ends."))
    await desk.world.settle()
    assert desk.fake.sent == [begun]
    assert (begun.streaming_since, asked.status) == (0.0, "active")
    (started,) = desk.fake.called("chat.startStream")
    assert started.args["recipient_user_id"] == asked.sender.id
    assert not [edit for edit in begun.edits if "▌" in edit]


async def _is_sent(desk: SlackDesk) -> bool:
    return bool(await desk.world.parts("sent"))


@pytest.mark.parametrize("expired", [True, False])
async def test_s10_a_crash_amid_a_stream_ends_in_the_same_message(desk: SlackDesk, *, expired: bool) -> None:
    _, begun = await _begun_in_a_thread(desk)
    await desk.world.until(lambda: _is_sent(desk))
    await desk.crash()
    if expired:
        await desk.world.clock.advance(400)
    desk.world.script.append("A-beginning-that-is-long-enough, and here is how it ends.")
    desk.world.gate.set()
    await desk.start()
    await desk.until(lambda: begun.shown.endswith("how it ends."))
    await desk.world.settle()
    assert desk.fake.sent == [begun]
    assert begun.streaming_since == 0


async def test_s10_a_crash_before_the_start_of_a_stream_was_confirmed_leaves_one_message(desk: SlackDesk) -> None:
    hold = desk.fake.hold(method="chat.startStream")
    desk.world.gate.clear()
    desk.world.script.append("A-beginning-that-is-long-enough, and here is how it ends.")
    desk.fake.say("Ada", "@Desk tell me", desk.general)
    await hold.reached.wait()
    await desk.crash()
    hold.release()
    (begun,) = await desk.until(lambda: desk.fake.sent)
    desk.world.script.append("A-beginning-that-is-long-enough, and here is how it ends.")
    desk.world.gate.set()
    await desk.start()
    await desk.until(lambda: begun.shown.endswith("how it ends."))
    await desk.world.settle()
    assert desk.fake.sent == [begun]


async def test_c27_the_stop_button_stops_the_model_and_keeps_what_was_said(desk: SlackDesk) -> None:
    asked, begun = await _begun_in_a_thread(desk)
    desk.fake.stop("Ada", asked)
    await desk.until(lambda: begun.edits)
    await desk.world.settle()
    assert begun.shown.startswith("A-beginning-that-is-long-enough,")
    assert "how it ends" not in begun.shown
    assert [run.state for run in await desk.world.runs()] == ["cancelled"]
    assert desk.fake.sent == [begun]


async def test_c3_what_was_acknowledged_is_answered_after_a_crash(desk: SlackDesk) -> None:
    desk.world.gate.clear()
    desk.fake.say("Ada", "hello")
    await desk.until(lambda: not desk.fake.outbox.unanswered)
    await desk.world.asked()
    await desk.crash()
    desk.world.gate.set()
    await desk.start()
    await desk.until(lambda: desk.fake.sent)
    await desk.world.settle()
    assert desk.fake.texts() == ["You said: hello"]


async def test_c4_slack_need_not_wait_for_a_slow_answer(desk: SlackDesk) -> None:
    desk.world.config = a_config(channel=desk.channel, bot={"stream": True, "timeout_s": 120})
    desk.world.gate.clear()
    said = desk.fake.say("Ada", "hello")
    await desk.until(lambda: not desk.fake.outbox.unanswered)
    await desk.world.asked()
    await desk.until(lambda: said.reactions.get("eyes"))  # a person sees that it works
    await desk.world.clock.advance(60)
    desk.fake.redeliver()
    desk.world.gate.set()
    await desk.until(lambda: desk.fake.sent)
    await desk.world.settle()
    assert desk.fake.texts() == ["You said: hello"]
    assert not said.reactions["eyes"]


async def test_c5_each_conversation_keeps_its_order(desk: SlackDesk) -> None:
    for number in range(4):
        for who in ("Ada", "Bob"):
            desk.fake.say(who, f"{who} {number}")
    await desk.until(lambda: len(desk.fake.sent) == 8)
    await desk.world.settle()
    for who in ("Ada", "Bob"):
        room = desk.fake.dm(who)
        heard = [message.shown for message in desk.fake.sent if message.room is room]
        assert heard == [f"You said: {who} {number}" for number in range(4)]


async def test_c6_c7_c8_itself_other_bots_and_talk_between_people_are_not_answered(desk: SlackDesk) -> None:
    desk.fake.say(desk.fake.person("Robo", is_bot=True), "beep", desk.general)
    desk.fake.say("Ada", "lunch?", desk.general)
    desk.fake.say("Ada", "hello")
    await desk.until(lambda: desk.fake.sent and not desk.fake.outbox.unanswered)
    await desk.world.settle()
    assert desk.fake.texts() == ["You said: hello"]
    assert len(await desk.world.runs()) == 1


async def test_c10_an_edit_changes_what_is_not_answered_yet_and_nothing_else(desk: SlackDesk) -> None:
    desk.world.gate.clear()
    first = desk.fake.say("Ada", "one")
    await desk.world.asked()
    second = desk.fake.say("Ada", "two")
    desk.fake.edit(second, "two, corrected")
    desk.fake.edit(first, "one, too late")
    await desk.until(lambda: not desk.fake.outbox.unanswered)
    desk.world.gate.set()
    await desk.until(lambda: len(desk.fake.sent) == 2)
    await desk.world.settle()
    assert desk.fake.texts() == ["You said: one", "You said: two, corrected"]


async def test_c11_what_was_deleted_is_not_answered(desk: SlackDesk) -> None:
    desk.world.gate.clear()
    desk.fake.say("Ada", "one")
    await desk.world.asked()
    second = desk.fake.say("Ada", "two")
    desk.fake.delete(second)
    await desk.until(lambda: not desk.fake.outbox.unanswered)
    desk.world.gate.set()
    await desk.until(lambda: desk.fake.sent)
    await desk.world.settle()
    assert desk.fake.texts() == ["You said: one"]
    assert "deleted before the turn" in await desk.world.outcomes()


async def test_c22_a_limit_in_one_conversation_does_not_hold_up_another(desk: SlackDesk) -> None:
    desk.fake.rate_limit(1, 30)
    desk.fake.say("Ada", "hello")
    await desk.until(lambda: desk.fake.called("chat.postMessage"))
    desk.fake.say("Bob", "hi")
    await desk.until(lambda: desk.fake.sent)
    assert desk.fake.texts() == ["You said: hi"]
    await desk.world.clock.sleeping()
    await desk.world.clock.advance(31)
    await desk.until(lambda: len(desk.fake.sent) == 2)
    await desk.world.settle()
    assert desk.fake.texts() == ["You said: hi", "You said: hello"]


async def test_c28_two_turns_at_once_wait_for_each_other(desk: SlackDesk) -> None:
    desk.world.gate.clear()
    asked = desk.fake.say("Ada", "@Desk one", desk.general)
    await desk.world.asked()
    desk.fake.say("Bob", "@Desk two", desk.general, thread=asked)
    await desk.until(lambda: not desk.fake.outbox.unanswered)
    assert len(desk.world.model.requests) == 1
    desk.world.gate.set()
    await desk.until(lambda: len(desk.fake.sent) == 2)
    await desk.world.settle()
    assert desk.fake.texts() == ["You said: Ada: @Desk one", "You said: Bob: @Desk two"]
