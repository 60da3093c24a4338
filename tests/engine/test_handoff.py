"""Handing over to a person: who sees what, reminders, escalation, changed values, and one decision."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.core.errors import Conflict, InvalidArguments
from botkit.workflows.graph import GraphNode
from tests.engine.support import World
from tests.engine.test_workflows import greet, with_workflow

HOUR = 3600
TEAM: dict[str, Any] = {
    "people": {
        "boss": {"roles": ["admin"], "identities": {"fake": ["boss"]}},
        "owner": {"roles": ["owner"], "identities": {"fake": ["owner"]}},
    },
    "settings": {"approvals": {"channel": "fake", "approvers": ["admin"]}, "roles": {"owner": {"classes": ["write"]}}},
}
REASON = "620 EUR are more than 500"


def handoff(world: World, **data: Any) -> None:
    node = GraphNode(id="check", type="human_handoff", data={"reason": REASON, "title": "Refund", **data})
    with_workflow(
        world,
        node,
        greet("yes", "Refunded {{ check.values.amount | default('all') }}, says {{ check.by }}."),
        greet("no", "Sorry: {{ check.comment }}"),
        greet("late", "Nobody looked."),
        edges="check.approved>yes check.rejected>no check.timeout>late",
        **TEAM,
    )


def said_to(world: World, room: str) -> list[str]:
    return [shown.text for shown in world.platform.messages if shown.conversation.room == f"dm-{room}"]


async def begin(world: World, **data: Any) -> Any:
    handoff(world, **data)
    await world.start()
    await world.ask("I want my money", person="ada")
    (wait,) = await world.waits()
    return wait


async def test_reviewers_see_the_details_and_the_customer_only_that_somebody_looks(world: World):
    await begin(world, details={"order": "A-1", "total": 620})
    (asked,) = said_to(world, "boss")
    assert all(part in asked for part in ("Refund", REASON, "A-1", "620"))
    (told,) = said_to(world, "ada")
    assert "620" not in told
    assert "colleague" in told


async def test_the_customer_is_told_what_the_workflow_says_or_nothing(world: World):
    await begin(world, tell="One moment, please.")
    assert said_to(world, "ada") == ["One moment, please."]


async def test_nothing_is_told_where_nothing_should_be(world: World):
    await begin(world, tell="")
    assert said_to(world, "ada") == []
    assert len(said_to(world, "boss")) == 1


async def test_a_button_decides_and_a_second_decision_is_told_so(world: World):
    wait = await begin(world)
    asked = next(shown for shown in world.platform.messages if shown.conversation.room == "dm-boss")
    await world.platform.press(asked, "Approve", person="boss")
    await world.settle()
    assert said_to(world, "ada")[-1].startswith("Refunded all")
    assert "Approved" in asked.text
    with pytest.raises(Conflict):
        await world.engine.decide(wait.id, approved=False, by="late", via="cli")


async def test_a_reviewer_changes_the_values_that_may_be_changed(world: World):
    wait = await begin(world, edit={"amount": 620})
    with pytest.raises(InvalidArguments, match="order"):
        await world.engine.decide(wait.id, approved=True, by="boss", via="cli", values={"order": "B-2"})
    await world.engine.decide(wait.id, approved=True, by="boss", via="cli", values={"amount": 500})
    await world.settle()
    assert said_to(world, "ada")[-1] == "Refunded 500, says boss."


async def test_a_rejection_takes_its_edge_with_the_comment(world: World):
    wait = await begin(world)
    await world.engine.decide(wait.id, approved=False, by="boss", via="cli", comment="too old")
    await world.settle()
    assert said_to(world, "ada")[-1] == "Sorry: too old"


async def test_nobody_decides_in_time(world: World):
    wait = await begin(world, expires_s=HOUR)
    await world.pass_time(HOUR + 1)
    await world.settle()
    assert said_to(world, "ada")[-1] == "Nobody looked."
    with pytest.raises(Conflict):
        await world.engine.decide(wait.id, approved=True, by="boss", via="cli")


async def test_reviewers_are_reminded_until_they_decide(world: World):
    wait = await begin(world, remind_after_s=HOUR)
    for _ in range(2):
        await world.pass_time(HOUR)
        await world.settle()
    assert len(said_to(world, "boss")) == 3
    await world.engine.decide(wait.id, approved=True, by="boss", via="cli")
    await world.settle()
    assert all("Approved" in text for text in said_to(world, "boss")), "each of them shows what became of it"
    await world.pass_time(3 * HOUR)
    await world.settle()
    assert len(said_to(world, "boss")) == 3


async def test_after_a_while_others_may_decide_too(world: World):
    await begin(world, escalate_after_s=HOUR, escalate_to=["owner"])
    assert said_to(world, "owner") == []
    await world.crash()
    await world.start()
    await world.pass_time(HOUR)
    await world.settle()
    asked = next(shown for shown in world.platform.messages if shown.conversation.room == "dm-owner")
    await world.platform.press(asked, "Approve", person="owner")
    await world.settle()
    assert "says Owner" in said_to(world, "ada")[-1]
