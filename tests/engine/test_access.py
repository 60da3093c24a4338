"""Who is answered where."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.support import World, a_config

GROUP: dict[str, Any] = {"room": "g1", "group": True}


@pytest.mark.parametrize(
    ("groups", "text", "addressed", "answered"),
    [
        ({}, "hello", "none", False),
        ({}, "hello", "mention", True),
        ({}, "hello", "reply", True),
        ({"names": ["desk"]}, "Desk, hello", "none", True),
        ({"names": ["desk"]}, "ask the desk", "none", False),
        ({"policy": "all"}, "hello", "none", True),
        ({"policy": "off"}, "hello", "mention", False),
        ({"allow": ["g2"]}, "hello", "mention", False),
        ({"allow": ["g1"]}, "hello", "mention", True),
    ],
)
async def test_in_groups_the_bot_speaks_when_spoken_to(
    world: World, groups: dict[str, Any], text: str, addressed: str, answered: bool
):
    world.config = a_config(channel={"groups": groups})
    await world.start()
    await world.ask(text, addressed=addressed, **GROUP)

    assert bool(world.texts) is answered
    if not answered:
        assert (await world.outcomes())[0].startswith("ignored: "), "an intended silence has its reason"


async def test_a_room_may_have_its_own_bot_rules_and_words(world: World):
    world.config = a_config(
        channel={"rooms": {"g1": {"policy": "all", "prompt_append": "Speak like a pirate.", "bot": "other"}}},
        bots={
            "desk": {"model": "scripted/model", "prompt": "Be brief."},
            "other": {"model": "scripted/other", "prompt": "Be kind."},
        },
    )
    await world.start()
    await world.ask("ahoy", **GROUP)
    await world.ask("hello")

    first, second = world.model.requests
    assert first.model == "scripted/other"
    assert "Be kind." in str(first.messages[0]["content"])
    assert "Speak like a pirate." in str(first.messages[0]["content"])
    assert second.model == "scripted/model"


async def test_our_own_messages_and_other_bots_are_not_answered(world: World):
    await world.start()
    event = world.platform.event("echo")
    await world.platform.deliver(_from(event, is_self=True))
    await world.platform.deliver(_from(world.platform.event("beep"), is_bot=True))
    await world.settle()

    assert world.texts == []
    assert await world.outcomes() == ["ignored: own message", "ignored: another bot"]


async def test_bots_that_address_each_other_in_a_group_stop_after_a_while(world: World):
    world.config = a_config(settings={"bot_to_bot_limit": 3})
    await world.start()
    for number in range(6):
        event = world.platform.event(str(number), person="robot", addressed="mention", **GROUP)
        await world.platform.deliver(_from(event, is_bot=True))
        await world.settle()
    assert len(world.texts) == 3

    await world.clock.advance(61)
    event = world.platform.event("later", person="robot", addressed="mention", **GROUP)
    await world.platform.deliver(_from(event, is_bot=True))
    await world.settle()
    assert len(world.texts) == 4


async def test_with_an_allow_list_others_meet_silence(world: World):
    world.config = a_config(channel={"dm_policy": "allowlist", "allow": ["ada"]})
    await world.start()
    await world.ask("hello", person="ada")
    await world.ask("hello", person="mallory")

    assert world.texts == ["You said: hello"]
    assert (await world.outcomes())[1] == "ignored: not on the allow-list"


async def test_a_declared_person_is_known_without_a_list(world: World):
    world.config = a_config(
        channel={"dm_policy": "allowlist"}, people={"ada": {"identities": {"fake": ["ada"]}, "roles": ["member"]}}
    )
    await world.start()
    await world.ask("hello", person="ada")

    assert world.texts == ["You said: hello"]


async def test_an_unknown_person_gets_one_pairing_code_and_is_let_in_by_it(world: World):
    world.config = a_config(channel={"dm_policy": "pairing"})
    await world.start()
    await world.ask("hello")
    await world.ask("hello?")
    assert len(world.texts) == 1, "a code once, not at every message"
    assert world.model.requests == []

    (code,) = await world.ports.pairing.list()
    assert f"`{code.code}`" in world.texts[0]
    await world.ports.pairing.approve(code.code, by="operator")
    world.engine.people_changed()
    await world.ask("hello!")

    assert world.texts[1:] == ["You said: hello!"]
    (run,) = await world.runs()
    assert run.input["roles"] == ["member"]


async def test_a_stranger_is_a_guest_and_a_listed_person_a_member(world: World):
    world.config = a_config(channel={"allow": ["ada"]})
    await world.start()
    await world.ask("hello", person="ada")
    await world.ask("hello", person="mallory")

    assert [run.input["roles"] for run in await world.runs()] == [["member"], ["guest"]]


async def test_one_person_on_two_accounts_is_one_person(world: World):
    world.config = a_config(people={"ada": {"roles": ["admin"], "identities": {"fake": ["ada", "ada-work"]}}})
    await world.start()
    await world.ask("hello", person="ada")
    await world.ask("hello", person="ada-work")

    assert {run.person_id for run in await world.runs()} == {"ada"}


async def test_an_unpaired_person_cannot_use_commands(world: World):
    world.config = a_config(channel={"dm_policy": "pairing"})
    await world.start()
    await world.ask("/whoami")

    assert "pairing code" in world.texts[0]
    assert "roles" not in world.texts[0]


def _from(event: Any, **sender: bool) -> Any:
    import msgspec

    return msgspec.structs.replace(event, sender=msgspec.structs.replace(event.sender, **sender))
