"""Delivery: in order, at the chat's own pace, and never twice where that can be known."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from botkit.core.errors import (
    AdapterError,
    ChannelFatal,
    ChatGone,
    Conflict,
    RateLimited,
    SendFailed,
    StoreFull,
)
from botkit.core.journal import Committed, Emit, SetPart
from botkit.core.messages import Part
from botkit.testing.platform import LostAnswer, LostRequest
from tests.runs.support import Lab, a_part


class Busy(AdapterError):
    """Nothing was delivered; the connection was refused."""

    retryable = True


def can(lab: Lab, **what: object) -> None:
    lab.platform.capabilities = msgspec.structs.replace(lab.platform.capabilities, **what)


async def test_parts_of_a_chat_arrive_in_the_order_they_were_emitted(lab: Lab):
    parts = [a_part(str(number)) for number in range(120)]
    await lab.emit(*parts)
    await lab.settle()

    assert lab.platform.texts() == [str(number) for number in range(120)]
    assert {lab.state(part) for part in parts} == {"sent"}


async def test_a_chat_that_must_wait_does_not_hold_up_another(lab: Lab):
    lab.platform.faults.append(RateLimited("slow down", retry_after_s=7))
    slow, fast = a_part("slow", room="a"), a_part("fast", room="b")
    await lab.emit(slow)
    await lab.clock.sleeping()
    await lab.emit(fast)
    await lab.platform.until(lambda: lab.platform.texts() == ["fast"])
    await lab.clock.advance(6.9)
    assert lab.platform.texts() == ["fast"]
    await lab.clock.advance(0.2)
    await lab.settle()

    assert lab.platform.texts() == ["fast", "slow"]


@pytest.mark.parametrize(
    ("error", "pauses_s"), [(Busy("refused"), (0.5, 1)), (RateLimited("slow down", retry_after_s=3), (3, 3))]
)
async def test_what_certainly_did_not_arrive_is_sent_again(lab: Lab, error: Exception, pauses_s: tuple[float, ...]):
    lab.platform.faults.extend([error, error])
    part = a_part()
    await lab.emit(part, a_part("after"))
    for pause_s in pauses_s:  # no longer, or one advance may wake it twice
        await lab.clock.sleeping()
        await lab.clock.advance(pause_s)
    await lab.settle()

    assert lab.platform.texts() == ["hello", "after"]
    assert lab.state(part) == "sent"


@pytest.mark.parametrize("error", [SendFailed("message is not valid"), ChatGone("the bot was blocked")])
async def test_a_refused_part_fails_and_the_next_one_is_delivered(lab: Lab, error: Exception):
    lab.platform.faults.append(error)
    refused, after = a_part("refused"), a_part("after")
    await lab.emit(refused, after)
    await lab.settle()

    assert lab.platform.texts() == ["after"]
    assert [lab.state(refused), lab.state(after)] == ["failed", "sent"]
    assert str(error) in lab.rows("SELECT error FROM parts WHERE id = ?", refused.id)[0][0]


async def test_a_bug_in_an_adapter_fails_one_part_not_the_chat(lab: Lab):
    lab.platform.faults.append(ValueError("a bug"))
    broken, after = a_part("broken"), a_part("after")
    await lab.emit(broken, after)
    await lab.settle()

    assert [lab.state(broken), lab.state(after)] == ["failed", "sent"]


@pytest.mark.parametrize("lost", [LostAnswer, LostRequest])
async def test_where_the_platform_knows_our_ids_a_lost_answer_shows_the_part_once(lab: Lab, lost: type[Exception]):
    can(lab, idempotent_send="native")
    lab.platform.faults.append(lost())
    await lab.emit(a_part("one"), a_part("two"))
    await lab.settle()

    assert lab.platform.texts() == ["one", "two"]


@pytest.mark.parametrize("lost", [LostAnswer, LostRequest])
async def test_where_parts_can_be_looked_up_a_lost_answer_shows_the_part_once(lab: Lab, lost: type[Exception]):
    can(lab, idempotent_send="lookup")
    lab.platform.faults.append(lost())
    part = a_part("one")
    await lab.emit(part, a_part("two"))
    await lab.settle()

    assert lab.platform.texts() == ["one", "two"]
    assert lab.state(part) == "sent"


@pytest.mark.parametrize("lost", [LostAnswer, LostRequest])
async def test_under_hold_a_part_with_a_lost_answer_is_shown_to_the_operator(lab: Lab, lost: type[Exception]):
    lab.platform.faults.append(lost())
    part = a_part("one")
    await lab.emit(part, a_part("two"))
    await lab.settle()

    assert lab.state(part) == "unknown"
    assert len([shown for shown in lab.platform.messages if shown.part_id == part.id]) == (lost is LostAnswer)
    assert lab.platform.texts()[-1] == "two", "the chat goes on"


@pytest.mark.parametrize(("lost", "times"), [(LostAnswer, 2), (LostRequest, 1)])
async def test_under_resend_a_part_with_a_lost_answer_is_sent_again_and_says_so(
    lab: Lab, lost: type[Exception], times: int
):
    lab.unknown_policy = "resend"
    lab.platform.faults.append(lost())
    part = a_part("one")
    await lab.emit(part, a_part("two"))
    await lab.settle()

    assert lab.state(part) == "sent"
    assert lab.platform.texts() == ["one"] * times + ["two"]
    assert lab.rows("SELECT attempts FROM parts WHERE id = ?", part.id) == [(2,)]


@pytest.mark.parametrize(
    ("how", "policy", "shown", "state"),
    [
        ("native", "hold", ["one", "two"], "sent"),
        ("lookup", "hold", ["one", "two"], "sent"),
        ("none", "hold", ["one", "two"], "unknown"),
        ("none", "resend", ["one", "one", "two"], "sent"),
    ],
)
@pytest.mark.parametrize("running", ["adapter up", "adapter later"])
async def test_a_kill_inside_the_send_window_is_settled_at_the_next_start(
    lab: Lab, how: str, policy: str, shown: list[str], state: str, running: str
):
    can(lab, idempotent_send=how)
    lab.platform.gate = asyncio.Event()
    part, after = a_part("one"), a_part("two")
    await lab.emit(part, after)
    await lab.platform.until(lambda: bool(lab.platform.sends))
    lab.platform.show(part)  # it arrived; the process dies before it hears of it
    await lab.crash()

    lab.platform.gate = None
    lab.unknown_policy = policy  # pyright: ignore[reportAttributeAccessIssue]  # one of the two words
    lab.on = running == "adapter up"
    await lab.open()
    await lab.recover()
    await lab.settle()
    lab.on = True
    await lab.channel_started()
    await lab.settle()

    assert lab.platform.texts() == shown
    assert [lab.state(part), lab.state(after)] == [state, "sent"]


async def test_what_a_crash_left_unknown_is_settled_before_anything_newer_is_sent(lab: Lab):
    lab.platform.gate = asyncio.Event()
    await lab.emit(a_part("one"))
    await lab.platform.until(lambda: bool(lab.platform.sends))
    await lab.crash()

    lab.platform.gate = None
    lab.unknown_policy = "resend"
    lab.on = False
    await lab.open()
    await lab.recover()
    lab.on = True
    with lab.outbox.holding("fake"):  # as long as the list of what is unknown is read
        await lab.emit(a_part("two"))
        await lab.settle()
        assert lab.platform.texts() == []
    await lab.channel_started()
    await lab.settle()

    assert lab.platform.texts() == ["one", "two"]


@pytest.mark.parametrize("how", ["native", "lookup"])
async def test_an_answer_finished_before_the_platform_is_back_replaces_the_first_words_shown(lab: Lab, how: str):
    """A platform that knows the repeated message keeps what it says; sending it again is not enough."""
    can(lab, idempotent_send=how, stream="edit")
    lab.platform.gate = asyncio.Event()
    first = a_part("Let me ▌")
    await lab.emit(first)
    await lab.platform.until(lambda: bool(lab.platform.sends))
    lab.platform.show(first)  # it arrived; the process dies before it hears of it
    await lab.crash()

    lab.platform.gate = None
    lab.on = False
    await lab.open()
    await lab.recover()
    said = SetPart(
        part_id=first.id, state="pending", at=1, payload={"text": "Done."}, text="Done.", if_state=("unknown",)
    )
    await lab.journal.commit(None, (said,))
    lab.outbox.kick(first.conversation.key)
    await lab.settle()
    lab.on = True
    await lab.channel_started()
    await lab.settle()

    assert lab.platform.texts() == ["Done."]
    assert lab.state(first) == "sent"


async def test_two_kills_inside_the_send_window_of_one_part_lose_nothing(lab: Lab):
    """The second process settles the part before its adapter runs; the third must still find it."""
    can(lab, idempotent_send="native")
    part = a_part("one")
    for _ in range(3):
        lab.platform.gate = asyncio.Event()
        before = len(lab.platform.sends)
        if not before:
            await lab.emit(part)
        else:
            await lab.recover()
            lab.on = True
            await lab.channel_started()
        await lab.platform.until(lambda before=before: len(lab.platform.sends) > before)
        await lab.crash()
        lab.on = False
        await lab.open()
    lab.platform.gate = None
    await lab.recover()
    lab.on = True
    await lab.channel_started()
    await lab.settle()

    assert lab.platform.texts() == ["one"]
    assert lab.state(part) == "sent"


async def test_an_unknown_part_found_twice_is_sent_again_once(lab: Lab):
    """The start of the process and the start of the channel both find it, and the slower one has an old list."""
    lab.unknown_policy = "resend"
    lab.platform.gate = asyncio.Event()
    await lab.emit(a_part("one"))
    await lab.platform.until(lambda: bool(lab.platform.sends))
    await lab.crash()
    await lab.open()
    found = await lab.journal.recover()
    await lab.channel_started()
    await lab.platform.until(lambda: len(lab.platform.sends) == 2)
    await lab.outbox.resolve_unknown(found.unknown_parts)
    lab.platform.gate.set()
    await lab.settle()

    assert lab.platform.texts() == ["one"]


async def test_a_channel_that_needs_a_person_keeps_its_parts_until_it_runs_again(lab: Lab):
    lab.platform.faults.append(ChannelFatal("the token was revoked"))
    first, second = a_part("one"), a_part("two")
    await lab.emit(first, second)
    await lab.settle()
    assert [lab.state(first), lab.state(second)] == ["pending", "pending"]
    assert lab.platform.texts() == []

    await lab.channel_started()
    await lab.settle()

    assert lab.platform.texts() == ["one", "two"]


async def test_parts_of_a_channel_that_is_off_keep_over_a_restart(lab: Lab):
    lab.on = False
    await lab.emit(a_part("one"))
    await lab.settle()
    await lab.crash()
    await lab.open()
    await lab.recover()
    await lab.settle()
    assert lab.platform.texts() == []

    lab.on = True
    await lab.channel_started()
    await lab.settle()

    assert lab.platform.texts() == ["one"]


async def test_after_a_failure_in_the_second_of_three_parts_delivery_resumes_there(lab: Lab):
    lab.platform.faults.extend([None, Busy("refused")])
    await lab.emit(*(a_part(text) for text in ("one", "two", "three")))
    await lab.clock.sleeping()
    assert lab.platform.texts() == ["one"]
    await lab.crash()
    await lab.open()
    await lab.recover()
    await lab.settle()

    assert lab.platform.texts() == ["one", "two", "three"]


async def test_a_delivery_is_recorded_also_when_the_disk_was_full_for_a_while(lab: Lab):
    full: list[bool] = []
    lab.journal.fault = lambda name, args: StoreFull("no space") if full else None
    lab.platform.fault = lambda part: full.append(True)
    part = a_part("one")
    await lab.emit(part)
    await lab.clock.sleeping()
    assert lab.state(part) == "sending"

    lab.platform.fault = None
    full.clear()
    await lab.clock.advance(10)
    await lab.settle()

    assert lab.state(part) == "sent"
    assert lab.platform.texts() == ["one"]


async def test_a_decided_question_is_edited_in_place(lab: Lab):
    question = a_part("May I?", id="q.0")
    await lab.emit(question)
    await lab.settle()
    await lab.emit(a_part("Approved", id="q/decided.0", edit_of="q.0"))
    await lab.settle()

    assert lab.platform.texts() == ["Approved"]
    assert lab.platform.messages[0].versions == ["May I?", "Approved"]


async def test_where_messages_cannot_be_edited_the_new_text_is_a_message_of_its_own(lab: Lab):
    can(lab, edit=False)
    await lab.emit(a_part("May I?", id="q.0"), a_part("Approved", id="q/decided.0", edit_of="q.0"))
    await lab.settle()

    assert lab.platform.texts() == ["May I?", "Approved"]


async def test_a_final_text_committed_while_the_first_words_are_on_their_way_is_shown_last(lab: Lab):
    lab.platform.gate = asyncio.Event()
    part = a_part("Hel…")
    await lab.emit(part)
    await lab.platform.until(lambda: bool(lab.platform.sends))
    await lab.journal.commit(None, [_final(part, "Hello Ada")])
    lab.platform.gate.set()
    await lab.settle()

    assert lab.platform.texts() == ["Hello Ada"]
    assert lab.platform.messages[0].versions == ["Hel…", "Hello Ada"]
    assert lab.state(part) == "sent"


async def test_draining_ends_with_the_part_being_sent_and_keeps_the_rest(lab: Lab):
    lab.platform.gate = asyncio.Event()
    first, second = a_part("one"), a_part("two")
    await lab.emit(first, second)
    await lab.platform.until(lambda: bool(lab.platform.sends))
    draining = asyncio.ensure_future(lab.outbox.drain(5))
    await asyncio.sleep(0)
    lab.platform.gate.set()
    await draining

    assert [lab.state(first), lab.state(second)] == ["sent", "pending"]


async def test_the_same_part_emitted_twice_is_one_message(lab: Lab):
    part = a_part("once")
    await lab.emit(part)
    await lab.journal.commit(None, [Emit(part=part)])
    lab.outbox.kick(part.conversation.key)
    await lab.settle()

    assert lab.platform.texts() == ["once"]


def _final(part: Part, text: str) -> SetPart:
    return SetPart(
        part_id=part.id,
        state="pending",
        at=5,
        payload={"text": text},
        text=text,
        if_state=("pending", "sending", "sent"),
    )


# ── commits that begin a delivery ────────────────────────────────────────────────────────────────────────


def emitting(lab: Lab, *parts: Part) -> Callable[[str], Awaitable[Committed]]:
    """A commit as a turn ends with."""
    return lambda send: lab.journal.commit(None, [Emit(part=part) for part in parts], send=send)


async def test_a_turn_s_reply_leaves_with_the_commit_that_holds_it(lab: Lab):
    asked: list[str] = []
    one, two = a_part("one"), a_part("two")

    async def commit(send: str) -> Committed:
        asked.append(send)
        return await emitting(lab, one, two)(send)

    committed = await lab.outbox.commit(one.conversation.key, commit)
    await lab.settle()

    assert asked == [one.conversation.key]
    assert committed.part is not None
    assert committed.part.id == one.id
    assert lab.platform.texts() == ["one", "two"]
    assert [lab.state(one), lab.state(two)] == ["sent", "sent"]


async def test_a_reply_waits_for_the_one_being_delivered(lab: Lab):
    lab.platform.gate = asyncio.Event()
    first, second = a_part("first"), a_part("second")
    await lab.emit(first)
    await lab.platform.until(lambda: bool(lab.platform.sends))
    committed = await lab.outbox.commit(second.conversation.key, emitting(lab, second))
    assert committed.part is None
    lab.platform.gate.set()
    await lab.settle()

    assert lab.platform.texts() == ["first", "second"]


async def test_parts_committed_while_a_reply_is_being_committed_follow_it(lab: Lab):
    reply, notice = a_part("reply"), a_part("notice")

    async def commit(send: str) -> Committed:
        committed = await emitting(lab, reply)(send)
        await lab.emit(notice)
        return committed

    await lab.outbox.commit(reply.conversation.key, commit)
    await lab.settle()

    assert lab.platform.texts() == ["reply", "notice"]


async def test_a_commit_that_is_refused_tells_its_caller_and_holds_up_nobody(lab: Lab):
    other = a_part("other")

    async def commit(send: str) -> Committed:
        await lab.emit(other)
        raise Conflict("decided before")

    with pytest.raises(Conflict):
        await lab.outbox.commit(other.conversation.key, commit)
    await lab.settle()

    assert lab.platform.texts() == ["other"]
    assert lab.outbox.busy == 0


async def test_a_reply_is_delivered_also_when_its_turn_is_cut_off_meanwhile(lab: Lab):
    part, stored = a_part("hello"), asyncio.Event()

    async def commit(send: str) -> Committed:
        committed = await emitting(lab, part)(send)
        await stored.wait()
        return committed

    turn = asyncio.ensure_future(lab.outbox.commit(part.conversation.key, commit))
    await asyncio.sleep(0)
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    stored.set()
    await lab.settle()

    assert lab.platform.texts() == ["hello"]
    assert lab.state(part) == "sent"


async def test_draining_puts_back_a_reply_that_was_marked_and_has_not_left(lab: Lab):
    part, marked, stored = a_part("hello"), asyncio.Event(), asyncio.Event()

    async def commit(send: str) -> Committed:
        committed = await emitting(lab, part)(send)
        marked.set()
        await stored.wait()
        return committed

    turn = asyncio.ensure_future(lab.outbox.commit(part.conversation.key, commit))
    await marked.wait()
    draining = asyncio.ensure_future(lab.outbox.drain(0))
    await asyncio.sleep(0)
    stored.set()
    await draining
    await turn

    assert lab.platform.texts() == []
    assert lab.state(part) == "pending"


async def test_a_reply_of_a_channel_that_stops_meanwhile_keeps(lab: Lab):
    part = a_part("hello")

    async def commit(send: str) -> Committed:
        lab.on = False
        return await emitting(lab, part)(send)

    await lab.outbox.commit(part.conversation.key, commit)
    await lab.settle()
    assert lab.state(part) == "pending"

    lab.on = True
    await lab.channel_started()
    await lab.settle()
    assert lab.platform.texts() == ["hello"]
