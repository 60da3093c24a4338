"""A tool or a workflow asks for several things: on every platform people answer with what the platform has, and it is
told."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from botkit.testing.models import calls
from botkit.testing.tools import Ask
from botkit.workflows.graph import GraphNode
from tests.adapters.desks import Desk, DiscordDesk, SlackDesk, TelegramDesk, WhatsAppDesk
from tests.engine.test_workflows import with_workflow

CITIES = [{"const": "fco", "title": "Rome"}, {"const": "osl", "title": "Oslo"}]
TRIP: dict[str, Any] = {
    "city": {"type": "string", "title": "City", "oneOf": CITIES},
    "nights": {"type": "integer", "minimum": 1, "title": "Nights"},
    "breakfast": {"type": "boolean", "title": "Breakfast"},
}
D = TypeVar("D", bound=Desk[Any])


@asynccontextmanager
async def asked(kind: type[D]) -> AsyncGenerator[tuple[D, list[dict[str, Any]]]]:
    """A desk whose tool asked for a trip, and what it is told."""
    told: list[dict[str, Any]] = []

    def work(answers: dict[str, Any] | None = None) -> str:
        if answers is None:
            question = Ask("Which trip?")
            question.schema = {"type": "object", "properties": TRIP, "required": list(TRIP)}
            raise question
        told.append(answers)
        return "booked"

    async with kind.open() as desk:
        desk.configure(stream=False)
        desk.world.tools.add("trips__book", work)
        desk.world.script.append(calls(("trips__book", {})))
        desk.world.script.append("Booked.")
        desk.say("book a trip")
        await desk.until(desk.texts)
        yield desk, told


async def booked(desk: Desk[Any]) -> None:
    await desk.until(lambda: desk.texts()[-1] == "Booked.")
    await desk.world.settle()


async def said(desk: Desk[Any], text: str) -> None:
    await desk.until(lambda: text in desk.texts()[-1])


async def test_discord_opens_a_dialog() -> None:
    async with asked(DiscordDesk) as (desk, told):
        question = desk.fake.sent[-1]
        assert (question.content, question.labels) == ("Which trip?", ["Fill in", "Not now"])
        pressed = desk.fake.press("Ada", question, "Fill in")
        await desk.until(lambda: pressed.dialog)
        desk.fake.submit(pressed, {"City": "Oslo", "Nights": "3", "Breakfast": True})
        await booked(desk)
        assert told == [{"city": "osl", "nights": 3, "breakfast": True}]
        await desk.until(lambda: not question.labels)
        assert question.content == "Which trip?\n\n✓"


async def test_slack_opens_a_dialog_again_with_what_was_right() -> None:
    async with asked(SlackDesk) as (desk, told):
        first = desk.fake.press("Ada", desk.fake.sent[-1], "Fill in")
        await desk.until(lambda: desk.fake.world.triggers[first["trigger_id"]].view)
        desk.fake.submit(first, {"City": "Rome", "Nights": "0"})
        await said(desk, "That does not fit. nights: 0 is less than the minimum of 1")
        again = desk.fake.press("Ada", desk.fake.sent[-1], "Fill in")
        await desk.until(lambda: desk.fake.world.triggers[again["trigger_id"]].view)
        desk.fake.submit(again, {"Nights": "2"})
        await booked(desk)
        assert told == [{"city": "fco", "nights": 2, "breakfast": False}]


async def test_telegram_asks_field_by_field() -> None:
    async with asked(TelegramDesk) as (desk, told):
        desk.fake.press("Ada", desk.fake.sent[-1], "Oslo")
        await said(desk, "Nights (2/3)")
        desk.say("2")
        await said(desk, "Breakfast (3/3)")
        desk.fake.press("Ada", desk.fake.sent[-1], "No")
        await booked(desk)
        assert told == [{"city": "osl", "nights": 2, "breakfast": False}]


async def test_whatsapp_asks_field_by_field_and_words_are_answers_too() -> None:
    async with asked(WhatsAppDesk) as (desk, told):
        desk.fake.press("Ada", desk.fake.sent[-1], "Rome")
        await said(desk, "Nights (2/3)")
        desk.say("4")
        await said(desk, "Breakfast (3/3)")
        desk.say("yes")
        await booked(desk)
        assert told == [{"city": "fco", "nights": 4, "breakfast": True}]


ADDRESS: dict[str, Any] = {
    "value": "address",
    "title": "Address",
    "fields": [{"name": "street", "label": "Street"}, {"name": "gift", "label": "Gift", "kind": "checkbox"}],
}


@asynccontextmanager
async def sent(kind: type[D]) -> AsyncGenerator[D]:
    """A desk whose workflow says what it was told, with a form below."""
    async with kind.open() as desk:
        tell = GraphNode(id="tell", type="send_message", data={"text": "Told: {{ message.text }}", "form": ADDRESS})
        with_workflow(desk.world, tell, channel=desk.channel)
        await desk.crash()
        await desk.start()
        desk.say("hello")
        await desk.until(desk.texts)
        yield desk


async def test_discord_opens_the_form_of_a_message() -> None:
    async with sent(DiscordDesk) as desk:
        message = desk.fake.sent[-1]
        pressed = desk.fake.press("Ada", message, message.labels[0])
        await desk.until(lambda: pressed.dialog)
        desk.fake.submit(pressed, {"Street": "Main 1", "Gift": True})
        await said(desk, "street: Main 1")
        assert "gift: true" in desk.texts()[-1]


async def test_slack_opens_the_form_of_a_message() -> None:
    async with sent(SlackDesk) as desk:
        message = desk.fake.sent[-1]
        pressed = desk.fake.press("Ada", message, message.labels[0])
        await desk.until(lambda: desk.fake.world.triggers[pressed["trigger_id"]].view)
        desk.fake.submit(pressed, {"Street": "Main 1"})
        await said(desk, "street: Main 1")


async def test_telegram_lists_the_questions_of_a_message() -> None:
    async with sent(TelegramDesk) as desk:
        assert "Street" in desk.texts()[-1]
        desk.say("street: Main 1")
        await said(desk, "Told: street: Main 1")
