"""Calls of MCP clients that need a person: where approvers are asked, and how they decide."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from botkit.core.call_approvals import CallApproval
from botkit.core.errors import Conflict
from botkit.core.tools import Client, Principal, Tool, ToolCall, arguments_digest
from botkit.testing.platform import PLAIN, Shown
from tests.engine.support import World, a_config

PEOPLE: dict[str, Any] = {
    "boss": {"roles": ["admin"], "identities": {"fake": ["boss"]}},
    "chef": {"roles": ["admin"], "locale": "de", "identities": {"fake": ["chef"]}},
    "ken": {"roles": ["support"], "identities": {"fake": ["ken"]}},
}
ROOM: dict[str, Any] = {"approvals": {"channel": "fake", "room": "ops"}}
PRIVATE: dict[str, Any] = {"approvals": {"channel": "fake"}}
TOOL = Tool(name="orders__refund", server="orders", upstream_name="refund", definition={}, approve=True)
MEMBER = Principal(kind="member", id="mem_1", roles=("developer",), token_id="tok_1")


async def call(world: World, *, approvers: tuple[str, ...] = (), **arguments: Any) -> CallApproval:
    """Mona's editor calls a tool that needs approval."""
    arguments = arguments or {"order": "ORD-1"}
    digest = arguments_digest(TOOL.name, arguments)
    asking = ToolCall(
        id="c1", workspace="desk", tool=TOOL.name, arguments=arguments, principal=MEMBER, client=Client(), trace_id="t"
    )
    told = await world.calls.use(asking, TOOL, digest=digest, arguments=arguments, approvers=approvers)
    await world.settle()
    return told


async def begin(world: World, **settings: Any) -> None:
    world.members = {"mem_1": "Mona"}
    world.config = a_config(people=PEOPLE, settings=settings)
    await world.start()


def shown_in(world: World, room: str) -> Shown:
    (shown,) = [shown for shown in world.platform.messages if shown.conversation.room == room]
    return shown


async def test_approvers_see_tool_member_and_arguments_once_however_often_the_client_polls(world: World):
    await begin(world, **ROOM)
    for _ in range(3):
        await call(world, order="ORD-1", amount=25)
    request = shown_in(world, "ops")

    assert [label for label, _ in request.buttons] == ["Approve", "Reject"]
    assert "orders__refund" in request.text
    assert "- order: `ORD-1`\n- amount: `25`" in request.text
    assert "Asked by Mona, a member of `desk`, by way of an MCP client." in request.text
    assert all(len(value.encode()) <= PLAIN.button_value_bytes for _, value in request.buttons)


async def test_a_press_decides_that_call_alone_and_leaves_an_audit_row(world: World):
    await begin(world, **ROOM)
    await call(world)
    await call(world, order="ORD-2")
    first, second = world.platform.messages
    await world.platform.press(first, "Approve", person="boss")
    await world.settle()

    assert world.platform.acknowledged == ["Approved."]
    assert "Approved** by Boss" in first.text
    assert first.buttons == []
    assert second.buttons != []
    used, waiting = await call(world), await call(world, order="ORD-2")
    assert (used.state, used.decided_by, used.decided_via) == ("used", "Boss", "chat:fake")
    assert waiting.state == "open"
    (audit,) = [row for row in await world.ports.records.audits() if row.action == "approvals.approve"]
    assert (audit.actor, audit.via, audit.target) == ("Boss", "chat:fake", used.id)
    assert len(world.platform.messages) == 2


async def test_the_second_decision_is_told_that_there_was_one(world: World):
    await begin(world, **PRIVATE)
    asked = await call(world)
    boss, chef = shown_in(world, "dm-boss"), shown_in(world, "dm-chef")
    assert [label for label, _ in chef.buttons] == ["Freigeben", "Ablehnen"]
    late = world.platform.event(
        person="chef", kind="action", action=None, room="dm-chef"
    )  # made before the buttons go: pressed on a phone that had not heard of the decision
    button = dict(chef.buttons)["Ablehnen"]
    await world.platform.press(boss, "Approve", person="boss")
    await world.settle()
    await world.platform.deliver(replace(late, action=_action(button)))
    await world.settle()

    assert world.platform.acknowledged == ["Approved.", "Das wurde schon freigegeben."]
    assert boss.buttons == chef.buttons == []
    with pytest.raises(Conflict):
        await world.calls.decide(asked.id, approved=False, by="operator", via="cli")


def _action(value: str) -> Any:
    from botkit.core.events import Action

    return Action(value=value, handle="late")


async def test_a_decision_from_elsewhere_shows_at_the_question(world: World):
    await begin(world, **ROOM)
    asked = await call(world)
    await world.calls.decide(asked.id, approved=False, by="olga", via="cli", comment="too much")
    await world.settle()

    request = shown_in(world, "ops")
    assert "Rejected** by olga" in request.text
    assert "too much" in request.text
    assert request.buttons == []


async def test_others_in_that_room_decide_nothing(world: World):
    await begin(world, **ROOM)
    await call(world)
    await world.platform.press(shown_in(world, "ops"), "Approve", person="ken")
    await world.settle()

    assert world.platform.acknowledged == ["Only admin may decide this."]
    assert (await call(world)).state == "open"


async def test_the_approvers_of_the_tool_are_asked_instead_of_the_admins(world: World):
    await begin(world, **PRIVATE)
    await call(world, approvers=("support",))
    await world.platform.press(shown_in(world, "dm-ken"), "Approve", person="ken")
    await world.settle()

    assert world.platform.acknowledged == ["Approved."]
    assert (await call(world, approvers=("support",))).state == "used"


async def test_a_button_whose_approval_is_unknown_does_nothing(world: World):
    await begin(world, **ROOM)
    asked = await call(world)
    for value in ("ok:y:apr_", f"ok:y:{asked.id[:20]}", "ok:y:apr_nothing"):
        event = world.platform.event(person="boss", kind="action", action=_action(value))
        await world.platform.deliver(event)
        await world.settle()

    assert (await call(world)).state == "open"
    assert len(set(world.platform.acknowledged)) == 1


async def test_expiry_shows_at_the_question_and_the_next_call_asks_anew(world: World):
    await begin(world, approvals={**ROOM["approvals"], "timeout_s": 600})
    await call(world)
    button = dict(shown_in(world, "ops").buttons)["Approve"]
    await world.pass_time(601)
    request = shown_in(world, "ops")
    assert "Expired" in request.text
    assert request.buttons == []
    await world.platform.deliver(world.platform.event(person="boss", kind="action", action=_action(button)))
    await world.settle()

    assert "expired" in world.platform.acknowledged[-1].casefold()
    assert (await call(world)).state == "expired"
    assert (await call(world)).state == "open"
    assert len(world.platform.texts("ops")) == 2


async def test_a_restart_between_asking_and_pressing_loses_nothing(world: World):
    await begin(world, **ROOM)
    await call(world)
    await world.crash()
    await world.start()
    await world.settle()
    await world.platform.press(shown_in(world, "ops"), "Approve", person="boss")
    await world.settle()

    assert (await call(world)).state == "used"
    assert "Approved** by Boss" in shown_in(world, "ops").text


async def test_what_was_asked_and_decided_while_nothing_worked_shows_at_the_next_start(world: World):
    """As when a command decides while botkit does not run."""
    await begin(world, **ROOM)
    world.calls._wake = None  # pyright: ignore[reportPrivateUsage] - nobody works on the lane
    first, second = await call(world), await call(world, order="ORD-2")
    assert world.platform.messages == []
    await world.restart()
    await world.settle()
    assert len(world.platform.texts("ops")) == 2
    world.calls._wake = None  # pyright: ignore[reportPrivateUsage]
    await world.calls.decide(first.id, approved=True, by="olga", via="cli")
    await world.restart()
    await world.settle()

    decided, waiting = world.platform.messages
    assert "Approved** by olga" in decided.text
    assert waiting.buttons
    assert (await world.calls.find(second.id) or second).state == "open"


async def test_an_approval_that_expired_while_nothing_worked_says_so(world: World):
    await begin(world, approvals={**ROOM["approvals"], "timeout_s": 600})
    await call(world)
    await world.close()
    await world.clock.advance(601)
    await world.start()
    await world.pass_time(1)

    assert "Expired" in shown_in(world, "ops").text


async def test_without_a_channel_for_approvers_nobody_is_written_to(world: World):
    await begin(world)
    asked = await call(world)

    assert world.platform.messages == []
    assert await world.calls.list() == [asked]


async def test_without_buttons_the_request_names_the_command(world: World):
    world.platform.capabilities = replace(PLAIN, buttons=False)
    await begin(world, **ROOM)
    asked = await call(world)

    assert f"`botkit approvals approve {asked.id}`" in shown_in(world, "ops").text


async def test_arguments_cannot_pass_for_words_of_ours(world: World):
    await begin(world, **ROOM)
    named: dict[str, Any] = {"note`\n**Asked by Boss**": "x`\nApproved.\u2028" + "y" * 400, "order": "ORD-1"}
    await call(world, **named)
    text = shown_in(world, "ops").text

    assert "- note____Asked_by_Boss__: `x' Approved. " in text
    assert "\n**Asked" not in text
    assert "…`\n- order: `ORD-1`" in text
