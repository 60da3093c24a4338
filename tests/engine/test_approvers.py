"""Approvals asked elsewhere (`settings.approvals.channel`): by whom they are decided, and what the asker sees."""

from __future__ import annotations

from typing import Any

from botkit.testing.models import calls
from botkit.testing.platform import PLAIN, Shown
from tests.engine.support import World, a_config

BOSS: dict[str, Any] = {"boss": {"roles": ["admin"], "identities": {"fake": ["boss"]}}}
ROOM: dict[str, Any] = {"approvals": {"channel": "fake", "room": "ops"}}
PRIVATE: dict[str, Any] = {"approvals": {"channel": "fake"}}


def _refunded(order: str) -> str:
    return f"refunded {order}"


async def asked(world: World, **more: Any) -> None:
    """Ada wants a refund that needs approval."""
    world.tools.add("orders__refund", _refunded, approve=True, order="string")
    world.script.append(calls(("orders__refund", {"order": "ORD-1"})))
    world.script.append("Refunded.")
    await world.start()
    await world.ask("refund please", **more)


def shown_in(world: World, room: str) -> Shown:
    (shown,) = [shown for shown in world.platform.messages if shown.conversation.room == room]
    return shown


async def test_the_room_of_the_approvers_gets_the_buttons_and_the_asker_is_told_to_wait(world: World):
    world.config = a_config(people=BOSS, settings=ROOM)
    await asked(world)

    request, waiting = shown_in(world, "ops"), shown_in(world, "dm-ada")
    assert [label for label, _ in request.buttons] == ["Approve", "Reject"]
    assert "ORD-1" in request.text
    assert "Asked by Ada, by way of Desk on `fake`." in request.text
    assert waiting.buttons == []
    assert "A colleague has to decide" in waiting.text


async def test_an_approver_decides_there_and_both_messages_show_it(world: World):
    world.config = a_config(people=BOSS, settings=ROOM)
    await asked(world)
    request, waiting = shown_in(world, "ops"), shown_in(world, "dm-ada")
    await world.platform.press(request, "Approve", person="boss")
    await world.settle()

    assert world.platform.acknowledged == ["Approved."]
    assert len(world.tools.effects) == 1
    assert "Approved** by Boss" in request.text
    assert "Approved** by Boss" in waiting.text
    assert request.buttons == []
    assert world.platform.texts("dm-ada")[-1] == "Refunded."
    assert len(world.platform.texts("ops")) == 1


async def test_others_in_that_room_decide_nothing(world: World):
    world.config = a_config(people=BOSS, settings=ROOM)
    await asked(world)
    request = shown_in(world, "ops")
    await world.platform.press(request, "Approve", person="mallory")
    await world.settle()

    assert world.platform.acknowledged == ["Only admin may decide this."]
    assert world.tools.effects == []
    assert request.buttons


async def test_a_request_that_could_not_leave_leaves_after_a_restart_and_decides(world: World):
    world.config = a_config(people=BOSS, settings=ROOM)
    world.started = False
    await asked_while_off(world)
    await world.crash()
    world.started = True
    await world.start()
    await world.settle()
    request = shown_in(world, "ops")
    await world.restart()
    await world.platform.press(request, "Reject", person="boss")
    await world.settle()

    assert "Rejected" in request.text
    assert world.tools.effects == []
    assert world.platform.texts("dm-ada")[-1] == "Refunded."


async def asked_while_off(world: World) -> None:
    """The run pauses while the channel is off: nothing of it was sent."""
    world.tools.add("orders__refund", _refunded, approve=True, order="string")
    world.script.append(calls(("orders__refund", {"order": "ORD-1"})))
    world.script.append("Refunded.")
    await world.start()
    await world.ask("refund please")
    assert world.platform.messages == []
    assert len(await world.waits()) == 1


async def test_without_a_room_each_approver_is_asked_in_private_in_their_language(world: World):
    people = {**BOSS, "chef": {"roles": ["admin"], "locale": "de", "identities": {"fake": ["chef"]}}}
    world.config = a_config(people=people, settings=PRIVATE)
    await asked(world)
    boss, chef = shown_in(world, "dm-boss"), shown_in(world, "dm-chef")
    assert [label for label, _ in boss.buttons] == ["Approve", "Reject"]
    assert [label for label, _ in chef.buttons] == ["Freigeben", "Ablehnen"]
    await world.platform.press(chef, "Freigeben", person="chef")
    await world.settle()

    assert world.platform.acknowledged == ["Freigegeben."]
    assert boss.buttons == chef.buttons == []
    assert len(world.tools.effects) == 1


async def test_an_expired_request_says_so_in_both_places(world: World):
    world.config = a_config(people=BOSS, settings={"approvals": {**ROOM["approvals"], "timeout_s": 3600}})
    await asked(world)
    await world.pass_time(3601)

    assert "Expired" in shown_in(world, "ops").text
    assert "Expired" in world.platform.texts("dm-ada")[0]


async def test_a_cancelled_run_calls_its_request_off(world: World):
    world.config = a_config(people=BOSS, settings=ROOM)
    await asked(world)
    (run,) = await world.runs()
    await world.engine.cancel(run.id, by="operator", via="cli")
    await world.settle()

    assert "Cancelled" in shown_in(world, "ops").text
    assert shown_in(world, "ops").buttons == []


async def test_nobody_to_write_to_means_asking_where_it_came_up(world: World):
    world.config = a_config(settings=PRIVATE)
    await asked(world, room="g1", group=True, addressed="mention")

    assert [label for label, _ in shown_in(world, "g1").buttons] == ["Approve", "Reject"]


async def test_what_comes_up_in_the_room_of_the_approvers_is_asked_there_once(world: World):
    world.config = a_config(people=BOSS, settings=ROOM)
    await asked(world, room="ops", group=True, addressed="mention")

    assert [label for label, _ in shown_in(world, "ops").buttons] == ["Approve", "Reject"]


async def test_without_buttons_the_request_names_the_command(world: World):
    from msgspec.structs import replace

    world.platform.capabilities = replace(PLAIN, buttons=False)
    world.config = a_config(people=BOSS, settings=ROOM)
    await asked(world)
    (wait,) = await world.waits()

    assert f"`botkit approvals approve {wait.id}`" in shown_in(world, "ops").text
