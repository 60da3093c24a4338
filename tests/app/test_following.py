"""Whoever says something gets the end of its own run, whatever else ends in the room meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.app.instance import Instance
from botkit.app.operations import Operations
from botkit.app.operations.following import Following
from botkit.core.events import Conversation
from botkit.core.journal import Consume, OpenWait, SetRun, StartRun
from botkit.core.live import LiveEvent
from botkit.testing.stores.samples import a_run, a_wait, an_event
from tests.app.conftest import OpenInstance
from tests.app.test_runtime import said, say

ROOM = Conversation(channel="sandbox", room="r")


def event(kind: Any, run_id: str, text: str = "", **data: Any) -> LiveEvent:
    return LiveEvent(kind=kind, conversation=ROOM.key, run_id=run_id, text=text, data=data)


async def test_a_run_that_is_resumed_meanwhile_is_not_taken_for_the_answer(
    opened: OpenInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as instance:
        other = a_run(lane=ROOM.key, conversation=ROOM.key)
        over = SetRun(run_id=other.id, state="completed", at=1)
        await instance.store.journal.commit(None, [StartRun(run=other), over])
        accept = instance.engine.accept

        async def accept_while_another_run_ends(accepted: Any) -> bool:
            for one in (
                event("status", other.id, message_id="older"),
                event("delta", other.id, "Refunded."),
                event("done", other.id, state="completed", text="Refunded."),
            ):
                instance.live.publish(one)
            return await accept(accepted)

        monkeypatch.setattr(instance.engine, "accept", accept_while_another_run_ends)
        done = await say(instance, "hello")
        assert done.run_id not in ("", other.id)
        assert done.data["text"] != "Refunded."
        events = [one async for one in Operations.of(instance).chat.say(room="r", bot="helper", person="ada", text="x")]
        assert {one.run_id for one in events} - {""} == {events[-1].run_id}


async def test_a_command_needs_no_run_and_waits_for_none(opened: OpenInstance) -> None:
    async with opened() as instance:
        done = await said(Operations.of(instance).chat.say(room="r", bot="helper", person="ada", text="/stop"))
        assert (done.data["state"], done.data["text"]) == ("answered", "Nothing is running right now.")


async def accepted(instance: Instance, key: str) -> str:
    stored = await instance.store.journal.accept(an_event(key, room=ROOM), ROOM.key, claim=False)
    return stored.id


async def test_the_run_of_a_message_is_known_when_it_begins(opened: OpenInstance) -> None:
    async with opened("command") as instance:
        mine = Following(instance.store.records, instance.store.journal, "sandbox", message_id="m1")
        await accepted(instance, "m1")
        assert await mine.concerns(event("status", "run_1", message_id="m1"))
        assert await mine.concerns(event("delta", "run_1"))
        assert not await mine.concerns(event("done", "run_2"))
        assert await mine.concerns(event("part", ""))


async def test_a_message_that_was_merged_with_a_later_one_is_answered_by_that_run(opened: OpenInstance) -> None:
    async with opened("command") as instance:
        store = instance.store
        mine = Following(store.records, store.journal, "sandbox", message_id="m1")
        rows = (await accepted(instance, "m1"), await accepted(instance, "m2"))
        run = a_run(lane=ROOM.key, conversation=ROOM.key)
        assert await mine.concerns(event("status", run.id, message_id="m2")), "it may be, until it is stored"
        assert await mine.concerns(event("delta", run.id))
        await store.journal.commit(None, [StartRun(run=run, event_ids=rows)])
        assert await mine.concerns(event("done", run.id, state="completed"))


async def test_another_persons_new_run_turns_out_to_be_theirs(opened: OpenInstance) -> None:
    async with opened("command") as instance:
        store = instance.store
        mine = Following(store.records, store.journal, "sandbox", message_id="m1")
        theirs = await accepted(instance, "theirs")
        await accepted(instance, "m1")
        run = a_run(lane=ROOM.key, conversation=ROOM.key)
        assert await mine.concerns(event("status", run.id, message_id="theirs"))
        await store.journal.commit(None, [StartRun(run=run, event_ids=(theirs,))])
        assert not await mine.concerns(event("done", run.id, state="completed"))
        assert not await mine.concerns(event("part", run.id))


async def test_a_message_that_answers_a_question_is_followed_by_the_run_that_asked(opened: OpenInstance) -> None:
    async with opened("command") as instance:
        store = instance.store
        run = a_run(lane=ROOM.key, conversation=ROOM.key)
        wait = a_wait(run)
        row = await accepted(instance, "m1")
        answered = Consume(event_ids=(row,), outcome=f"answer: {wait.id}")
        await store.journal.commit(None, [StartRun(run=run), OpenWait(wait=wait), answered])
        mine = Following(store.records, store.journal, "sandbox", message_id="m1")
        assert await mine.concerns(event("status", run.id, message_id="the first message"))
        assert not await mine.concerns(event("status", "run_other", message_id="x"))
