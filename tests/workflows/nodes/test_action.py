"""Small things are done once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from botkit.core.journal import EndSession
from botkit.core.workflow_actions import EventFacts, Tagged, Told
from botkit.sdk.nodes import NodeFailed, Outcome
from botkit.testing.nodes import BenchContext, NodeBench
from botkit.workflows.nodes.action import Action


class Doing:
    """What was asked for."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.started: list[str] = []

    async def tag(self, run: Any, person_id: str, tags: Sequence[str], *, remove: bool) -> Tagged:
        self.done.append((person_id, tuple(tags), remove))
        return Tagged(tags=("old", *tags), writes=())

    def tagged(self, person_id: str) -> None:
        return

    async def tell(self, run: Any, event: EventFacts) -> Told:
        self.done.append((event.name, event.data, event.key))
        return Told(workflows=("audit",), lanes=("lane",), writes=())

    async def start(self, lanes: Sequence[str]) -> None:
        self.started.extend(lanes)


def bench(data: dict[str, Any], **more: Any) -> tuple[NodeBench, Doing]:
    doing = Doing()
    return NodeBench(Action, data, variables={"n": 5}, services={"actions": doing}, **more), doing


@pytest.mark.parametrize(
    ("data", "output", "done"),
    [
        ({"actionType": "tag_user", "tags": ["vip"]}, {"tags": ["old", "vip"]}, ("ada", ("vip",), False)),
        (
            {"action_type": "untag_user", "tags": ["vip"], "person": "bob"},
            {"tags": ["old", "vip"]},
            ("bob", ("vip",), True),
        ),
        (
            {"action_type": "emit_event", "name": "order.done", "value": {"n": "{{ n }}"}},
            {"event": "order.done", "workflows": ["audit"]},
            ("order.done", {"n": 5}, "run_1/node/emit_event"),
        ),
    ],
)
async def test_an_action_is_done_once_however_often_it_is_replayed(
    data: dict[str, Any], output: Any, done: Any
) -> None:
    node, doing = bench(data)

    assert await node.run() == Outcome(output=output)
    assert await node.again() == Outcome(output=output)
    assert doing.done == [done]
    assert doing.started == (["lane"] if "name" in data else [])


async def test_a_conversation_is_reset_in_the_commit_of_the_step() -> None:
    node, _ = bench({"action_type": "reset_conversation"})
    await node.run()
    await node.again()

    assert node.ctx.writes == [EndSession(session_id="ses_1", at=node.ctx.clock.micros())]


async def test_the_run_ends_with_an_output() -> None:
    node, _ = bench({"action_type": "end", "value": {"n": "{{ n }}"}})

    assert await node.run() == Outcome(output={"n": 5}, end=True)


async def test_somebody_elsewhere_is_notified_once() -> None:
    node, _ = bench({"action_type": "notify", "text": "n is {{ n }}", "channel": "slack", "room": "C1"})
    await node.run()
    await node.again()

    assert [(said.text, said.to) for said in node.ctx.said] == [("n is 5", "slack:C1:")]


async def test_the_rest_of_the_run_sees_the_tags_of_its_person() -> None:
    user = {"id": "ada", "tags": ["old"]}
    node = NodeBench(
        Action, {"action_type": "tag_user", "tags": ["vip"]}, variables={"user": user}, services={"actions": Doing()}
    )

    outcome = await node.run()

    assert isinstance(outcome, Outcome)
    assert outcome.set == {"user": {"id": "ada", "tags": ["old", "vip"]}}


async def test_there_must_be_somebody_to_tag() -> None:
    node, _ = bench({"action_type": "tag_user", "tags": ["a"]}, facts=replace(BenchContext().run, person_id=""))
    with pytest.raises(NodeFailed) as caught:
        await node.run()

    assert caught.value.code == "no_person"


async def test_what_is_not_available_says_so() -> None:
    with pytest.raises(NodeFailed) as caught:
        await NodeBench(Action, {"action_type": "emit_event", "name": "a"}).run()

    assert caught.value.code == "unavailable"


@pytest.mark.parametrize(
    "data",
    [
        {"actionType": "tag_user"},
        {"action_type": "set_memory", "name": "a"},
        {"action_type": "notify", "text": "a"},
        {"action_type": "notify", "text": "a", "channel": "b"},
        {"action_type": "emit_event"},
        {"action_type": "emit_event", "name": "a name with spaces"},
    ],
)
def test_mistakes_are_found_before_anything_runs(data: dict[str, Any]) -> None:
    assert Action.check(data)
