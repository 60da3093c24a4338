"""A thousand people talk with a team of five at once, on tight budgets, and most of them try what they may not.

The model does whatever it reads, and says everything it has read: only botkit keeps people apart, within their rights
and within the money.
"""

from __future__ import annotations

import re
from asyncio import gather
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from botkit.app.budgets import BudgetDesk
from botkit.core.budgets import Amount
from botkit.core.events import Event
from botkit.core.models import Usage
from botkit.engine.languages import ENGLISH, GERMAN
from botkit.testing.models import ScriptedModel
from tests.abuse.corpus import CORPUS
from tests.abuse.desk import SECRET, Desk
from tests.abuse.worst_model import obey
from tests.engine.support import World

PEOPLE = 1000
MEMBERS = ("desk", "clerk", "billing", "wifi", "travel")
INPUT_PRICE, OUTPUT_PRICE = 10.0, 100.0
"""Micros for a token."""
USED = Usage(input_tokens=60, output_tokens=20, cost_micros=2600)
"""By each model call: less than was estimated, as everywhere."""
_TOKEN = re.compile(r"token-\d+")
_ATTACKS = [
    one.text
    for one in CORPUS
    if one.vector in ("imitation", "tool name", "arguments", "secret", "delegation", "other people", "approval")
]
_MEMBER_MAY = frozenset({"shop__note", "shop__refund", "web__refund", "web__shop__note"})
_ANYBODY_MAY = frozenset({"shop__lookup", "shop__leak", "web__read"})


def is_member(number: int) -> bool:
    """Every fifth is one, everybody else a guest."""
    return number % 5 == 0


def written(number: int) -> str:
    """Every fourth asks for what a member may have, in earnest; the others attack."""
    to = MEMBERS[(number // 5) % 5]
    if number % 4 == 0:
        return f'token-{number} for {to}: CALL shop__note {{"text": "token-{number}"}}'
    return f"token-{number} for {to}: {_ATTACKS[number % len(_ATTACKS)]}"


def _config() -> dict[str, Any]:
    bots: dict[str, Any] = {
        name: {"model": "scripted/model", "workspace": "shop", "prompt": f"You are {name}.", "max_output_tokens": 300}
        for name in MEMBERS
    }
    bots["clerk"]["tools"] = {"deny": ["shop__note"]}
    return {
        "bots": bots,
        "teams": {
            "office": {
                "members": [{"bot": name} for name in MEMBERS],
                "default": "desk",
                "router": {"rules": [{"member": name, "contains": [f"for {name}:"]} for name in MEMBERS]},
            }
        },
        "people": {
            f"p{number}": {"roles": ["member"], "identities": {"fake": [f"p{number}"]}}
            for number in range(PEOPLE)
            if is_member(number)
        },
        "settings": {"approvals": {"channel": "fake", "room": "ops"}, "max_parallel_turns": 100},
        "budgets": {
            "each": {"people": "*", "tokens": 4000, "per": "day"},
            "bots": {"bots": "*", "spend": 2, "per": "day"},
            "office": {"teams": "office", "tokens": 120_000, "spend": 3, "per": "day"},
            "shop": {"workspaces": "shop", "tokens": 110_000, "per": "month"},
            "channel": {"channels": "fake", "spend": 3, "per": "month"},
        },
    }


def _spending(world: World) -> BudgetDesk:
    return BudgetDesk(
        world.store.budgets,
        world.clock,
        config=lambda: world.config,
        prices=lambda model: (INPUT_PRICE, OUTPUT_PRICE),
        spawn=world._spawn,  # pyright: ignore[reportPrivateUsage] - its tasks end with the world's
    )


def a_message(desk: Desk, number: int) -> Event:
    event = desk.world.platform.event(written(number), person=f"p{number}")
    sender = msgspec.structs.replace(event.sender, locale="de" if number % 2 else "en")
    return msgspec.structs.replace(event, sender=sender)


@pytest.fixture
async def office(tmp_path: Path) -> Any:
    """After a thousand people have written at once, and everything that follows has happened."""
    desk = Desk(tmp_path, **_config())
    desk.world.model = ScriptedModel(respond=obey, usage=USED)
    desk.world.make_spending = _spending
    await desk.start()
    platform = desk.world.platform
    await gather(*(platform.deliver(a_message(desk, number)) for number in range(PEOPLE)))
    await desk.world.settle()
    yield desk
    await desk.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_thousand_conversations_keep_apart_within_rights_and_budgets(office: Desk) -> None:
    await nobody_reads_what_another_wrote(office)
    await nobody_does_what_they_may_not(office)
    await nothing_is_overspent(office)
    await who_is_stopped_is_told_so_politely(office)


async def nobody_reads_what_another_wrote(desk: Desk) -> None:
    told: set[str] = set()
    for shown in desk.world.platform.messages:
        if shown.conversation.room == "ops":
            continue
        number = shown.conversation.room.removeprefix("dm-p")
        assert set(_TOKEN.findall(shown.text)) <= {f"token-{number}"}
        told.add(number)
    assert len(told) + len(await desk.waiting()) >= PEOPLE, "everybody was answered, or a person is asked for them"
    for request in desk.world.model.requests:
        assert len(set(_TOKEN.findall(str(request.messages)))) <= 1, "no model either"
    assert SECRET not in desk.told()


async def nobody_does_what_they_may_not(desk: Desk) -> None:
    number_of = {
        one.id: int(account[1:]) for one in await desk.world.ports.people.list() for _, account in one.identities
    }
    made = await desk.world.ports.records.calls(limit=100_000)
    happened: Counter[str] = Counter()
    for call in made:
        if call.status == "ok":
            may = _ANYBODY_MAY | _MEMBER_MAY if is_member(number_of[call.principal]) else _ANYBODY_MAY
            assert call.tool in may, f"{call.principal} made {call.tool}"
            assert (call.bot, call.tool) != ("clerk", "shop__note")
            if call.tool in _MEMBER_MAY:
                happened[call.tool] += 1
    counted = Counter(f"{server}__{tool}" for server, tool, _ in desk.done())
    assert counted == happened, "what happened in the world is what was logged"
    assert not counted.keys() & {"shop__payout", "shop__books"}
    for server, tool, arguments in desk.done():
        if (server, tool) == ("shop", "note") and (found := _TOKEN.search(str(arguments))):
            assert is_member(int(found[0].removeprefix("token-")))
    assert counted["shop__note"] > 10, "what members may do is done"
    assert sum(call.status == "denied" for call in made) > 100, "the attempts were made"


async def nothing_is_overspent(desk: Desk) -> None:
    world = desk.world
    calls = await world.ports.records.model_calls(limit=100_000)
    spent: Counter[str] = Counter()
    for call in calls:
        spent[call.person_id] += call.usage.input_tokens + call.usage.output_tokens
    assert len(calls) == len(world.model.requests), "every call is booked once"
    accounts = await _spending(world).balances()
    assert {one.account.budget for one in accounts} == {"each", "bots", "office", "shop", "channel"}
    for one in accounts:
        account, used = one.account, one.used
        assert one.reserved == Amount(), "nothing stays reserved"
        assert account.tokens < 0 or used.tokens <= account.tokens, account
        assert account.micros < 0 or used.micros <= account.micros, account
        if account.budget == "each":
            assert used.tokens == spent[account.person]
        elif account.budget != "bots":
            assert used.tokens == spent.total()
            assert used.micros == sum(call.usage.cost_micros for call in calls)
    full = next(one for one in accounts if one.account.budget == "shop")
    assert full.used.tokens > 0.5 * full.account.tokens, "the budget was tight"


async def who_is_stopped_is_told_so_politely(desk: Desk) -> None:
    stopped = [run for run in await desk.world.runs() if (run.error or {}).get("code") == "budget"]
    assert stopped, "some were stopped"
    for run in stopped:
        (text,) = desk.world.platform.texts(run.conversation.split(":")[1])
        number = int(run.conversation.split(":")[1].removeprefix("dm-p"))
        words = GERMAN if number % 2 else ENGLISH
        assert text.startswith(words.budget_used_up.partition("{")[0])
        assert run.state == "limit_reached"
