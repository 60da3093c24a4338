"""A message with the means of any platform: all of it is there, and nothing a platform has no means for is left."""

from __future__ import annotations

from hypothesis import given

from botkit.core.messages import Button, Capabilities, Card, Fact, Form, FormField, Mention, Option, OutMessage, Select
from botkit.sdk.degrade import PROMPT, degrade, plain_text
from tests.sdk.rich_messages import capabilities, labels_of, rich_messages

CITIES = Select(
    value="s", label="Where to?", options=(Option(label="Rome", value="r"), Option(label="Oslo", value="o"))
)
FORM = Form(
    value="f",
    title="Delivery",
    fields=(
        FormField(name="street", label="Street", required=True, about="and number"),
        FormField(name="size", label="Size", kind="choice", options=(Option(label="Small", value="s"),)),
    ),
)


@given(rich_messages(), capabilities())
def test_every_label_is_there_whatever_a_platform_can(message: OutMessage, can: Capabilities):
    shown = "\n".join(word for piece in degrade(message, can) for word in [*labels_of(piece), *_files(piece)])
    for label in labels_of(message):
        assert label in shown


@given(rich_messages(), capabilities())
def test_nothing_is_left_that_a_platform_has_no_means_for(message: OutMessage, can: Capabilities):
    for piece in degrade(message, can):
        buttons = [button for row in piece.buttons for button in row]
        assert len(buttons) <= (can.button_limit if can.buttons else 0)
        assert all(len(select.options) <= can.selects for select in piece.selects)
        assert all(select.is_single or can.multi_selects for select in piece.selects)
        assert len(piece.form.fields if piece.form else ()) <= can.forms
        assert len(piece.cards) <= can.cards
        assert not piece.mentions or can.mentions


@given(rich_messages())
def test_as_text_everything_is_readable(message: OutMessage):
    shown = plain_text(message)
    for label in labels_of(message):
        assert label in shown or label.endswith(".png")


def _files(message: OutMessage) -> list[str]:
    return [attachment.name for attachment in message.attachments]


def test_a_menu_becomes_buttons_and_then_a_numbered_list():
    (menu,) = degrade(OutMessage(selects=(CITIES,)), Capabilities(selects=25))
    (pressed,) = degrade(OutMessage(selects=(CITIES,)), Capabilities(buttons=True))
    (listed,) = degrade(OutMessage(selects=(CITIES,)), Capabilities())
    assert menu.selects == (CITIES,)
    assert pressed.buttons == ((Button(label="Rome", value="r"),), (Button(label="Oslo", value="o"),))
    assert pressed.text == "Where to?"
    assert listed.text == "Where to?\n\n1. Rome\n2. Oslo\n\nAnswer with the number or the name."


def test_a_form_becomes_its_questions():
    (piece,) = degrade(OutMessage(form=FORM), Capabilities(forms=1))
    assert piece.text == "**Delivery**\n\n- Street* – and number\n- Size\n  - Small"


def test_a_card_becomes_text_with_its_image():
    card = Card(title="Order 7", text="Two books", facts=(Fact(label="Status", value="on its way"),))
    first, second = degrade(OutMessage(text="Here:", cards=(card,), reply_to="5"), Capabilities())
    assert (first.text, first.reply_to, second.reply_to) == ("Here:", "5", "")
    assert second.text == "**Order 7**\n\nTwo books\n\n- Status: on its way"


def test_what_can_be_pressed_never_stands_without_a_text():
    message = OutMessage(buttons=((Button(label="Go", value="g"),),))
    assert degrade(message, Capabilities(buttons=True))[0].text == PROMPT


def test_people_are_named_where_they_cannot_be_rung():
    message = OutMessage(text="hi <@42>", mentions=(Mention(id="42", name="Ada"), Mention(id="7", name="Bob")))
    assert degrade(message, Capabilities())[0].text == "@Bob hi @Ada"
    assert degrade(message, Capabilities(mentions=True))[0].mentions == message.mentions
