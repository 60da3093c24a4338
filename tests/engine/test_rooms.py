"""A room that gets another id: the conversation, its waits and its messages go on in the new one."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.testing.models import calls
from tests.engine.support import World, a_config

BOSS: dict[str, Any] = {"boss": {"roles": ["admin"], "identities": {"fake": ["boss"]}}}
GROUP: dict[str, Any] = {"group": True, "addressed": "mention"}


async def moves(world: World, old: str, new: str) -> None:
    """The platform says that a group is another one now."""
    world.platform.moved[old] = new
    event = world.platform.event(kind="member", status="migrated", room=old, group=True, target_id=new)
    await world.platform.deliver(event)
    await world.settle()


async def test_the_model_remembers_in_the_new_room_what_was_said_in_the_old(world: World):
    await world.start()
    await world.ask("my order is ORD-7", room="small", **GROUP)
    await moves(world, "small", "super")
    await world.ask("where is it?", room="super", **GROUP)

    told = str(world.model.requests[-1].messages)
    assert "my order is ORD-7" in told
    assert world.platform.texts("super") == ["You said: Ada: where is it?"]


async def test_an_approval_asked_before_the_move_is_decided_and_answered_after_it(world: World):
    world.config = a_config(people=BOSS)
    world.tools.add("orders__refund", lambda: "done", approve=True)
    world.script.extend([calls(("orders__refund", {})), "Refunded."])
    await world.start()
    await world.ask("refund", room="small", **GROUP)
    question = world.platform.messages[-1]
    await moves(world, "small", "super")
    await world.platform.press(question, "Approve", person="boss")
    await world.settle()

    assert len(world.tools.effects) == 1
    verdict, answer = world.platform.texts("super")
    assert "**Approved** by Boss" in verdict
    assert answer == "Refunded."


async def test_a_question_asked_before_the_move_is_answered_by_a_message_in_the_new_room(world: World):
    from botkit.testing.tools import Ask

    def paint(answers: dict[str, Any] | None = None) -> str:
        if answers is None:
            raise Ask("Which colour?", colour="string")
        return f"painted {answers['colour']}"

    world.tools.add("shop__paint", paint)
    world.script.extend([calls(("shop__paint", {})), "Painted."])
    await world.start()
    await world.ask("paint it", room="small", **GROUP)
    await moves(world, "small", "super")
    await world.ask("blue", room="super", **GROUP)

    assert "painted blue" in str(world.model.requests[-1].messages)
    assert world.platform.texts("super") == ["Painted."]


@pytest.mark.parametrize("restarted", [False, True])
async def test_what_could_not_be_delivered_yet_is_delivered_to_the_new_room(world: World, restarted: bool):
    world.started = False
    await world.start()
    await world.ask("hello", room="small", **GROUP)
    await moves(world, "small", "super")
    if restarted:
        await world.crash()
    world.started = True
    if restarted:
        await world.start()
    else:
        await world.engine.channel_started("fake")
    await world.settle()

    assert world.platform.texts("super") == ["You said: Ada: hello"]
    assert [part.conversation.room for part in await world.parts("sent")] == ["super"]


async def test_a_delivery_that_finds_the_chat_elsewhere_moves_the_conversation(world: World):
    """The platform told nobody: the first message after the move is answered with the new id."""
    await world.start()
    await world.ask("my order is ORD-7", room="small", **GROUP)
    world.platform.moved["small"] = "super"
    await world.ask("thanks", room="small", **GROUP)
    await world.ask("where is it?", room="super", **GROUP)

    told = str(world.model.requests[-1].messages)
    assert "ORD-7" in told
    assert "thanks" in told


async def test_hearing_of_a_move_twice_is_hearing_of_it_once(world: World):
    await world.start()
    await world.ask("one", room="small", **GROUP)
    await moves(world, "small", "super")
    await moves(world, "small", "super")
    await world.ask("two", room="super", **GROUP)

    assert "one" in str(world.model.requests[-1].messages)
    assert [outcome for outcome in await world.outcomes() if outcome.startswith("moved")] == ["moved: fake:super:"] * 2


async def test_an_id_in_bots_yaml_that_is_not_in_use_any_more_is_pointed_out(
    world: World, capsys: pytest.CaptureFixture[str]
):
    world.config = a_config(channel={"groups": {"allow": ["small"]}})
    await world.start()
    await moves(world, "small", "super")

    assert "Write super instead of small in bots.yaml." in capsys.readouterr().out
