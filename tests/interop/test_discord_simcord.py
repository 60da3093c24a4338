"""The Discord channel against a Discord that nobody here wrote: `simcord`, with the rules it knows."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest

from adapters.discord import Discord
from botkit.core.config.models import DiscordChannel, SecretRef
from botkit.core.messages import Button, OutMessage
from botkit.testing.adapters import Courier, MemoryHost
from tests.interop.environments import Environments
from tests.interop.simcord_wire import SimcordWire

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900), pytest.mark.usefixtures("folder")]


@dataclass
class Team:
    """A server with one channel, Ada in it, and the adapter connected."""

    env: Any
    wire: SimcordWire
    general: Any
    ada: Any
    host: MemoryHost
    adapter: Discord

    @property
    def courier(self) -> Courier:
        return Courier(self.adapter, self.host.clock)

    def last(self) -> Any:
        return self.general.last_message


@pytest.fixture
def folder(installed: Environments, monkeypatch: pytest.MonkeyPatch) -> None:
    """simcord can be imported, with the discord.py that is here."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(installed.folder("simcord==3.2.1"))])


@asynccontextmanager
async def a_team() -> AsyncGenerator[Team]:
    """In the test's own context, which simcord leaves as it found it."""
    import discord  # the adapter has loaded it, with its warnings

    simcord = import_module("simcord")
    idle = discord.Client(intents=discord.Intents.all())
    async with simcord.run(idle) as env, SimcordWire(env) as wire:
        guild = env.create_guild()
        general = guild.create_text_channel("general")
        ada = guild.add_member(env.create_user("ada"))
        host = MemoryHost()
        host.secrets["TOKEN"] = "any"
        config = DiscordChannel(
            platform="discord",
            bot="desk",
            dm_policy="open",
            token=SecretRef(secret="TOKEN"),
            api_base=wire.api_base,  # pyright: ignore[reportArgumentType]
        )
        adapter = Discord("team", config, host)
        await adapter.start()
        await host.until(lambda: host.state in ("ok", "fatal"))
        assert host.state == "ok", host.health
        yield Team(env, wire, general, ada, host, adapter)
        await adapter.stop()


async def test_a_mention_is_heard_and_answered_with_a_reply() -> None:
    async with a_team() as team:
        await team.ada.send(team.general, f"<@{team.env.bot.user.id}> where is my order?")
        event = await team.host.event(0)
        assert (event.addressed, event.sender.name) == ("mention", "ada")
        (outcome,) = await team.courier.deliver(
            OutMessage(text="**on** its way @everyone", reply_to=event.message_id), event.conversation
        )
        assert (outcome.state, outcome.error) == ("sent", "")
        answer = team.last()
        assert answer.content.startswith("**on** its way")
        assert str(answer.reference.message_id) == event.message_id
        assert not answer.mention_everyone


async def test_a_long_answer_is_split_as_simcord_allows() -> None:
    async with a_team() as team:
        await team.ada.send(team.general, "tell me everything")
        where = (await team.host.event(0)).conversation
        words = "\n\n".join(f"{number} " + "word " * 300 for number in range(5))
        text = f"{words}\n\n```python\n" + "x = 1\n" * 900 + "```"
        outcomes = await team.courier.deliver(OutMessage(text=text), where)
        assert len(outcomes) > 3
        assert {outcome.state for outcome in outcomes} == {"sent"}


async def test_a_button_is_pressed_and_acknowledged_in_time() -> None:
    async with a_team() as team:
        await team.ada.send(team.general, "refund?")
        where = (await team.host.event(0)).conversation
        rows = ((Button(label="Approve", value="yes"), Button(label="Reject", value="no")),)
        await team.courier.deliver(OutMessage(text="Sure?", buttons=rows), where)
        custom_id = _custom_ids(team.last())["Approve"]
        await team.ada.click(team.last(), custom_id=custom_id)
        event = await team.host.event(kind="action")
        assert event.action is not None
        assert (event.action.value, event.sender.name) == ("yes", "ada")
        await team.adapter.acknowledge(event, "")
        assert any("/interactions/" in asked and asked.endswith("/callback") for asked in team.wire.asked)


def _custom_ids(message: Any) -> dict[str, str]:
    """Label → custom id, however deep the buttons lie."""
    found: dict[str, str] = {}
    waiting = list(message.components)
    while waiting:
        one = waiting.pop()
        waiting += getattr(one, "children", ())
        if getattr(one, "custom_id", None):
            found[str(one.label)] = str(one.custom_id)
    return found


async def test_a_command_is_registered_used_and_answered() -> None:
    async with a_team() as team:
        await team.wire.wait_for(lambda: [asked for asked in team.wire.asked if asked.startswith("PUT")])
        await team.ada.slash(team.general, "help")
        event = await team.host.event(kind="command")
        assert event.command == "help"
        (outcome,) = await team.courier.deliver(
            OutMessage(text="I can help.", reply_to=event.message_id), event.conversation
        )
        assert (outcome.state, outcome.error) == ("sent", "")


async def test_edits_deletions_and_reactions_are_heard() -> None:
    async with a_team() as team:
        sent = await team.ada.send(team.general, "helo")
        first = await team.host.event(0)
        await team.ada.edit(sent, "hello")
        edit = await team.host.event(kind="edit")
        assert (edit.text, edit.target_id) == ("hello", first.message_id)
        await team.ada.react(sent, "👍")
        assert (await team.host.event(kind="reaction")).target_id == first.message_id
        await team.ada.delete(sent)
        assert (await team.host.event(kind="delete")).target_id == first.message_id
