"""What becomes of messages: each is answered once, in its order, by the bot that knows what was said before."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from botkit.core.errors import ModelUnavailable
from botkit.core.models import ModelRequest
from botkit.testing.models import ScriptedModel
from tests.engine.support import World, a_config


def remembered(request: ModelRequest) -> list[str]:
    """Roles and first words of what the model was told before the last message."""
    return [f"{m['role']}: {m['content']}" for m in request.messages[:-1] if m["role"] != "system"]


async def test_a_message_is_answered_once_and_leaves_its_trail(world: World):
    await world.start()
    await world.ask("hello")

    assert world.texts == ["You said: hello"]
    (run,) = await world.runs()
    assert (run.state, run.bot, run.channel) == ("completed", "desk", "fake")
    assert run.output is not None
    assert run.output["text"] == "You said: hello"
    assert [part.state for part in await world.parts()] == ["sent"]


async def test_answers_follow_the_order_of_the_messages(world: World):
    await world.start()
    await asyncio.gather(*(world.platform.say(str(number)) for number in range(12)))
    await world.settle()

    assert world.texts == [f"You said: {number}" for number in range(12)]


async def test_conversations_are_answered_side_by_side(world: World):
    await world.start()
    world.gate.clear()
    await asyncio.gather(*(world.platform.say("hi", person=person) for person in ("ada", "bob", "eve")))
    await world.asked(3)  # none of them has an answer yet
    world.gate.set()
    await world.settle()

    assert len(world.texts) == 3


async def test_a_redelivered_message_is_answered_once(world: World):
    await world.start()
    event = await world.platform.say("once")
    await world.settle()
    await world.platform.deliver(event)
    await world.settle()
    await world.restart()
    await world.platform.deliver(event)
    await world.settle()

    assert world.texts == ["You said: once"]


async def test_the_model_remembers_what_was_said(world: World):
    await world.start()
    await world.ask("I am Ada")
    await world.ask("who am I?")

    assert remembered(world.model.requests[1]) == ["user: I am Ada", "assistant: You said: I am Ada"]


async def test_each_chat_room_and_thread_has_a_memory_of_its_own(world: World):
    await world.start()
    for place in (
        {"room": "g1", "group": True, "addressed": "mention"},
        {"room": "g1", "thread": "t1", "group": True, "addressed": "mention"},
        {"room": "g2", "group": True, "addressed": "mention"},
        {},
    ):
        await world.ask("hello", **place)

    assert [remembered(request) for request in world.model.requests] == [[], [], [], []]


async def test_with_scope_person_people_of_a_room_have_a_memory_each(world: World):
    world.config = a_config(settings={"sessions": {"scope": "person"}})
    await world.start()
    for person in ("ada", "bob", "ada"):
        await world.ask(f"I am {person}", person=person, room="g1", group=True, addressed="mention")

    first, second, third = (remembered(request) for request in world.model.requests)
    assert (first, second) == ([], [])
    assert len(third) == 2
    assert "bob" not in str(third).lower()


async def test_a_room_remembers_who_said_what(world: World):
    await world.start()
    for person in ("ada", "bob"):
        await world.ask("my turn", person=person, room="g1", group=True, addressed="mention")

    assert remembered(world.model.requests[1])[0] == "user: Ada: my turn"


async def test_after_the_time_to_live_a_conversation_begins_anew(world: World):
    world.config = a_config(bot={"session_ttl_hours": 24})
    await world.start()
    await world.ask("one")
    await world.clock.advance(23 * 3600)
    await world.ask("two")
    await world.clock.advance(24 * 3600 + 1)
    await world.ask("three")

    assert [len(remembered(request)) for request in world.model.requests] == [0, 2, 0]


async def test_the_model_sees_no_more_messages_than_the_window(world: World):
    world.config = a_config(bot={"history_messages": 4})
    await world.start()
    for number in range(5):
        await world.ask(str(number))

    assert remembered(world.model.requests[-1]) == [
        "user: 2",
        "assistant: You said: 2",
        "user: 3",
        "assistant: You said: 3",
    ]


async def test_the_memory_survives_a_restart(world: World):
    await world.start()
    await world.ask("one")
    await world.restart()
    await world.ask("two")

    assert remembered(world.model.requests[1]) == ["user: one", "assistant: You said: one"]


@pytest.mark.parametrize(("busy", "heard"), [("queue", ["two", "three"]), ("merge", ["two\n\nthree"])])
async def test_messages_during_a_turn_wait_or_are_merged(world: World, busy: str, heard: list[str]):
    world.config = a_config(bot={"busy": busy})
    await world.start()
    world.gate.clear()
    await world.platform.say("one")
    await world.asked()
    await world.platform.say("two")
    await world.platform.say("three")
    world.gate.set()
    await world.settle()

    assert world.heard == ["one", *heard]


async def test_a_burst_is_never_merged_across_people(world: World):
    world.config = a_config(bot={"busy": "merge"})
    await world.start()
    world.gate.clear()
    place = {"room": "g1", "group": True, "addressed": "mention"}
    await world.platform.say("one", **place)
    await world.asked()
    for person in ("ada", "bob", "bob", "ada"):
        await world.platform.say("more", person=person, **place)
    world.gate.set()
    await world.settle()

    assert world.heard[1:] == ["Ada: more", "Bob: more\n\nmore", "Ada: more"]


async def test_under_interrupt_a_new_message_ends_the_running_answer(world: World):
    world.config = a_config(bot={"busy": "interrupt"})
    await world.start()
    world.gate.clear()
    await world.platform.say("one")
    await world.asked()
    await world.platform.say("no, two")
    world.gate.set()
    await world.settle()

    assert world.heard == ["one", "no, two"]
    assert [run.state for run in await world.runs()] == ["cancelled", "completed"]
    assert world.texts[-1] == "You said: no, two"


async def test_under_interrupt_another_persons_message_waits(world: World):
    world.config = a_config(bot={"busy": "interrupt"})
    await world.start()
    world.gate.clear()
    place = {"room": "g1", "group": True, "addressed": "mention"}
    await world.platform.say("one", person="ada", **place)
    await world.asked()
    await world.platform.say("two", person="bob", **place)
    world.gate.set()
    await world.settle()

    assert [run.state for run in await world.runs()] == ["completed", "completed"]


async def test_a_message_edited_before_its_turn_is_answered_as_edited(world: World):
    await world.start()
    world.gate.clear()
    await world.platform.say("one")
    await world.asked()
    typo = await world.platform.say("twp")
    await world.platform.say("two", kind="edit", target_id=typo.message_id)
    world.gate.set()
    await world.settle()

    assert world.heard == ["one", "two"]
    assert "edit: after the turn began" not in await world.outcomes()


async def test_an_edit_after_the_turn_began_is_recorded_and_not_answered(world: World):
    await world.start()
    event = await world.platform.say("one")
    await world.settle()
    await world.ask("uno", kind="edit", target_id=event.message_id)

    assert world.texts == ["You said: one"]
    assert await world.outcomes() == ["run", "edit: after the turn began"]


async def test_a_message_deleted_before_its_turn_is_not_answered(world: World):
    await world.start()
    world.gate.clear()
    await world.platform.say("one")
    await world.asked()
    regret = await world.platform.say("forget this")
    await world.platform.say("", kind="delete", target_id=regret.message_id)
    world.gate.set()
    await world.settle()

    assert world.heard == ["one"]
    assert "deleted before the turn" in await world.outcomes()


async def test_deleting_the_message_being_answered_ends_the_turn(world: World):
    await world.start()
    world.gate.clear()
    event = await world.platform.say("one")
    await world.asked()
    await world.platform.say("", kind="delete", target_id=event.message_id)
    await world.settle()

    assert [run.state for run in await world.runs()] == ["cancelled"]
    assert world.model.closed_early == 1


async def test_a_person_is_welcomed_once_on_whatever_channel_they_write(world: World):
    world.config = a_config(bot={"welcome": "Welcome!"})
    await world.start()
    await asyncio.gather(
        world.platform.say("hi"),
        world.platform.say("hi", room="g1", group=True, addressed="mention"),
        world.platform.say("hi again"),
    )
    await world.settle()
    await world.restart()
    await world.ask("and again")

    assert world.texts.count("Welcome!") == 1
    assert len(world.texts) == 5


async def test_a_model_that_fails_is_answered_by_the_fallback(world: World):
    world.config = a_config(bot={"fallback": "Please call us."})
    await world.start()
    world.script.append(ModelUnavailable("the provider is down"))
    await world.ask("hello")

    assert world.texts == ["Please call us."]
    (run,) = await world.runs()
    assert run.state == "failed"
    assert run.error is not None
    assert run.error["code"] == "model_unavailable"


async def test_without_a_fallback_the_person_is_given_the_trace_id(world: World):
    await world.start()
    world.script.append(ModelUnavailable("the provider is down"))
    await world.ask("hello")

    (run,) = await world.runs()
    assert run.trace_id in world.texts[0]


async def test_messages_of_a_weekend_become_one_late_turn(world: World):
    await world.start()
    friday = world.clock.now()
    await world.close()
    await world.clock.advance(60 * 3600)
    await world.start()
    world.gate.clear()
    await world.platform.say("first of all, is anybody awake?")  # holds the lane while the backlog arrives
    await world.asked()
    for hour in range(3):
        await world.platform.say(f"late {hour}", occurred_at=friday + timedelta(hours=hour))
    await world.platform.say("and now?")
    world.gate.set()
    await world.settle()

    assert world.heard[1:] == ["late 0\n\nlate 1\n\nlate 2", "and now?"]
    late = next(run for run in await world.runs() if "late 0" in run.input["text"])
    assert "could not be answered sooner" in late.input["note"]


async def test_a_poisoned_event_is_answered_with_a_trace_id_and_its_lane_goes_on(world: World):
    class Poisoned:
        async def run(self, ctx: object, task: object, sink: object) -> object:
            raise ZeroDivisionError("a bug")

    world.agent = Poisoned()  # pyright: ignore[reportAttributeAccessIssue]  # an agent that only fails
    await world.start()
    await asyncio.gather(world.platform.say("one"), world.platform.say("two"))
    await world.settle()

    assert len(world.texts) == 2
    assert all("give this id" in text for text in world.texts)
    assert "ZeroDivisionError" not in str(world.texts)
    assert all(outcome.startswith("failed: internal") for outcome in await world.outcomes())


async def test_what_is_not_a_message_is_recorded_with_its_reason(world: World):
    await world.start()
    await world.ask("", kind="reaction", status="👍")
    await world.ask("", kind="unsupported", detail="a notice", addressed="none")
    assert world.texts == []
    await world.ask("", kind="unsupported", detail="a poll")
    assert "a poll" in world.texts[0]
    outcomes = await world.outcomes()
    assert outcomes == ["ignored: reaction", "ignored: unsupported: a notice", "unreadable: a poll (said so)"]


async def test_a_bot_with_a_schema_says_one_property_and_keeps_the_object(world: World):
    schema = {
        "type": "object",
        "properties": {"intent": {"enum": ["refund", "other"]}, "reply": {"type": "string"}},
        "required": ["intent", "reply"],
    }
    world.config = a_config(bot={"output": {"schema": schema, "say": "reply"}, "stream": True})
    world.model = ScriptedModel("I think it is a refund.", '{"intent": "refund", "reply": "Of course."}')
    await world.start()
    await world.ask("My money back, please")

    assert world.texts == ["Of course."]
    (run,) = await world.runs()
    assert run.output is not None
    assert run.output["data"] == {"intent": "refund", "reply": "Of course."}


async def test_a_bot_whose_answers_never_fit_its_schema_fails_and_says_so(world: World):
    schema = {"type": "object", "properties": {"intent": {"type": "string"}}, "required": ["intent"]}
    world.config = a_config(bot={"output": {"schema": schema, "repairs": 1}, "fallback": "Please try later."})
    world.model = ScriptedModel("No.", "No!")
    await world.start()
    await world.ask("My money back, please")

    assert world.texts == ["Please try later."]
    (run,) = await world.runs()
    assert run.state == "failed"
    assert run.error is not None
    assert run.error["code"] == "invalid_output"
    assert run.output is not None
    assert run.output["raw"] == "No!"
    assert run.usage.output_tokens == 10
