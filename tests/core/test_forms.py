"""Forms made of the questions of tools, and answers in words."""

from __future__ import annotations

import pytest

from botkit.core.forms import choice_of, choices_of, form_of, options_of
from botkit.core.messages import Option

CITIES = (Option(label="Rome", value="fco"), Option(label="Paris", value="cdg"), Option(label="Oslo", value="osl"))


def test_every_simple_kind_becomes_a_field():
    schema = {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "title": "Your name", "maxLength": 40},
            "story": {"type": "string", "maxLength": 4000},
            "age": {"type": "integer", "minimum": 18},
            "from": {"type": "string", "format": "date"},
            "ok": {"type": "boolean", "default": True},
            "size": {"enum": ["s", "l"], "enumNames": ["Small", "Large"]},
            "tags": {"type": "array", "items": {"anyOf": [{"const": "a", "title": "Alpha"}, {"const": "b"}]}},
        },
    }
    form = form_of(schema, value="v", title="t")
    assert form is not None
    assert [(f.name, f.kind, f.required, f.many) for f in form.fields] == [
        ("name", "text", True, False),
        ("story", "paragraph", False, False),
        ("age", "number", False, False),
        ("from", "date", False, False),
        ("ok", "checkbox", False, False),
        ("size", "choice", False, False),
        ("tags", "choice", False, True),
    ]
    by_name = {field.name: field for field in form.fields}
    assert (by_name["age"].least, by_name["name"].most, by_name["ok"].initial) == (18, 40, "true")
    assert [option.label for option in by_name["size"].options] == ["Small", "Large"]
    assert [option.label for option in by_name["tags"].options] == ["Alpha", "b"]


@pytest.mark.parametrize(
    "properties", [{}, {"a": {"type": "object"}}, {"a": {"type": ["string", "integer"]}}, {"é" * 40: {}}]
)
def test_what_is_no_flat_object_is_no_form(properties: dict[str, object]):
    assert form_of({"type": "object", "properties": properties}, value="v", title="t") is None


def test_values_longer_than_a_button_carries_are_asked_for_in_words():
    form = form_of({"properties": {"a": {"type": "string", "enum": ["x" * 65]}}}, value="v", title="t")
    assert form is not None
    assert (form.fields[0].kind, form.fields[0].options) == ("text", ())


@pytest.mark.parametrize("said", ["2", " 2. ", "#2", "paris", "PARIS ", "cdg", "2)"])
def test_a_number_the_label_or_the_value_is_the_choice(said: str):
    assert choice_of(said, CITIES) == CITIES[1]


@pytest.mark.parametrize("said", ["", "0", "4", "Berlin", "-1", "²"])
def test_anything_else_is_no_choice(said: str):
    assert choice_of(said, CITIES) is None


def test_a_label_that_is_a_number_is_meant_before_the_number():
    assert choice_of("2", (Option(label="2", value="two"), Option(label="1", value="one"))).value == "two"  # pyright: ignore[reportOptionalMemberAccess]


@pytest.mark.parametrize("said", ["1, 3", "1 3", "rome, oslo", "Rome\nOslo", "1; osl", "1,3,1"])
def test_several_are_separated_by_commas_lines_or_blanks(said: str):
    assert choices_of(said, CITIES) == (CITIES[0], CITIES[2])


def test_one_that_is_unknown_makes_all_of_it_unclear():
    assert choices_of("Rome, Berlin", CITIES) is None


def test_options_have_the_names_people_read():
    assert options_of({"oneOf": [{"const": 1, "title": "One"}]}) == (Option(label="One", value="1"),)
