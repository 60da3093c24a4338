"""Templates that talk with one person, killed at every node: what the person sees and what tools do comes once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.stories.killing import killed_at_each_node
from tests.stories.lives import Nest
from tests.stories.story import Story

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]


async def read(told: Story, who: str, *words: str) -> None:
    """Somebody has read all of these; one that is sent again after a kill may come after the next one."""
    person = told.telegram.person(who)
    for one in words:
        await told.until(lambda one=one: any(one in text for text in person.reads()), f"{who} to read {one!r}")


async def test_a_problem_killed_at_each_node_opens_one_ticket(tmp_path: Path, nest: Nest) -> None:
    async def telling(told: Story) -> None:
        ann = told.telegram.person("Ann")
        await ann.says("I have a problem: the checkout is broken and nobody can pay")
        await ann.sees("is open")

    def check(told: Story) -> None:
        tickets = json.loads(told.ledger("tickets", "tickets.json"))
        assert [ticket["body"] for ticket in tickets if "checkout is broken" in ticket["body"]] == [
            "I have a problem: the checkout is broken and nobody can pay"
        ]

    assert await killed_at_each_node(tmp_path, nest, "triage", telling, check) > 2


async def test_research_killed_at_each_node_answers_once(tmp_path: Path, nest: Nest) -> None:
    async def telling(told: Story) -> None:
        ben = told.telegram.person("Ben")
        await ben.says("How hot is green tea brewed?")
        await ben.sees("Sources:")

    def check(told: Story) -> None:
        answers = {text for text in told.telegram.person("Ben").reads() if "Sources:" in text}
        assert len(answers) == 1

    assert await killed_at_each_node(tmp_path, nest, "research", telling, check) > 2


async def test_onboarding_killed_at_each_node_asks_everything_once(tmp_path: Path, nest: Nest) -> None:
    async def telling(told: Story) -> None:
        ada = told.telegram.person("Ada")
        await ada.says("hello")
        await read(told, "Ada", "Welcome, Ada", "call you")
        await ada.says("Ada the First")
        await ada.sees("do first")
        await ada.presses("Sell something")
        await ada.sees("mail address")
        await ada.says("ada@example.com")
        await read(told, "Ada", "three times as often, Ada the First", "How did it go, Ada the First")

    def check(told: Story) -> None:
        (noted,) = told.ask("SELECT value FROM notes WHERE name = 'profile'")
        assert json.loads(noted[0]) == {"name": "Ada the First", "goal": "sell", "mail": "ada@example.com"}

    def soon(text: str, told: Story) -> str:
        assert "{duration: 1d}" in text
        return text.replace("{duration: 1d}", "{seconds: 0.3}")

    assert await killed_at_each_node(tmp_path, nest, "onboarding", telling, check, soon) > 5


async def test_an_order_killed_at_each_node_is_told_of_once(tmp_path: Path, nest: Nest) -> None:
    async def telling(told: Story) -> None:
        cleo = told.telegram.person("Cleo")
        await cleo.says("Where is my order?")
        await cleo.sees("Which order is it?")
        await cleo.says("the green one")
        await cleo.sees("such as A-1001")
        await cleo.says("it is a-1002")
        await cleo.sees("PN 4471 2288 DK")

    def check(told: Story) -> None:
        assert "on its way" in told.telegram.person("Cleo").reads()[-1]

    assert await killed_at_each_node(tmp_path, nest, "order-status", telling, check) > 3
