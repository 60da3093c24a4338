"""What every bot understands on every platform."""

from __future__ import annotations

import pytest

from botkit.testing.models import calls
from botkit.testing.tools import Ask
from tests.engine.support import World, a_config


async def test_start_and_help_say_who_the_bot_is_and_what_it_understands(world: World):
    world.config = a_config(bot={"description": "I know every order."})
    await world.start()
    await world.ask("/start")
    await world.ask("/help")

    assert "Desk" in world.texts[0]
    assert "I know every order." in world.texts[0]
    assert all(f"/{name}" in world.texts[1] for name in ("new", "reset", "stop", "status", "whoami"))
    assert world.model.requests == []


@pytest.mark.parametrize("text", ["/help", "/HELP", "/help@desk_bot", "!help", "  /help please"])
async def test_a_command_is_understood_however_it_is_written(world: World, text: str):
    await world.start()
    await world.ask(text)

    assert "/whoami" in world.texts[0]
    assert await world.outcomes() == ["command: help"]


async def test_a_command_the_platform_recognised_itself_is_understood(world: World):
    await world.start()
    await world.ask("", kind="command", command="whoami")

    assert "**Ada**" in world.texts[0]


async def test_what_only_looks_like_a_command_goes_to_the_model(world: World):
    await world.start()
    await world.ask("/etc/passwd is a file")
    await world.ask("!")

    assert world.heard == ["/etc/passwd is a file", "!"]


async def test_a_command_of_the_bots_own_tells_the_model_what_it_stands_for(world: World):
    world.config = a_config(bot={"commands": {"order": "The person asks for the state of an order:"}})
    await world.start()
    await world.ask("/order ORD-7")

    assert world.heard == ["The person asks for the state of an order:\n\nORD-7"]


@pytest.mark.parametrize("command", ["/new", "/reset"])
async def test_new_and_reset_forget_what_was_said(world: World, command: str):
    await world.start()
    await world.ask("I am Ada")
    await world.ask(command)
    await world.ask("who am I?")

    assert [m["role"] for m in world.model.requests[1].messages] == ["system", "user"]


async def test_reset_ends_a_question_but_never_an_approval(world: World):
    def ask(**given: object) -> str:
        if "answers" not in given:
            raise Ask("Which colour?", colour="string")
        return "painted"

    world.tools.add("shop__paint", ask)
    world.tools.add("shop__pay", approve=True)
    world.script.extend([calls(("shop__paint", {}), ("shop__pay", {}))])
    await world.start()
    await world.ask("paint and pay")
    assert sorted(wait.kind for wait in await world.waits()) == ["approval", "reply"]
    await world.ask("/reset")

    assert [wait.kind for wait in await world.waits()] == ["approval"]
    assert "1 approval is still waiting" in world.texts[-1]
    await world.ask("hello")
    assert world.texts[-1] == "You said: hello", "it was not taken for the colour"


async def test_status_tells_what_waits(world: World):
    world.tools.add("shop__pay", approve=True)
    world.script.append(calls(("shop__pay", {})))
    await world.start()
    await world.ask("/status")
    assert "Ready." in world.texts[-1]
    await world.ask("pay")
    await world.ask("/status")

    assert "Waiting for approval of `shop__pay`." in world.texts[-1]


async def test_status_is_answered_while_a_turn_runs(world: World):
    await world.start()
    world.gate.clear()
    await world.platform.say("long story")
    await world.asked()
    await world.platform.say("/status")
    await world.platform.until(lambda: any("Working on an answer." in text for text in world.texts))
    world.gate.set()
    await world.settle()

    assert world.texts[-1] == "You said: long story"
    assert sum("Working on an answer." in text for text in world.texts) == 1


async def test_whoami_tells_person_roles_and_account(world: World):
    world.config = a_config(people={"ada": {"name": "Ada L.", "roles": ["admin"], "identities": {"fake": ["ada"]}}})
    await world.start()
    await world.ask("/whoami")

    assert all(fact in world.texts[0] for fact in ("`ada`", "admin", "`fake`"))


async def test_stop_with_nothing_running_says_so(world: World):
    await world.start()
    await world.ask("/stop")

    assert world.texts == ["Nothing is running right now."]


async def test_a_command_in_a_group_needs_no_mention_when_the_platform_addresses_it(world: World):
    await world.start()
    await world.ask("/help", room="g1", group=True, addressed="command")
    await world.ask("/help", room="g1", group=True)

    assert len(world.texts) == 1
    assert await world.outcomes() == ["command: help", "ignored: not addressed"]


@pytest.mark.parametrize("text", ["/stop messages", "!STOP Messages", "/stop@desk_bot messages"])
async def test_who_wants_no_unasked_messages_says_so_and_may_change_their_mind(world: World, text: str):
    await world.start()
    await world.ask(text)
    (person,) = await world.store.people.list()
    assert await world.store.outreach.opted_out([person.id], "desk") == {person.id}
    await world.ask("/start messages")
    assert await world.store.outreach.opted_out([person.id], "desk") == frozenset()
    assert await world.outcomes() == ["command: stop", "command: start"]
