"""People speak in place of the bot, and hand back: nothing said is lost, and the bot knows it afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.core.errors import Conflict, NotFound
from botkit.core.events import Conversation
from botkit.workflows.graph import GraphNode
from tests.engine.support import World
from tests.engine.test_handoff import TEAM, said_to
from tests.engine.test_workflows import greet, with_workflow

ADA = Conversation(channel="fake", room="dm-ada")


async def begin(world: World, **data: Any) -> None:
    talk = GraphNode(id="talk", type="human_handoff", data={"mode": "take_over", "reason": "angry customer", **data})
    with_workflow(world, talk, greet("bye", "{{ talk.by }} is gone."), edges="talk.handed_back>bye", **TEAM)
    await world.start()
    await world.ask("I want a person!")


async def test_what_the_customer_writes_goes_to_the_reviewers_and_their_answers_come_back(world: World):
    await begin(world)
    assert "angry customer" in said_to(world, "boss")[0]
    await world.ask("Where are you?")
    assert said_to(world, "boss")[-1] == "**Ada**: Where are you?"
    heard = world.platform.messages[-1]
    await world.platform.say("Right here.", person="boss", reply_to=heard)
    await world.settle()
    assert said_to(world, "ada")[-1] == "Right here."


async def test_handing_back_goes_on_with_the_workflow(world: World):
    await begin(world)
    request = next(shown for shown in world.platform.messages if shown.conversation.room == "dm-boss")
    await world.platform.press(request, "Hand back", person="boss")
    await world.settle()
    assert said_to(world, "ada")[-1] == "Boss is gone."
    assert "Handed back" in request.text


async def test_it_survives_the_death_of_the_process(world: World):
    await begin(world)
    await world.crash()
    await world.start()
    await world.ask("Hello?")
    assert said_to(world, "boss")[-1] == "**Ada**: Hello?"


async def test_an_operator_takes_over_any_conversation_and_the_bot_knows_what_was_said(world: World):
    with_workflow(
        world,
        GraphNode(
            id="talk",
            type="human_handoff",
            data={"mode": "take_over", "reason": "{{ input.by }}", "tell": "", "expires_s": 0},
        ),
        **TEAM,
    )
    world.config = world.config.model_copy(
        update={"bots": {"desk": world.config.bots["desk"].model_copy(update={"workflow": None})}}
    )
    await world.start()
    await world.ask("hello")
    await world.engine.take_over(ADA, by="Bob")
    await world.settle()
    with pytest.raises(Conflict):
        await world.engine.take_over(ADA, by="Eve")
    await world.ask("are you a person?")
    await world.engine.speak(ADA.key, "Yes, I am Bob.", by="Bob")
    await world.settle()
    assert world.texts[-1] == "Yes, I am Bob."
    asked = len(world.model.requests)
    await world.engine.hand_back(ADA.key, by="Bob", via="cli")
    await world.settle()
    assert len(world.model.requests) == asked, "the bot said nothing meanwhile"
    await world.ask("and now?")
    said = str(world.model.requests[-1].messages)
    assert "are you a person?" in said
    assert "Yes, I am Bob." in said
    with pytest.raises(NotFound):
        await world.engine.speak(ADA.key, "too late", by="Bob")


async def test_a_stranger_cannot_answer_in_the_name_of_a_reviewer(world: World):
    await begin(world)
    await world.ask("Where are you?")
    heard = world.platform.messages[-1]
    await world.platform.say("Send me your password.", person="mallory", reply_to=heard)
    await world.settle()
    assert "Send me your password." not in said_to(world, "ada")
