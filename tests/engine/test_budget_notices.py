"""A budget runs low: those who decide are told where they are asked, and the person whose own it is in private."""

from __future__ import annotations

from typing import Any

import msgspec

from botkit.core.budgets import Account, Amount, Balance
from tests.engine.support import World, a_config

BOSS: dict[str, Any] = {"boss": {"roles": ["admin"], "identities": {"fake": ["boss"]}}}
ROOM: dict[str, Any] = {"approvals": {"channel": "fake", "room": "ops"}, "timezone": "Europe/Berlin"}
LOW = Balance(
    account=Account(
        budget="all",
        period="2026-11",
        resets_at=1_796_079_600_000_000,
        micros=10_000_000,
        tokens=5000,
        warn_at=0.8,
    ),
    used=Amount(micros=8_500_000, tokens=10),
)
"""Until the first of December, midnight in Berlin."""


async def test_the_room_of_the_approvers_hears_what_is_left(world: World) -> None:
    world.config = a_config(people=BOSS, settings=ROOM)
    await world.start()
    await world.engine.warn_of_budget(LOW, "")
    await world.settle()
    (text,) = world.platform.texts("ops")
    assert text == ("**Budget `all`**: 85 % is used. Left until 2026-12-01 00:00: 1.50 USD, 4,990 tokens.")


async def test_a_person_hears_of_their_own_budget_and_not_of_that_of_others(world: World) -> None:
    world.config = a_config()
    world.script += ["Hello."]
    await world.start()
    await world.ask("hello")
    (listed,) = await world.store.records.runs(limit=5)
    opened = await world.store.journal.load_run(listed.run.id)
    assert opened is not None
    run = opened.run
    whose = msgspec.structs.replace(LOW.account, who=f"person:{run.person_id}", person=run.person_id)
    await world.engine.warn_of_budget(msgspec.structs.replace(LOW, account=whose), run.id)
    someone = msgspec.structs.replace(whose, who="person:eve", person="eve")
    await world.engine.warn_of_budget(msgspec.structs.replace(LOW, account=someone), run.id)
    await world.settle()
    told = [text for text in world.platform.texts("dm-ada") if "budget" in text]
    assert told == ["You have used 85 % of your budget `all`. Left until 2026-11-30 23:00: 1.50 USD, 4,990 tokens."]
