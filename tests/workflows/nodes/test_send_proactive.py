"""People who did not just write are written to once, at a pace, and only if they want it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from botkit.core.outreach import Reach
from botkit.sdk.nodes import NodeFailed, Outcome, Wait
from botkit.testing.nodes import NodeBench
from botkit.workflows.nodes.send_proactive import SendProactive


class Town:
    """People and how they can be reached."""

    def __init__(self, **status: str) -> None:
        self.status = status
        self.asked: list[tuple[str, str, str, str]] = []

    async def reach(self, person: str, *, bot: str, channel: str = "", to: str = "") -> Reach:
        self.asked.append((person, bot, channel, to))
        status: Any = self.status.get(person, "unreachable")
        return Reach(status=status, person_id=person, conversation=to or f"fake:{person}:", channel="fake")

    async def with_role(self, role: str) -> Sequence[str]:
        return sorted(self.status) if role == "member" else ()


def bench(data: dict[str, Any], town: Town) -> NodeBench:
    return NodeBench(SendProactive, {"text": "News, {{ n }}.", **data}, variables={"n": 5}, services={"outreach": town})


@pytest.mark.parametrize(
    ("status", "handle"),
    [
        ("open", "delivered"),
        ("opted_out", "opted_out"),
        ("window_closed", "window_closed"),
        ("unreachable", "unreachable"),
    ],
)
async def test_one_person_gets_the_message_once_or_an_edge_says_why_not(status: str, handle: str) -> None:
    town = Town(bob=status)
    node = bench({"person": "bob"}, town)
    outcome = await node.run()
    assert outcome == await node.again()
    assert isinstance(outcome, Outcome)
    assert outcome.handle == handle
    assert outcome.output["people"] == {"bob": "delivered" if status == "open" else status}
    assert [(said.text, said.to) for said in node.ctx.said] == ([("News, 5.", "fake:bob:")] if status == "open" else [])
    assert town.asked == [("bob", "desk", "", "")]


async def test_a_template_reaches_those_who_wrote_too_long_ago() -> None:
    template = {"name": "news", "language": "de", "variables": ["{{ n }}"]}
    for status, used in (("window_closed", True), ("open", False)):
        node = bench({"person": "bob", "template": template}, Town(bob=status))
        outcome = await node.run()
        assert isinstance(outcome, Outcome)
        assert outcome.handle == "delivered"
        found = node.ctx.said[0].message.template
        assert (found is not None) is used
        if found is not None:
            assert (found.name, found.language, found.variables) == ("news", "de", ("5",))


async def test_everybody_with_a_role_gets_one_message_at_a_pace() -> None:
    names = [f"p{number}" for number in range(5)]
    town = Town(**dict.fromkeys(names, "open"), out="opted_out")
    node = bench({"role": "member", "perMinute": 2}, town)
    rounds = [await node.run()]
    assert isinstance(rounds[0], Wait)
    assert node.said == ["News, 5."] * 2
    while isinstance(rounds[-1], Wait):
        assert await node.again() == rounds[-1]
        if len(rounds) == 2:
            town.status["p4"] = "opted_out"
        rounds.append(await node.expire())
    last = rounds[-1]
    assert len(rounds) == 3
    assert last.output["delivered"] == 4
    assert last.output["people"] == {**dict.fromkeys(names[:4], "delivered"), "p4": "opted_out", "out": "opted_out"}
    assert [said.to for said in node.ctx.said] == [f"fake:{name}:" for name in names[:4]]


async def test_a_room_is_written_to_without_asking_anybody() -> None:
    town = Town()
    node = bench({"to": "fake:room:"}, town)
    outcome = await node.run()
    assert isinstance(outcome, Outcome)
    assert (outcome.handle, node.ctx.said[0].to, town.asked) == ("delivered", "fake:room:", [])
    person = bench({"to": "fake:room:", "person": "bob", "bot": "shop", "channel": "fake"}, Town(bob="open"))
    await person.run()
    assert person.ctx.said[0].to == "fake:room:"


async def test_nobody_is_nobody() -> None:
    outcome = await bench({"role": "nobody"}, Town()).run()
    assert isinstance(outcome, Outcome)
    assert (outcome.handle, outcome.output["people"]) == ("unreachable", {})
    with pytest.raises(NodeFailed, match="cannot be written to"):
        await NodeBench(SendProactive, {"text": "x", "person": "bob"}).run()


def test_the_address_is_checked_before_anything_runs() -> None:
    assert SendProactive.check({"text": "x", "person": "a", "role": "b"})[0][0] == "role"
    assert SendProactive.check({"text": "x"})[0][0] == "person"
    assert SendProactive.check({"person": "a"})[0][0] == "text"
    assert SendProactive.check({"text": "x", "to": "a:b:"}) == []
