"""Budgets and use on the command line."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Ask = Callable[..., Any]
Cli = Callable[..., Result]

CONFIG = """\
version: 1
settings: {timezone: Pacific/Kiritimati}
models: {paid: {model: demo/offline, price: {input_per_million: 10, output_per_million: 100}}}
bots: {helper: {model: paid, spending_cap: 1 USD}, desk: {model: paid}}
teams: {support: {members: [{bot: helper}], default: helper}}
people: {ada: {roles: member}, bob: {roles: member}}
budgets: {each: {people: "*", tokens: 9000, tool_calls: 3, per: day}, none: {bots: desk, spend: 0}}
"""


@pytest.fixture
def project(project: Path) -> Path:
    (project / "bots.yaml").write_text(CONFIG)
    return project


@pytest.fixture
def said(ask: Ask) -> Any:
    """Two people wrote to a bot that may answer, and one to a bot that may not."""
    assert ask("chat", "desk", "-m", "hello", "--as", "ada")["status"] == "limit_reached"
    return [ask("chat", "helper", "-m", "hello", "--as", who) for who in ("ada", "bob")]


def test_budgets_are_listed_with_what_is_left(ask: Ask, cli: Cli, said: Any) -> None:
    rows = {(row["budget"], row["who"], row["unit"]): row for row in ask("budgets", "list")}
    tokens = said[0]["tokens"]["input"] + said[0]["tokens"]["output"]
    ada = rows["each", "person:ada", "tokens"]
    assert (ada["limit"], ada["used"], ada["reserved"], ada["left"]) == (9000, tokens, 0, 9000 - tokens)
    assert ada["resets_at"] > 0
    cap = rows["bots.helper.spending_cap", "bot:helper", "USD"]
    assert cap["used"] == pytest.approx(sum(one["cost_cents"] for one in said) / 100)
    assert cap["resets_at"] == 0
    assert rows["none", "bot:desk", "USD"]["used"] == 0
    assert rows["each", "person:bob", "tool calls"]["left"] == 3
    assert "person:bob" in cli("budgets", "list", "each").output
    assert "there is: each, none" in cli("budgets", "list", "all").output


def test_what_is_granted_or_begun_anew_leaves_an_audit_row(ask: Ask, cli: Cli, said: Any) -> None:
    (granted,) = ask("budgets", "grant", "bots.helper.spending_cap", "--spend", "2.5")
    assert (granted["limit"], granted["granted"]) == (3.5, 2.5)
    ask("budgets", "grant", "each", "--who", "person:cleo", "--tokens", "5")
    (tokens, _) = ask("budgets", "reset", "each", "--who", "person:ada")
    assert tokens["used"] == 0
    assert {row["who"]: row["limit"] for row in ask("budgets", "list", "each") if row["unit"] == "tokens"} == {
        "person:ada": 9000,
        "person:bob": 9000,
        "person:cleo": 9005,
    }
    acts = [(act["action"], act["target"]) for act in ask("logs", "--admin")]
    assert ("budgets.grant", "bots.helper.spending_cap bot:helper") in acts
    assert ("budgets.reset", "each person:ada") in acts


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (("grant", "each", "--who", "person:ada"), "say what to add"),
        (("grant", "each", "--who", "person:ada", "--spend", "five"), "an amount such as"),
        (("grant", "each", "--who", "person:ada", "--spend", "5"), "does not limit money"),
        (("reset", "each"), "person:ada, person:bob"),
        (("reset", "all"), "no budget is called `all`"),
    ],
)
def test_what_makes_no_sense_is_refused(cli: Cli, said: Any, args: tuple[str, ...], complaint: str) -> None:
    refused = cli("budgets", *args)
    assert refused.exit_code != 0
    assert complaint in refused.output


@pytest.mark.parametrize("by", ["bot", "team", "model", "person", "workspace", "channel", "purpose", "day", "month"])
def test_use_adds_up_by_everything(ask: Ask, said: Any, by: str) -> None:
    usage = ask("usage", "--by", by)
    for part in ("calls", "input_tokens", "output_tokens"):
        assert sum(row[part] for row in usage["rows"]) == usage["total"][part]
    assert usage["total"]["calls"] == 2
    assert usage["total"]["cost_cents"] == pytest.approx(sum(one["cost_cents"] for one in said))
    expected = {"bot": "helper", "team": "support", "workspace": "default", "channel": "sandbox"}
    if by in expected:
        assert [row["key"] for row in usage["rows"]] == [expected[by]]


def test_use_is_narrowed_and_exported(ask: Ask, cli: Cli, said: Any) -> None:
    assert ask("usage", "--person", "bob")["total"]["calls"] == 1
    assert ask("usage", "--team", "support", "--by", "person")["total"]["calls"] == 2
    assert ask("usage", "--bot", "desk")["rows"] == []
    assert ask("usage", "--by", "tool")["rows"] == []
    assert "there is: support" in cli("usage", "--team", "sales").output
    assert cli("usage", "--by", "tool", "--model", "x").exit_code == 2
    rows = list(csv.DictReader(io.StringIO(cli("usage", "--by", "person", "--csv").stdout)))
    assert {row["person"]: row["calls"] for row in rows} == {"ada": "1", "bob": "1"}
