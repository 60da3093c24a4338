"""What the command line tells of teams: who answered and why, what choosing cost, and what people thought of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import Result

from botkit.core.journal import Consume
from botkit.store.open import open_store
from botkit.testing.stores.samples import an_event

Ask = Callable[..., Any]
Cli = Callable[..., Result]

CONFIG = """\
version: 1
models: {paid: {model: demo/offline, price: {input_per_million: 10, output_per_million: 100}}}
bots:
  helper: {model: paid, description: Anything else.}
  billing: {model: paid, description: "Invoices, payments, refunds."}
teams:
  support: {members: [{bot: helper}, {bot: billing}], default: helper, router: {model: paid}}
people: {ada: {name: Ada, roles: member}}
"""


@pytest.fixture
def project(project: Path) -> Path:
    (project / "bots.yaml").write_text(CONFIG)
    return project


@pytest.fixture
def said(ask: Ask) -> Any:
    return ask("chat", "support", "-m", "I want a refund of my invoice", "--as", "ada")


def test_a_run_and_its_conversation_say_who_spoke(ask: Ask, cli: Cli, said: Any) -> None:
    run = ask("runs", "show", said["run_id"])["trace"]["run"]["run"]
    member = run["output"]["member"]
    shown = cli("runs", "show", said["run_id"]).output
    assert f"Answers  {member}, by " in shown
    assert "route/0" in shown

    rows = ask("conversations", "show", run["conversation"])
    assert [(row["role"], row["speaker"]) for row in rows] == [("user", "Ada"), ("assistant", member)]
    assert {row["run_id"] for row in rows} == {said["run_id"]}
    assert "I want a refund of my invoice" in cli("conversations", "show", run["conversation"]).output
    assert "no conversation `telegram:9`" in cli("conversations", "show", "telegram:9").output


def test_what_choosing_cost_is_told_apart(ask: Ask, said: Any) -> None:
    rows = {row["key"]: row for row in ask("usage", "--by", "purpose")["rows"]}
    assert set(rows) == {"routing", "answers"}
    assert {row["calls"] for row in rows.values()} == {1}
    assert rows["routing"]["cost_cents"] > 0
    both = rows["routing"]["cost_cents"] + rows["answers"]["cost_cents"]
    assert said["cost_cents"] == pytest.approx(both)
    assert len(ask("usage", "--by", "month")["rows"]) == 1


def test_thumbs_are_counted_by_who_answered(ask: Ask, cli: Cli, project: Path, said: Any) -> None:
    async def react() -> None:
        async with open_store(project / ".botkit") as store:
            event = msgspec.structs.replace(an_event("thumb", sender="ada"), kind="reaction")
            accepted = await store.journal.accept(event, "sandbox:reactions", claim=False)
            done = Consume(event_ids=(accepted.id,), outcome="feedback: up", run_id=said["run_id"])
            await store.journal.commit(None, [done])

    asyncio.run(react())
    run = ask("runs", "show", said["run_id"])["trace"]["run"]["run"]
    (row,) = ask("analytics")["feedback"]
    assert row == {
        "bot": run["output"]["member"],
        "team": "support",
        "model": "demo/offline",
        "revision": run["revision"],
        "up": 1,
        "down": 0,
    }
    shown = cli("analytics").output
    assert "Thumbs on answers" in shown
    assert "100%" in shown
    assert ask("analytics", "--tool", "notes__add")["feedback"] == []
