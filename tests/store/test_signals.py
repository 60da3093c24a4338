"""Instances on one database act on each other's work at once, not when they next look."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import pytest
from sqlalchemy import text

from botkit.core.events import Conversation
from botkit.core.journal import CloseWait, Emit
from botkit.core.tools import Principal, Tool, ToolCall
from botkit.store.open import Store, open_store
from botkit.store.query import Query
from botkit.testing.models import calls
from botkit.testing.stores import Database, SignalsContract
from botkit.testing.stores.samples import a_part
from tests.engine.support import World, a_config
from tests.store.conftest import SqlDatabase

_BOSS = {"boss": {"roles": ["admin"], "identities": {"fake": ["boss"]}}}

_CUT = Query(
    "",
    lambda _: text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'botkit-signals' AND datname = current_database()"
    ),
)


class TestPostgresSignals(SignalsContract):
    @pytest.fixture
    def database(self, postgres_database: SqlDatabase) -> Database:
        return postgres_database


async def test_a_database_of_one_process_has_nothing_to_tell(sqlite_database: SqlDatabase):
    async with aclosing((await sqlite_database.open()).journal.signals()) as signals:
        assert [signal async for signal in signals] == []


async def test_a_lost_connection_is_made_again_and_asks_to_look(postgres_url: str, home: Path):
    async with open_store(home, postgres_url) as store, aclosing(store.journal.signals()) as signals:
        assert (await anext(signals)).kind == "recover"
        await store.writer.run(lambda tx: tx(_CUT).fetchall())
        assert (await anext(signals)).kind == "recover"


# ── engines ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def worlds(home: Path, postgres_url: str) -> AsyncIterator[tuple[World, World]]:
    """Two instances of one installation; their clocks stand still, so nobody looks by himself."""
    one, two = World(home / "one", postgres_url), World(home / "two", postgres_url)
    yield one, two
    await one.close()
    await two.close()


async def listening(world: World) -> None:
    """Boot, and return once it hears the others."""
    await world.start()
    await world.until(lambda: world.journal.calls["recover"] >= 2)


async def test_a_stop_that_reaches_another_instance_ends_the_answer(worlds: tuple[World, World]):
    answering, other = worlds
    other.platform = answering.platform
    answering.script.append("Once upon a time there was a fox.")
    answering.gate.clear()
    await listening(answering)
    await answering.platform.say("tell me a story")
    await answering.asked()
    await other.start()  # from now on the platform's events arrive there
    await other.platform.say("/stop")
    await answering.settle()

    assert [run.state for run in await answering.runs()] == ["cancelled"]
    (said,) = answering.texts
    assert said.endswith("_Stopped._")


async def test_a_decision_made_elsewhere_wakes_the_run_here(worlds: tuple[World, World], home: Path, postgres_url: str):
    world, _ = worlds
    world.tools.add("shop__refund", lambda: "refunded", approve=True)
    world.script.extend([calls(("shop__refund", {})), "Done."])
    await listening(world)
    await world.ask("refund please")
    (wait,) = await world.waits()
    async with open_store(home / "command", postgres_url, clock=world.clock) as command:
        approved = CloseWait(wait_id=wait.id, state="answered", at=1, answer={"approved": True}, by="bo")
        await command.journal.commit(None, [approved])
        await world.until(lambda: world.journal.calls["claim"] >= 1)
    await world.settle()

    assert [run.state for run in await world.runs()] == ["completed"]


async def test_a_button_pressed_at_another_instance_decides_what_was_asked_here(worlds: tuple[World, World]):
    asking, other = worlds
    other.platform = asking.platform
    asking.tools.add("shop__refund", lambda: "refunded", approve=True)
    asking.script.extend([calls(("shop__refund", {})), "Done."])
    other.tools, other.script = asking.tools, asking.script
    asking.config = other.config = a_config(people=_BOSS, settings={"approvals": {"channel": "fake", "room": "ops"}})
    await listening(asking)
    await asking.ask("refund please")
    await listening(other)  # from now on the platform's events arrive there
    (question,) = [shown for shown in asking.platform.messages if shown.conversation.room == "ops"]
    await other.platform.press(question, "Approve", person="boss")
    await asking.platform.until(lambda: asking.texts[-1] == "Done." and not question.buttons)

    assert asking.platform.acknowledged == ["Approved."]
    assert len(asking.tools.effects) == 1


async def test_a_members_call_is_decided_at_another_instance(worlds: tuple[World, World]):
    asking, other = worlds
    other.platform = asking.platform
    asking.config = other.config = a_config(people=_BOSS, settings={"approvals": {"channel": "fake", "room": "ops"}})
    await listening(asking)
    tool = Tool(name="shop__refund", server="shop", upstream_name="refund", definition={}, approve=True)
    member = Principal(kind="member", id="mem_1", roles=("developer",))
    call = ToolCall(id="c1", workspace="desk", tool=tool.name, arguments={}, principal=member, trace_id="t")
    asked = await asking.calls.use(call, tool, digest="d", arguments={}, approvers=())
    await asking.platform.until(lambda: len(asking.platform.messages) == 1)
    waiting = asyncio.create_task(asking.calls.wait(asked, 60))
    await listening(other)
    (question,) = asking.platform.messages
    await other.platform.press(question, "Approve", person="boss")
    await asking.platform.until(lambda: not question.buttons)
    await asking.clock.advance(1)
    await waiting

    assert asking.platform.acknowledged == ["Approved."]
    assert (await asking.calls.use(call, tool, digest="d", arguments={}, approvers=())).state == "used"
    assert len(asking.platform.messages) == 1


async def test_what_an_instance_leaves_in_the_outbox_is_delivered_by_another(
    worlds: tuple[World, World], home: Path, postgres_url: str
):
    world, _ = worlds
    await listening(world)
    part = a_part("p0", room=Conversation(channel="fake", room="dm-ada"), text="left behind")
    async with open_store(home / "command", postgres_url, clock=world.clock) as leaving:
        await leaving.journal.commit(None, [Emit(part=part)])
    await world.until(lambda: world.texts)
    await world.settle()

    assert world.texts == ["left behind"]


async def told_of_people(world: World, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Boot; the event is set each time the instance hears that people changed elsewhere."""
    heard = asyncio.Event()
    await listening(world)
    forget = world.engine.people_changed

    def changed() -> None:
        forget()
        heard.set()

    monkeypatch.setattr(world.engine, "people_changed", changed)
    return heard


async def _grant(elsewhere: Store, person_id: str) -> None:
    await elsewhere.people.grant(person_id, ["operator"])


async def _link(elsewhere: Store, person_id: str) -> None:
    await elsewhere.people.link("boss", "fake", "ada")


@pytest.mark.parametrize(("change", "roles"), [(_grant, ("operator",)), (_link, ("admin",))], ids=["granted", "linked"])
async def test_rights_given_at_another_instance_hold_here_with_the_next_message(
    change: Callable[[Store, str], Awaitable[None]],
    roles: tuple[str, ...],
    worlds: tuple[World, World],
    home: Path,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
):
    world, _ = worlds
    world.config = a_config(people=_BOSS)
    heard = await told_of_people(world, monkeypatch)
    world.tools.add("notes__read")
    await world.ask("hello", person="boss")
    world.script.extend([calls(("notes__read", {})), "Read.", calls(("notes__read", {})), "Read."])
    await world.ask("read it", person="ada")
    guest = world.tools.calls[-1].principal
    async with open_store(home / "command", postgres_url, clock=world.clock) as elsewhere:
        await change(elsewhere, guest.id)
        await asyncio.wait_for(heard.wait(), 20)  # before the other process ends, which is told, too
        await world.ask("read it", person="ada")

    assert guest.roles == ("guest",)
    assert world.tools.calls[-1].principal.roles == roles


async def test_rights_taken_at_another_instance_are_gone_here_with_the_next_message(
    worlds: tuple[World, World], home: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    """An account is parted from an administrator."""
    world, _ = worlds
    world.config = a_config(people=_BOSS)
    heard = await told_of_people(world, monkeypatch)
    world.tools.add("notes__read")
    await world.ask("hello", person="boss")
    await world.ports.people.link("boss", "fake", "phone")
    world.script.extend([calls(("notes__read", {})), "Read.", calls(("notes__read", {})), "Read."])
    await world.ask("read it", person="phone")
    before = world.tools.calls[-1].principal
    async with open_store(home / "command", postgres_url, clock=world.clock) as elsewhere:
        await elsewhere.people.unlink("fake", "phone")
        await asyncio.wait_for(heard.wait(), 20)
        await world.ask("read it", person="phone")
    after = world.tools.calls[-1].principal

    assert (before.id, before.roles) == ("boss", ("admin",))
    assert after.id != "boss"
    assert after.roles == ("guest",)


async def test_a_pairing_approved_at_another_instance_lets_the_person_in_here_at_once(
    worlds: tuple[World, World], home: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    world, _ = worlds
    world.config = a_config(channel={"dm_policy": "pairing"})
    heard = await told_of_people(world, monkeypatch)
    await world.ask("hello", person="ada")
    async with open_store(home / "command", postgres_url, clock=world.clock) as elsewhere:
        (code,) = await elsewhere.pairing.list()
        await elsewhere.pairing.approve(code.code, by="operator")
        await asyncio.wait_for(heard.wait(), 20)
        await world.ask("hello again", person="ada")

    assert world.heard == ["hello again"]
