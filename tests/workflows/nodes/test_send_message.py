"""Messages leave once, whole, and to the right place."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.core.messages import Button, Card, Fact, Form, FormField, Option, OutMessage, Select
from botkit.sdk.nodes import NodeFailed, Outcome
from botkit.testing.nodes import NodeBench
from botkit.workflows.nodes.send_message import SendMessage

VARIABLES = {"user": {"name": "Ada {{ not a template }}"}, "conversation": {"key": "tg:7:"}}


async def test_a_message_is_said_with_its_variables_and_only_once() -> None:
    bench = NodeBench(SendMessage, {"text": "Hello {{ user.name }}!"}, variables=VARIABLES)

    first = await bench.run()
    assert await bench.again() == first
    assert bench.said == ["Hello Ada {{ not a template }}!"]
    assert bench.ctx.said[0].to == ""
    assert isinstance(first, Outcome)
    assert first.output["message_id"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"text": "a", "silent": True}, OutMessage(text="a", silent=True)),
        (
            {"text": "a", "buttons": ["Yes", {"label": "No", "value": "n", "style": "danger"}]},
            OutMessage(
                text="a",
                buttons=((Button(label="Yes", value="Yes"),), (Button(label="No", value="n", style="danger"),)),
            ),
        ),
        (
            {"buttons": [[{"label": "Page", "url": "https://example.com"}, "B"]]},
            OutMessage(
                buttons=((Button(label="Page", value="", url="https://example.com"), Button(label="B", value="B")),)
            ),
        ),
        (
            {"selects": [{"value": "size", "options": ["S", {"label": "Large", "value": "l"}]}]},
            OutMessage(
                selects=(
                    Select(value="size", options=(Option(label="S", value="S"), Option(label="Large", value="l"))),
                )
            ),
        ),
        (
            {"form": {"value": "f", "title": "You", "fields": [{"name": "n", "label": "Name"}]}},
            OutMessage(form=Form(value="f", title="You", fields=(FormField(name="n", label="Name"),))),
        ),
        (
            {"cards": [{"title": "Mug", "facts": [{"label": "Price", "value": "9"}], "buttons": ["Buy"]}]},
            OutMessage(
                cards=(
                    Card(
                        title="Mug",
                        facts=(Fact(label="Price", value="9"),),
                        buttons=((Button(label="Buy", value="Buy"),),),
                    ),
                )
            ),
        ),
    ],
)
async def test_its_parts_become_those_of_a_message(data: dict[str, Any], message: OutMessage) -> None:
    bench = NodeBench(SendMessage, data)
    await bench.run()

    assert [said.message for said in bench.ctx.said] == [message]


@pytest.mark.parametrize(
    ("data", "to"),
    [
        ({"channel": "slack", "room": "C1"}, "slack:C1:"),
        ({"channel": "slack", "room": "C1", "thread": "9.5"}, "slack:C1:9.5"),
        ({"to": "{{ conversation.key }}"}, "tg:7:"),
    ],
)
async def test_it_may_go_elsewhere(data: dict[str, Any], to: str) -> None:
    bench = NodeBench(SendMessage, {"text": "a", **data}, variables=VARIABLES)
    await bench.run()

    assert [said.to for said in bench.ctx.said] == [to]


@pytest.mark.parametrize(
    "data",
    [
        {"text": " "},
        {"text": "a", "buttons": [{"value": "no label"}]},
        {"text": "a", "buttons": [{"label": "a", "value": "x" * 65}]},
        {"text": "a", "buttons": [5]},
        {"text": "a", "selects": [{"value": "a"}]},
        {"text": "a", "cards": ["x"]},
        {"text": "a", "form": {"title": "no fields"}},
    ],
)
async def test_a_message_that_is_not_understood_fails_and_nothing_is_said(data: dict[str, Any]) -> None:
    bench = NodeBench(SendMessage, data)
    with pytest.raises(NodeFailed) as caught:
        await bench.run()

    assert caught.value.code == "invalid_message"
    assert bench.said == []


@pytest.mark.parametrize(
    "data", [{}, {"text": "a", "channel": "x"}, {"text": "a", "to": "a:b:", "channel": "a", "room": "b"}]
)
def test_mistakes_are_found_before_anything_runs(data: dict[str, Any]) -> None:
    assert SendMessage.check(data)
