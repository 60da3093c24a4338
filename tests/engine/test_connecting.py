"""A tool needs the person's own account: where the private link goes, and what others in the room hear of it."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from botkit.core.events import Conversation
from botkit.core.messages import Capabilities, OutMessage, Rendered
from botkit.gateway.connect import NotConnected
from botkit.testing.models import calls
from botkit.testing.platform import PLAIN, FakeAdapter
from tests.engine.support import World, a_config

LINK = "https://bots.example.com/connect/sealed-for-ada"


def refuse_without_account(**given: object) -> str:
    raise NotConnected(f"todo needs the person's own account: {LINK}", server="todo", link=LINK)


async def asked(world: World, *, tries: int = 1, **where: Any) -> None:
    world.tools.add("todo__list", refuse_without_account, tool_class="read-only")
    world.script.extend(calls(("todo__list", {"page": number})) for number in range(tries))
    world.script.append("Please look at our private chat.")
    await world.start()
    await world.ask("what is on my list?", **where)


def told_to_the_model(world: World) -> str:
    return "\n".join(str(message.get("content")) for request in world.model.requests for message in request.messages)


GROUP: dict[str, Any] = {"room": "g1", "group": True, "addressed": "mention"}


async def test_in_a_group_the_link_goes_to_the_person_alone(world: World):
    await asked(world, **GROUP)

    (private,) = world.platform.texts("dm-ada")
    assert LINK in private
    assert "`todo` needs your own account" in private
    assert world.platform.texts("g1") == ["Please look at our private chat."]
    assert "just written to in private" in told_to_the_model(world)
    assert LINK not in told_to_the_model(world)


async def test_no_trace_of_the_run_holds_the_link_of_a_group(world: World):
    await asked(world, **GROUP)
    (run,) = await world.runs()
    opened = await world.ports.journal.load_run(run.id)
    assert opened is not None
    assert all(LINK.encode() not in bytes(step.result) for step in opened.steps.values())
    rows = await world.ports.records.transcript(run.conversation)
    assert all(LINK not in row.text for row in rows)


async def test_a_model_that_tries_again_and_again_writes_to_the_person_once(world: World):
    await asked(world, tries=3, **GROUP)

    assert len(world.platform.texts("dm-ada")) == 1


async def test_the_person_is_written_to_in_their_language(world: World):
    people = {"ada": {"locale": "de", "identities": {"fake": ["ada"]}}}
    world.config = a_config(people=people, settings={"locale": "auto"})
    await asked(world, **GROUP)

    assert "braucht dein eigenes Konto" in world.platform.texts("dm-ada")[0]


async def test_in_private_the_model_passes_the_link_on(world: World):
    await asked(world)

    assert LINK in told_to_the_model(world)
    assert world.platform.texts("dm-ada") == ["Please look at our private chat."]


async def test_where_nobody_can_be_written_to_the_person_is_asked_to_come(world: World, monkeypatch: Any):
    monkeypatch.setattr(FakeAdapter, "direct_room", lambda self, user_id: "")  # pyright: ignore[reportUnknownLambdaType]
    await asked(world, **GROUP)

    assert world.platform.texts() == ["Please look at our private chat."]
    assert "write to you in private" in told_to_the_model(world)
    assert LINK not in told_to_the_model(world)


async def test_a_platform_that_can_shows_the_link_to_one_person_in_the_room(world: World, monkeypatch: Any):
    able: Capabilities = replace(PLAIN, ephemeral=True)
    world.platform.capabilities = able
    plain = FakeAdapter.render

    def render(self: FakeAdapter, message: OutMessage, conversation: Conversation) -> list[Rendered]:
        pieces = plain(self, message, conversation)
        return [
            replace(one, text=f"to {message.visible_to}: {one.text}" if message.visible_to else one.text)
            for one in pieces
        ]

    monkeypatch.setattr(FakeAdapter, "direct_room", lambda self, user_id: "")  # pyright: ignore[reportUnknownLambdaType]
    monkeypatch.setattr(FakeAdapter, "render", render)
    await asked(world, **GROUP)

    assert sorted(text.partition(":")[0] for text in world.platform.texts("g1")) == [
        "Please look at our private chat.",
        "to ada",
    ]


async def test_a_message_that_could_not_leave_leaves_after_a_restart(world: World):
    world.started = False
    await asked(world, **GROUP)
    assert world.platform.messages == []
    await world.crash()
    world.started = True
    await world.start()
    await world.settle()

    assert LINK in world.platform.texts("dm-ada")[0]
