"""Questions of tools as menus, forms and one field after the other."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from botkit.engine.forms import form_json
from botkit.testing.models import calls
from botkit.testing.platform import PLAIN
from botkit.testing.tools import Ask
from tests.engine.support import World

RICH = msgspec.structs.replace(PLAIN, selects=25, multi_selects=True, forms=10)
BARE = msgspec.structs.replace(PLAIN, buttons=False)
CITIES = [{"const": "fco", "title": "Rome"}, {"const": "osl", "title": "Oslo"}]
TRIP: dict[str, Any] = {
    "city": {"type": "string", "title": "City", "oneOf": CITIES},
    "nights": {"type": "integer", "minimum": 1, "title": "Nights"},
    "breakfast": {"type": "boolean", "title": "Breakfast"},
    "note": {"type": "string", "title": "Note"},
}


def book(world: World, *names: str) -> list[dict[str, Any]]:
    """A tool that asks for these fields of a trip, the note being optional; returns what it is told."""
    told: list[dict[str, Any]] = []

    def work(answers: dict[str, Any] | None = None) -> str:
        if answers is None:
            question = Ask("Which trip?")
            required = [name for name in names if name != "note"]
            question.schema = {"type": "object", "properties": {n: TRIP[n] for n in names}, "required": required}
            raise question
        told.append(answers)
        return "booked"

    world.tools.add("trips__book", work)
    world.script.append(calls(("trips__book", {})))
    world.script.append("Booked.")
    return told


async def test_a_choice_is_a_menu_and_its_option_the_answer(world: World):
    told = book(world, "city")
    world.platform.capabilities = RICH
    await world.start()
    await world.ask("book a trip")
    (question,) = world.platform.messages
    assert [option["label"] for option in question.selects[0]["options"]] == ["Rome", "Oslo"]
    await world.platform.choose(question, "Oslo")
    await world.settle()

    assert told == [{"city": "osl"}]
    assert world.texts == ["Which trip?\n\n✓ Oslo", "Booked."]
    assert question.selects == []


async def test_a_choice_is_a_row_of_buttons_where_there_are_no_menus(world: World):
    told = book(world, "city")
    await world.start()
    await world.ask("book a trip")
    (question,) = world.platform.messages
    await world.platform.press(question, "Rome")
    await world.settle()
    assert told == [{"city": "fco"}]


@pytest.mark.parametrize("said", ["2", "oslo", "Oslo", "osl", "2."])
async def test_a_number_or_a_name_is_the_choice_where_nothing_can_be_pressed(world: World, said: str):
    told = book(world, "city")
    world.platform.capabilities = BARE
    await world.start()
    await world.ask("book a trip")
    assert world.texts == ["Which trip?\n\n1. Rome\n2. Oslo\n\n_Answer with the number or the name._"]
    await world.ask(said)
    assert told == [{"city": "osl"}]


async def test_a_form_is_opened_filled_in_and_sent(world: World):
    told = book(world, "city", "nights", "breakfast", "note")
    world.platform.capabilities = RICH
    await world.start()
    await world.ask("book a trip")
    (question,) = world.platform.messages
    assert [label for label, _ in question.buttons] == ["Not now"]
    await world.platform.open_form(question)
    await world.settle()
    assert [field.label for field in world.platform.dialogs[0].fields] == ["City", "Nights", "Breakfast", "Note"]
    await world.platform.submit(question, {"city": "fco", "nights": "3", "breakfast": "true"})
    await world.settle()

    assert told == [{"city": "fco", "nights": 3, "breakfast": True}]
    assert (question.form, question.buttons, question.text) == (None, [], "Which trip?\n\n✓")


async def test_a_form_that_does_not_fit_is_asked_again_with_what_was_written(world: World):
    told = book(world, "city", "nights")
    world.platform.capabilities = RICH
    await world.start()
    await world.ask("book a trip")
    await world.platform.submit(world.platform.messages[0], {"city": "fco", "nights": "0"})
    await world.settle()
    again = world.platform.messages[1]
    assert again.text.startswith("That does not fit. nights: 0 is less than the minimum of 1")
    assert again.form is not None
    assert [field.get("initial") for field in again.form["fields"]] == ["fco", None]
    await world.platform.submit(again, {"city": "fco", "nights": "2"})
    await world.settle()
    assert told == [{"city": "fco", "nights": 2}]


async def test_without_forms_one_field_is_asked_after_the_other(world: World):
    told = book(world, "city", "nights", "breakfast", "note")
    await world.start()
    await world.ask("book a trip")
    assert world.texts[-1] == "Which trip?\n\n**City** (1/4)"
    await world.platform.press(world.platform.messages[-1], "Oslo")
    await world.settle()
    assert world.texts[-1] == "**Nights** (2/4)"
    await world.ask("many")
    assert world.texts[-1].startswith("That does not fit.")
    await world.ask("3")
    await world.platform.press(world.platform.messages[-1], "Yes")
    await world.settle()
    assert [label for label, _ in world.platform.messages[-1].buttons] == ["Skip"]
    await world.ask("-")

    assert told == [{"city": "osl", "nights": 3, "breakfast": True}]
    assert world.texts[-1] == "Booked."


async def test_what_was_answered_survives_a_crash(world: World):
    told = book(world, "city", "nights")
    await world.start()
    await world.ask("book a trip")
    await world.ask("rome")
    await world.crash()
    await world.start()
    await world.ask("4")
    assert told == [{"city": "fco", "nights": 4}]


async def test_a_form_that_opens_too_late_is_asked_field_by_field(world: World):
    told = book(world, "city", "nights")
    world.platform.capabilities = RICH
    world.platform.opens_forms = False
    await world.start()
    await world.ask("book a trip")
    await world.platform.open_form(world.platform.messages[0])
    await world.settle()
    assert world.texts[-1] == "Which trip?\n\n**City** (1/2)"
    await world.platform.choose(world.platform.messages[-1], "Oslo")
    await world.settle()
    await world.ask("1")
    assert told == [{"city": "osl", "nights": 1}]


async def test_a_press_is_dealt_with_once_though_its_place_in_the_lane_comes_meanwhile(world: World):
    told = book(world, "city", "nights")
    world.platform.capabilities = RICH
    team: dict[str, Any] = {"room": "team", "group": True, "addressed": "mention"}
    await world.start()
    await world.ask("book a trip", **team)
    question = world.platform.messages[0]
    world.script.clear()
    world.script.extend(("Hello Mallory.", "Booked."))
    world.platform.dialog_gate = asyncio.Event()
    world.gate.clear()
    await world.platform.say("hi", person="mallory", **team)  # holds the lane
    await world.asked(2)
    pressing = asyncio.create_task(world.platform.open_form(question))
    await world.platform.until(lambda: bool(world.platform.dialogs))
    world.gate.set()
    await world.platform.until(lambda: "Hello Mallory." in world.texts)
    for _ in range(100):  # the press has its place in the lane now
        await asyncio.sleep(0.001)
    world.platform.dialog_gate.set()
    await pressing
    await world.settle()
    assert len(world.platform.dialogs) == 1
    await world.platform.submit(question, {"city": "fco", "nights": "2"})
    await world.settle()
    assert told == [{"city": "fco", "nights": 2}]


async def test_not_now_tells_the_model_that_there_is_no_answer(world: World):
    told = book(world, "city", "nights")
    world.platform.capabilities = RICH
    await world.start()
    await world.ask("book a trip")
    await world.platform.press(world.platform.messages[0], "Not now")
    await world.settle()
    assert told == []
    assert "did not answer" in str(world.model.requests[-1].messages[-1]["content"])


async def test_only_the_person_asked_may_choose_and_only_once(world: World):
    told = book(world, "city")
    world.platform.capabilities = RICH
    await world.start()
    await world.ask("book a trip", room="team", group=True, addressed="mention")
    question = world.platform.messages[0]
    menu = list(question.selects)
    await world.platform.choose(question, "Rome", person="mallory")
    await world.settle()
    assert (told, world.platform.acknowledged) == ([], ["This question is for somebody else."])
    await world.platform.choose(question, "Oslo")
    await world.settle()
    question.selects = menu
    await world.platform.choose(question, "Rome")
    await world.settle()
    assert told == [{"city": "osl"}]
    assert world.platform.acknowledged[-1] == "This was already answered."


async def test_the_page_sends_the_form_of_a_question(world: World):
    told = book(world, "city", "nights")
    await world.start()
    await world.ask("book a trip")
    (wait,) = await world.waits()
    assert [field["name"] for field in form_json(wait)["fields"]] == ["city", "nights"]
    assert wait.token not in str(form_json(wait))
    await world.engine.answer(wait.id, "", fields={"city": "osl", "nights": "2"}, by="operator", via="page")
    await world.settle()
    assert told == [{"city": "osl", "nights": 2}]


async def test_a_form_may_also_be_answered_in_words(world: World):
    told = book(world, "city", "nights")
    world.platform.capabilities = RICH
    await world.start()
    await world.ask("book a trip")
    await world.ask("city: oslo\nnights: 2")
    assert told == [{"city": "osl", "nights": 2}]
