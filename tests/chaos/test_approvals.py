"""A turn that waits for a person's decision, killed wherever it can be: asked once, decided once, done once."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.chaos.field import Field, Home

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]


def asked(home: Home) -> bool:
    """Whether the question is stored and shown; a dead process is started again first."""
    home.revive()
    return home.counts().get("unapproved") == 1 and any(message["buttons"] for message in home.shown("boss"))


def ended(home: Home) -> bool:
    home.revive()
    return home.settled(1)


def by_button(home: Home) -> None:
    (question,) = home.shown("boss")
    home.press("boss", question["id"], "Approve")


def by_command(home: Home) -> None:
    """Until the decision is stored: the process that the command asks may be killed while it answers."""
    for _ in range(5):
        run = home.ask("SELECT id FROM runs")[0][0]
        done = home.command("approvals", "approve", run, "--json")
        if done.returncode == 0:
            assert json.loads(done.stdout)
        if home.ask("SELECT 1 FROM waits WHERE kind = 'approval' AND state <> 'open'"):
            return
    raise AssertionError(f"the decision was never stored: {done.stderr}")  # pyright: ignore[reportPossiblyUnboundVariable]


def turn_with_a_kill(field: Field, text: str, kill_at: str, decide: Callable[[Home], None]) -> tuple[Home, int]:
    """A turn with its decision, and the end of it; tells how many boundaries were passed before the decision."""
    home = field.home(platform="board", approve=True)
    home.say("boss", text)
    home.start(kill_at=kill_at)
    home.until(lambda: asked(home), "the question")
    home.until(home.quiet, "the turn to rest")
    before = len(home.passed())
    decide(home)
    home.until(lambda: ended(home), "the end")
    if kill_at and not home.log.exists():
        home.until(lambda: home.log.exists() or home.quiet(), "a kill after the end")
        home.until(lambda: ended(home), "the end after that")
    home.kill()
    return home, before


def check(home: Home, text: str, where: str) -> None:
    shown, recorded = home.shown("boss"), home.recorded()[text]
    assert len(shown) == 2, f"{where}: {[message['versions'] for message in shown]}"
    question, answer = shown
    assert question["buttons"] == [], f"{where}: it can still be pressed"
    assert home.ask("SELECT count(*) FROM waits WHERE kind = 'approval'")[0][0] == 1, where
    if home.reconciling():
        assert recorded <= 1, where
        assert not answer["versions"][-1].startswith("done:"), where
    else:
        assert recorded == 1, f"{where}: the effect happened {recorded} times"
        assert answer["versions"][-1] == f"done: {text}", where


@pytest.fixture(scope="module")
def undisturbed(field: Field) -> tuple[list[str], int]:
    """All boundaries of such a turn, and how many of them come before the decision."""
    home, before = turn_with_a_kill(field, "alive", "", by_button)
    check(home, "alive", "alive")
    return home.passed(), before


def test_a_kill_at_every_boundary_of_a_turn_decided_in_chat(field: Field, undisturbed: tuple[list[str], int]) -> None:
    boundaries, before = undisturbed
    # Up to the call it is the turn that other proofs kill everywhere; one in four will do.
    first = next(index for index, name in enumerate(boundaries) if "tool call" in name)
    killed: list[str] = []
    uncertain: list[str] = []
    for boundary in (*boundaries[:first:4], *boundaries[first:]):
        home, _ = turn_with_a_kill(field, boundary, boundary, by_button)
        check(home, boundary, boundary)
        killed += [boundary] if home.log.exists() else []
        uncertain += [boundary] if home.reconciling() else []

    after = boundaries[before:]
    assert len(set(killed) & set(after)) >= len(after) * 3 // 4, "the decision and what it starts were not killed"
    assert uncertain, "a kill in the approved call cannot be certain; if it is, nothing was proven"
    assert len(uncertain) <= 8, uncertain


def test_a_kill_around_a_decision_by_command(field: Field, undisturbed: tuple[list[str], int]) -> None:
    boundaries, before = undisturbed
    killed = 0
    for boundary in (*boundaries[before : before + 4], "before wake 1", "before tool call 1"):
        home, _ = turn_with_a_kill(field, boundary, boundary, by_command)
        check(home, boundary, boundary)
        killed += home.log.exists()

    assert killed >= 3


def test_a_decision_by_command_while_nothing_runs_is_acted_on_at_the_next_start(field: Field) -> None:
    def while_down(home: Home) -> None:
        home.kill()
        by_command(home)
        assert home.recorded() == {}

    home, _ = turn_with_a_kill(field, "down", "", while_down)
    check(home, "down", "while nothing runs")
