"""Variables are written as told, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.sdk.nodes import NodeFailed, Outcome
from botkit.testing.nodes import NodeBench
from botkit.workflows.nodes.set_variable import SetVariable

VARIABLES: dict[str, Any] = {"order": {"total": 10}, "seen": [1], "text": " Hi "}


@pytest.mark.parametrize(
    ("data", "written"),
    [
        ({"name": "double", "value": "{{ order.total * 2 }}"}, {"double": 20}),
        ({"name": "said", "value": "Total: {{ order.total }}"}, {"said": "Total: 10"}),
        ({"values": {"a": 1, "b": {"c": ["{{ text }}"]}}}, {"a": 1, "b": {"c": [" Hi "]}}),
        ({"name": "clean", "value": "{{ text }}", "transform": "value | trim | lower"}, {"clean": "hi"}),
        ({"name": "n", "value": "12.5", "kind": "number"}, {"n": 12.5}),
        ({"name": "n", "value": "12", "kind": "integer"}, {"n": 12}),
        ({"name": "yes", "value": "yes", "kind": "boolean"}, {"yes": True}),
        ({"name": "data", "value": '{"a": [1]}', "kind": "json"}, {"data": {"a": [1]}}),
        ({"name": "t", "value": 5, "kind": "text"}, {"t": "5"}),
        ({"name": "seen", "value": 2, "append": True}, {"seen": [1, 2]}),
        ({"name": "fresh", "value": 2, "append": True}, {"fresh": [2]}),
        ({"name": "nothing"}, {"nothing": None}),
    ],
)
async def test_a_variable_becomes_its_value(data: dict[str, Any], written: dict[str, Any]) -> None:
    assert await NodeBench(SetVariable, data, variables=VARIABLES).run() == Outcome(output=written, set=written)


@pytest.mark.parametrize(
    "data",
    [
        {"name": "n", "value": "twelve", "kind": "number"},
        {"name": "n", "value": 1.5, "kind": "integer"},
        {"name": "n", "value": True, "kind": "integer"},
        {"name": "n", "value": "x", "kind": "list"},
        {"name": "n", "value": "{", "kind": "json"},
        {"name": "order", "value": 1, "append": True},
        {"name": "{{ text }}", "value": 1},
    ],
)
async def test_what_does_not_fit_fails(data: dict[str, Any]) -> None:
    with pytest.raises(NodeFailed):
        await NodeBench(SetVariable, data, variables=VARIABLES).run()


@pytest.mark.parametrize("data", [{}, {"name": "a", "values": {"b": 1}}, {"name": "a b"}, {"values": {"run": 1}}])
def test_mistakes_are_found_before_anything_runs(data: dict[str, Any]) -> None:
    assert SetVariable.check(data)


def test_what_it_writes_is_known_to_the_checks() -> None:
    assert SetVariable.writes_of({"name": "a", "kind": "number"}) == {"a": {"type": "number"}}
    assert SetVariable.writes_of({"values": {"a": 1, "b": 2}}) == {"a": {}, "b": {}}
    assert SetVariable.check({"values": {"a": 1}}) == []
