"""What bots keep in mind of people: private by default, seen and forgotten by them."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.core.notes import NoteKey
from botkit.core.tokens import estimate_json_tokens
from tests.engine.support import World, a_config

LONG = {"bot": {"memory": True, "history_messages": 2}}


async def notes_of(world: World, owner: str, scope: Any = "person") -> dict[str, Any]:
    found = await world.store.notes.list(NoteKey(scope=scope, owner=owner))
    return {note.name: note.value for note in found}


async def person_of(world: World) -> str:
    return (await world.runs())[0].person_id


async def keep(world: World, key: NoteKey, name: str, value: str) -> None:
    await world.notebook.put(await world.notebook.written(key, name, value, by="test"))


async def test_facts_that_leave_the_history_are_known_in_later_conversations(world: World) -> None:
    world.config = a_config(**LONG)
    await world.start()
    await world.ask("I am allergic to hazelnuts.")
    await world.ask("What is a kettle?")
    await world.ask("/new")
    await world.ask("What may I eat, hazelnuts?")

    assert await notes_of(world, await person_of(world)) == {
        "I am allergic to hazelnuts": "I am allergic to hazelnuts."
    }
    assert "I am allergic to hazelnuts." in world.model.requests[-1].messages[0]["content"]


async def test_silence_that_ends_a_conversation_ends_no_fact(world: World) -> None:
    world.config = a_config(bot={"memory": True})
    await world.start()
    await world.ask("I am allergic to hazelnuts. What is a kettle?")
    await world.clock.advance(3 * 24 * 3600)
    await world.ask("Hello again")

    assert [m["role"] for m in world.model.requests[-1].messages] == ["system", "user"]
    assert "I am allergic to hazelnuts." in world.model.requests[-1].messages[0]["content"]


async def test_a_bot_without_memory_keeps_nothing(world: World) -> None:
    world.config = a_config(bot={"history_messages": 2})
    await world.start()
    for text in ("I am allergic to hazelnuts.", "What is a kettle?", "And a pot?"):
        await world.ask(text)

    assert await notes_of(world, await person_of(world)) == {}


async def test_what_is_learned_in_private_never_appears_in_a_group(world: World) -> None:
    world.config = a_config(**LONG)
    await world.start()
    await world.ask("I am allergic to hazelnuts.")
    await world.ask("What is a kettle?")
    await world.ask("May I eat hazelnuts?", room="family", group=True, addressed="mention")
    await world.ask("/memory", room="family", group=True, addressed="mention")

    assert "allergic" not in str(world.model.requests[-1].messages)
    assert "allergic" not in world.texts[-1]
    assert "private chat" in world.texts[-1]


async def test_people_see_and_forget_their_notes(world: World) -> None:
    await world.start()
    await world.ask("hello")
    ada = await person_of(world)
    await keep(world, NoteKey(owner=ada), "favourite_drink", "green *tea*")
    await keep(world, NoteKey(owner=ada), "home", "Porto")
    await world.ask("/memory")
    await world.ask("/forget 1")
    await world.ask("/forget nothing like it")
    await world.ask("/forget")

    shown, forgotten, unknown, asked = world.texts[-4:]
    assert "1. favourite drink: green tea" in shown
    assert "2. home: Porto" in shown
    assert "favourite drink" in forgotten
    assert "nothing in mind that is called that" in unknown
    assert "number" in asked
    assert await notes_of(world, ada) == {"home": "Porto"}
    assert [outcome for outcome in await world.outcomes() if outcome.startswith("command")] == [
        "command: memory",
        "command: forget",
        "command: forget",
        "command: forget",
    ]


async def test_everything_is_forgotten_only_when_it_is_confirmed(world: World) -> None:
    world.config = a_config(bot={"memory": True})
    await world.start()
    await world.ask("I live in Porto.")
    ada = await person_of(world)
    await keep(world, NoteKey(owner=ada), "home", "Porto")
    await world.ask("/forget all")
    assert len(await notes_of(world, ada)) == 2
    await world.ask("/forget alle ja")

    assert "/forget all yes" in world.texts[-2]
    assert await notes_of(world, ada) == {}
    await world.ask("Where do I live?")
    assert "Porto" not in str(world.model.requests[-1].messages)  # the conversation began anew


@pytest.mark.parametrize("text", ["/memory", "/forget 1", "/forget all yes"])
async def test_there_may_be_nothing_to_show_or_forget(world: World, text: str) -> None:
    await world.start()
    await world.ask(text)

    assert "nothing in mind" in world.texts[-1]


async def test_notes_of_a_group_are_everybodys_but_only_an_administrator_ends_them_all(world: World) -> None:
    await world.start()
    await world.ask("hello", room="family", group=True, addressed="mention")
    conversation = (await world.runs())[0].conversation
    await keep(world, NoteKey(scope="chat", owner=conversation), "trip", "Rome")
    await world.ask("/memory", room="family", group=True, addressed="mention")
    await world.ask("/forget all yes", room="family", group=True, addressed="mention")
    assert "1. trip: Rome" in world.texts[-2]
    assert "administrator" in world.texts[-1]
    await world.ask("/forget trip", room="family", group=True, addressed="mention")

    assert await notes_of(world, conversation, "chat") == {}


async def test_the_room_of_a_bot_holds_however_long_a_conversation_gets(world: World) -> None:
    room = {"max_tokens": 2_000, "summary": 0.3}
    world.config = a_config(bot={"context": room, "history_messages": 200, "prompt": "Be brief."})
    await world.start()
    await world.ask("My order is ORD-77812.")
    for number in range(40):
        await world.ask(f"{number}: and what about the weather over there in the hills? " * 6)

    sizes = [sum(map(estimate_json_tokens, (*one.messages, *one.tools))) for one in world.model.requests]
    assert max(sizes) <= 2_000
    assert len(sizes) > 41  # it was summarised in between
    assert "ORD-77812" in world.model.requests[-1].messages[0]["content"]
