"""Messages written by hand: what they become, and where they say that something is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.core.errors import ConfigError
from botkit.core.messages import Button, Fact, OutMessage
from botkit.core.rich import message_schema, parse_message


def test_a_text_alone_is_a_message():
    assert parse_message("hello") == OutMessage(text="hello")


def test_words_stand_for_a_button_and_an_option_of_that_name():
    made = parse_message(
        {"text": "?", "buttons": ["Yes"], "select": {"options": ["Rome", {"label": "P", "value": "p"}]}}
    )
    assert made.buttons == ((Button(label="Yes", value="Yes"),),)
    assert [(option.label, option.value) for option in made.selects[0].options] == [("Rome", "Rome"), ("P", "p")]


def test_rows_of_buttons_stay_rows():
    made = parse_message({"text": "?", "buttons": [["a", "b"], ["c"]]})
    assert [[button.value for button in row] for row in made.buttons] == [["a", "b"], ["c"]]


def test_a_card_and_a_carousel():
    one = parse_message({"card": {"title": "Order 7", "facts": {"Status": "on its way"}}})
    two = parse_message({"cards": [{"title": "A"}, {"image": {"file": "f_1", "mime": "image/png", "alt": "a cat"}}]})
    assert one.cards[0].facts == (Fact(label="Status", value="on its way"),)
    image = two.cards[1].image
    assert image is not None
    assert (image.file_id, image.name, image.text) == ("f_1", "f_1.png", "a cat")


def test_a_form_names_its_fields_and_says_what_they_are():
    fields = [{"name": "first_name", "required": True}, {"name": "size", "kind": "choice", "options": ["S", "L"]}]
    form = parse_message({"form": {"title": "T-shirt", "fields": fields}}).form
    assert form is not None
    assert [(field.label, field.kind, field.required) for field in form.fields] == [
        ("First name", "text", True),
        ("Size", "choice", False),
    ]


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        ({}, "", "empty"),
        ({"text": "x", "bottons": []}, "bottons", "no such key"),
        ({"text": "x", "buttons": [{"label": "x", "value": "é" * 40}]}, "buttons.0.0.value", "64 bytes"),
        ({"text": "x", "select": {"options": ["a", "a"]}}, "select.0", "same value"),
        ({"text": "x", "select": {"options": ["a"], "most": 2}}, "select.0", "`most`"),
        ({"text": "x", "buttons": ["a"], "select": {"options": ["a"]}}, "", "same value"),
        ({"form": {"title": "f", "fields": [{"name": "a", "kind": "choice"}]}}, "form.fields.0", "options"),
        ({"form": {"title": "f", "fields": [{"name": "a"}, {"name": "a"}]}}, "form", "same value"),
        ({"card": {}}, "card.0", "title"),
        ({"text": "x", "card": {"title": "a"}, "cards": [{"title": "b"}]}, "", "either"),
        ({"card": {"title": "a", "url": "javascript:x"}}, "card.0.url", "pattern"),
        ({"template": {"name": "hello"}}, "", "`text`"),
        (7, "", ""),
    ],
)
def test_what_is_wrong_is_located(value: Any, path: str, message: str):
    with pytest.raises(ConfigError) as caught:
        parse_message(value, path="nodes.ask")
    (problem,) = caught.value.problems
    assert problem.path == ".".join(part for part in ("nodes.ask", path) if part)
    assert message in problem.message


def test_the_schema_of_a_message_can_be_printed():
    assert {"text", "buttons", "select", "form", "card", "template"} <= set(message_schema()["properties"])
