"""Buttons that bots and workflows made themselves: pressing one says what it stands for, once."""

from __future__ import annotations

from typing import Any

import msgspec

from botkit.core.events import Action
from botkit.testing.platform import PLAIN
from botkit.workflows.graph import GraphNode
from tests.engine.support import World, a_config
from tests.engine.test_workflows import with_workflow

COLOURS = [{"label": "Dark blue", "value": "blue"}, {"label": "Red", "value": "red"}]
GROUP: dict[str, Any] = {"room": "g1", "group": True, "addressed": "mention"}


def asking(world: World) -> None:
    """A workflow that asks by buttons with values of their own, and says the answer."""
    with_workflow(
        world,
        GraphNode(id="ask", type="wait_for_reply", data={"question": "Which?", "buttons": COLOURS}),
        GraphNode(id="tell", type="send_message", data={"text": "Chosen: {{ ask.value }}"}),
        edges="ask.reply>tell",
    )


def offering(world: World) -> None:
    """A workflow that says what it was told, with a button below."""
    button = {"label": "Track", "value": "track:7"}
    with_workflow(
        world, GraphNode(id="tell", type="send_message", data={"text": "Told: {{ message.text }}", "buttons": [button]})
    )


async def test_a_press_answers_the_question_of_a_workflow(world: World):
    asking(world)
    await world.start()
    await world.ask("hello")
    await world.platform.press(world.platform.messages[0], "Dark blue")
    await world.settle()

    assert world.texts == ["Which?", "Chosen: blue"]
    assert world.platform.acknowledged == [""]
    assert [run.state for run in await world.runs()] == ["completed"]


async def test_nobody_answers_for_others_by_pressing(world: World):
    asking(world)
    await world.start()
    await world.ask("hello", **GROUP)
    await world.platform.press(world.platform.messages[0], "Red", person="ben")
    await world.settle()
    assert not [text for text in world.texts if "Chosen" in text]

    await world.platform.press(world.platform.messages[0], "Dark blue")
    await world.settle()
    assert world.texts[-1] == "Chosen: blue"


async def test_a_press_that_answers_nothing_begins_a_turn(world: World):
    offering(world)
    await world.start()
    await world.ask("hello")
    await world.platform.press(world.platform.messages[0], "Track")
    await world.settle()

    assert world.texts == ["Told: hello", "Told: track:7"]


async def test_a_press_counts_once_however_often_it_comes_and_whatever_dies(world: World):
    offering(world)
    await world.start()
    await world.ask("hello")
    press = await world.platform.press(world.platform.messages[0], "Track")
    await world.crash()
    await world.start()
    await world.settle()
    await world.platform.deliver(press)
    await world.settle()

    assert world.texts == ["Told: hello", "Told: track:7"]


async def test_a_press_while_the_bot_writes_waits_for_its_turn(world: World):
    await world.start()
    world.gate.clear()
    await world.platform.say("hello")
    await world.asked()
    await world.platform.deliver(world.platform.event(kind="action", action=Action(value="track:7")))
    assert world.platform.acknowledged == [""]
    world.gate.set()
    await world.settle()

    assert [run.input["text"] for run in await world.runs()] == ["hello", "track:7"]
    assert world.platform.acknowledged == [""]


async def test_a_chosen_option_and_a_sent_form_say_their_values(world: World):
    await world.start()
    for number, action in enumerate(
        (
            Action(value="red", values=("red", "blue")),
            Action(value="address", sent=True, fields={"street": "Main 1", "gifts": ["a", "b"]}),
        )
    ):
        await world.platform.deliver(world.platform.event(kind="action", dedupe_key=f"a{number}", action=action))
        await world.settle()

    said = [run.input["text"] for run in await world.runs()]
    assert said == ["red, blue", "street: Main 1\ngifts: a, b"]


async def test_a_form_of_a_workflow_opens_and_what_was_filled_in_is_said(world: World):
    form = {"value": "address", "title": "Address", "fields": [{"name": "street", "label": "Street"}]}
    with_workflow(
        world, GraphNode(id="tell", type="send_message", data={"text": "Told: {{ message.text }}", "form": form})
    )
    world.platform.capabilities = msgspec.structs.replace(PLAIN, forms=5)
    await world.start()
    await world.ask("hello")
    (shown,) = world.platform.messages
    await world.platform.open_form(shown)
    await world.settle()
    assert [one.title for one in world.platform.dialogs] == ["Address"]
    await world.platform.submit(shown, {"street": "Main 1"})
    await world.settle()

    assert world.texts == ["Told: hello", "Told: street: Main 1"]


async def test_somebody_declared_a_guest_stays_one_where_others_become_members(world: World):
    world.config = a_config(
        people={
            "ada": {"identities": {"fake": ["ada"]}, "roles": ["guest"]},
            "ben": {"identities": {"fake": ["ben"]}},
        }
    )
    await world.start()
    await world.ask("hello")
    await world.ask("hello", person="ben")
    assert [run.input["roles"] for run in await world.runs()] == [["guest"], ["member"]]
