"""Rooms on Telegram: a group that becomes a supergroup, and a room in which approvers decide."""

from __future__ import annotations

from botkit.testing.models import calls
from tests.adapters.test_telegram_engine import Desk, desk

__all__ = ["desk"]  # the fixture


async def test_a_group_that_becomes_a_supergroup_keeps_its_conversation(desk: Desk) -> None:
    fake = desk.fake
    old = fake.group("Small", basic=True)
    fake.say("Ada", "@desk_bot my order is ORD-7", old)
    await desk.until(lambda: len(fake.texts(old)) == 1)
    await desk.world.settle()
    new = fake.migrate(old)
    fake.say("Ada", "@desk_bot where is it?", new)
    await desk.until(lambda: fake.texts(new))
    await desk.world.settle()

    assert "ORD-7" in str(desk.world.model.requests[-1].messages)
    assert [outcome for outcome in await desk.world.outcomes() if outcome.startswith("moved")]


async def test_an_approval_is_asked_in_the_room_of_the_approvers_and_decided_there(desk: Desk) -> None:
    fake, world = desk.fake, desk.world
    ops = fake.group("Ops")
    boss = fake.user("Boss")
    people = {"boss": {"roles": ["admin"], "identities": {"fake": [str(boss.id)]}}}
    approvals = {"channel": "fake", "room": str(ops.id)}
    desk.configure(people=people, settings={"approvals": approvals})
    world.tools.add("orders__refund", lambda: "refunded", approve=True)
    world.script.extend([calls(("orders__refund", {})), "Refunded."])
    fake.say("Ada", "refund please")
    await desk.until(lambda: len(fake.sent) == 2)
    request = next(message for message in fake.sent if message.chat_id == ops.id)
    waiting = next(message for message in fake.sent if message.chat_id != ops.id)
    assert "Approval needed" in request.text
    assert "A colleague has to decide" in waiting.text

    fake.press("Mallory", request, "Approve")
    await world.settle()
    assert world.tools.effects == []
    fake.press("Boss", request, "Approve")
    await desk.until(lambda: len(fake.sent) == 3)
    await world.settle()
    assert len(world.tools.effects) == 1
    assert fake.sent[-1].text == "Refunded."
    assert "Approved by Boss" in request.text
    assert "Approved by Boss" in waiting.text
