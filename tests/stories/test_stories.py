"""Two stories from the first word to the last, both branches of each, and a kill at every node.

Effects are counted outside: in the files that tools write, at the mail server, at Telegram and Slack.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.stories.killing import killed_at_each_node
from tests.stories.lives import Nest
from tests.stories.story import Story, story

BRUNO, ADA = "bruno@example.com", "ada@example.com"


async def refund(told: Story, address: str, order: str, *, large: bool, approve: bool = True) -> str:
    """The customer's side, and the manager's; the last words."""
    customer, grace = told.telegram.person("Customer"), told.slack.person("Grace")
    await customer.says(f"I want my money back for {order}")
    await customer.sees("Which mail address did you order with?")
    await customer.says(address)
    await customer.sees(re.compile("code|6 digits|six digits", re.IGNORECASE))
    await customer.says(await told.code())
    if large:
        await customer.sees("That is a large sum")
        await grace.sees(f"Refund {order}")
        await grace.presses("Approve" if approve else "Reject")
    end = "are on their way back to you" if approve else "We cannot refund this order"
    return (await customer.sees(end)).text


async def escalation(told: Story, *, sure: bool, approve: bool = True) -> None:
    """The other system's side, and the team's."""
    await told.ticket({"id": "T-1", "title": "Blank page", "body": "The payment page stays white.", "customer": ADA})
    if not sure:
        grace = told.slack.person("Grace")
        await grace.sees("Ticket T-1: Blank page")
        await grace.presses("Approve" if approve else "Reject")
    await told.until(lambda: summaries(told), "the summary")


def summaries(told: Story) -> list[str]:
    """What the team reads."""
    return [one.shown for one in told.slack.fake.sent if one.room.id == told.room]


def team(threshold: str):
    """The summary goes to the team's room, and the agent counts as sure from there."""

    def written(text: str, told: Story) -> str:
        return text.replace("sandbox:team:", f"slack:{told.room}:").replace("at_least: 0.75", f"at_least: {threshold}")

    return written


SURE, UNSURE = team("0.05"), team("0.95")


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_large_refund_needs_the_code_and_the_manager(tmp_path: Path) -> None:
    async with story(tmp_path, "refund") as told:
        assert "R-00001" in await refund(told, BRUNO, "A-1003", large=True)
        assert [(one["order_id"], one["amount_cents"]) for one in told.refunds()] == [("A-1003", 82900)]
        assert [mail["To"] for mail in told.box.mails] == [BRUNO]


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_large_refund_that_the_manager_declines_moves_no_money(tmp_path: Path) -> None:
    async with story(tmp_path, "refund") as told:
        await refund(told, BRUNO, "A-1003", large=True, approve=False)
        assert told.refunds() == []


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_small_refund_needs_no_manager(tmp_path: Path) -> None:
    async with story(tmp_path, "refund") as told:
        assert "R-00001" in await refund(told, ADA, "A-1001", large=False)
        assert [(one["order_id"], one["amount_cents"]) for one in told.refunds()] == [("A-1001", 6600)]
        assert told.slack.fake.sent == []


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_ticket_the_agent_is_sure_of_is_answered_and_told(tmp_path: Path) -> None:
    async with story(tmp_path, "escalation", more=SURE) as told:
        await escalation(told, sure=True)
        assert len(told.comments("T-1")) == 1
        (summary,) = summaries(told)
        assert "answered by the agent" in summary


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("approve", [True, False])
async def test_a_ticket_the_agent_is_not_sure_of_is_decided_by_a_person(tmp_path: Path, approve: bool) -> None:
    async with story(tmp_path, "escalation", more=UNSURE) as told:
        await escalation(told, sure=False, approve=approve)
        assert len(told.comments("T-1")) == approve
        (summary,) = summaries(told)
        assert ("answered by Grace" if approve else "taken over by Grace") in summary


# ── killed ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.chaos
@pytest.mark.timeout(900)
@pytest.mark.parametrize("large", [True, False])
async def test_a_refund_killed_at_each_node_is_paid_once(tmp_path: Path, nest: Nest, large: bool) -> None:
    address, order = (BRUNO, "A-1003") if large else (ADA, "A-1001")

    async def telling(told: Story) -> None:
        assert "R-00001" in await refund(told, address, order, large=large)

    def check(told: Story) -> None:
        assert [one["order_id"] for one in told.refunds()] == [order]

    assert await killed_at_each_node(tmp_path, nest, "refund", telling, check) > 3


@pytest.mark.chaos
@pytest.mark.timeout(900)
@pytest.mark.parametrize("sure", [True, False])
async def test_a_ticket_killed_at_each_node_is_answered_once(tmp_path: Path, nest: Nest, sure: bool) -> None:
    async def telling(told: Story) -> None:
        await escalation(told, sure=sure)

    def check(told: Story) -> None:
        assert len(told.comments("T-1")) == 1
        assert len(set(summaries(told))) == 1

    assert await killed_at_each_node(tmp_path, nest, "escalation", telling, check, SURE if sure else UNSURE) > 2
