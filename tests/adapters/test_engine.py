"""What a person lives through on every platform, with the real engine, journal and outbox behind the adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.adapters.desks import Desk, DiscordDesk, SlackDesk, TelegramDesk, WhatsAppDesk


class EngineContract:
    """A subclass for each platform, by its desk. Cases are named as in the list of cases."""

    desk_type: type[Desk[Any]]

    @pytest.fixture
    async def desk(self) -> AsyncIterator[Desk[Any]]:
        async with self.desk_type.open() as desk:
            yield desk

    async def test_c1_a_message_is_answered_once_also_when_it_comes_twice(self, desk: Desk[Any]) -> None:
        desk.say("hello")
        await desk.until(desk.texts)
        desk.redeliver()
        desk.say("and now?")
        await desk.until(lambda: len(desk.texts()) == 2)
        await desk.world.settle()
        assert desk.texts() == ["You said: hello", "You said: and now?"]

    async def test_c3_what_was_asked_while_the_bot_was_down_is_answered_when_it_is_back(self, desk: Desk[Any]) -> None:
        desk.say("hello")
        await desk.until(desk.texts)
        await desk.world.settle()
        await desk.crash()
        desk.say("anybody there?")
        await desk.start()
        await desk.until(lambda: len(desk.texts()) == 2)
        await desk.world.settle()
        assert desk.texts() == ["You said: hello", "You said: anybody there?"]

    async def test_c8_c9_a_group_hears_an_answer_to_a_mention_and_none_to_its_own_talk(self, desk: Desk[Any]) -> None:
        if not desk.has_groups:
            pytest.skip("no groups on this platform")
        desk.say_in_group("lunch?")
        desk.say_in_group(f"{desk.mention()} where is it?", who="Bob")
        await desk.until(desk.texts)
        await desk.world.settle()
        (answer,) = desk.texts()
        assert answer.endswith("where is it?")
        assert "ignored: not addressed" in await desk.world.outcomes()

    async def test_c10_an_edit_before_the_turn_counts_and_one_after_is_recorded(self, desk: Desk[Any]) -> None:
        if not desk.hears_edits:
            pytest.skip("no edits on this platform")
        desk.world.gate.clear()
        desk.configure(stream=False)
        first = desk.say("one")
        await desk.world.asked()
        desk.edit(desk.say("twp"), "two")
        desk.edit(first, "uno")
        await desk.world.until(lambda: _arrived(desk, 4))
        desk.world.gate.set()
        await desk.until(lambda: len(desk.texts()) == 2)
        await desk.world.settle()
        assert desk.texts() == ["You said: one", "You said: two"]
        assert "edit: after the turn began" in await desk.world.outcomes()

    async def test_c11_a_deleted_message_is_not_answered(self, desk: Desk[Any]) -> None:
        if not desk.hears_deletions:
            pytest.skip("deletions are not told on this platform")
        desk.world.gate.clear()
        desk.configure(stream=False)
        desk.say("one")
        await desk.world.asked()
        desk.delete(desk.say("forget this"))
        await desk.world.until(lambda: _arrived(desk, 3))
        desk.world.gate.set()
        await desk.until(desk.texts)
        await desk.world.settle()
        assert desk.texts() == ["You said: one"]
        assert "deleted before the turn" in await desk.world.outcomes()

    async def test_c28_what_is_said_during_a_turn_waits_for_its_end(self, desk: Desk[Any]) -> None:
        desk.world.gate.clear()
        desk.configure(stream=False)
        desk.say("one")
        await desk.world.asked()
        desk.say("two")
        desk.say("for me", who="Bob")
        await desk.world.asked(2)  # Bob does not wait for Ada
        await desk.world.until(lambda: _arrived(desk, 3))
        assert desk.world.heard == ["one", "for me"]
        desk.world.gate.set()
        await desk.until(lambda: len(desk.texts()) == 3)
        await desk.world.settle()
        assert [text for text in desk.texts() if "for me" not in text] == ["You said: one", "You said: two"]

    async def test_c32_a_process_that_dies_in_the_middle_of_an_answer_gives_it_later(self, desk: Desk[Any]) -> None:
        desk.world.gate.clear()
        desk.configure(stream=False)
        desk.say("one")
        await desk.world.asked()
        await desk.crash()
        desk.world.gate.set()
        await desk.start()
        await desk.until(desk.texts)
        await desk.world.settle()
        assert desk.texts() == ["You said: one"]


async def _arrived(desk: Desk[Any], count: int) -> bool:
    return len(await desk.world.ports.records.inbox(limit=100)) >= count


class TestTelegram(EngineContract):
    desk_type = TelegramDesk


class TestDiscord(EngineContract):
    desk_type = DiscordDesk


class TestSlack(EngineContract):
    desk_type = SlackDesk


class TestWhatsApp(EngineContract):
    desk_type = WhatsAppDesk
