"""How well the rules do on texts they were not written from; the guide states these figures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from botkit.core.screening import PERSONAL, SECRETS, screen, suspicion
from tests.core.screening.held_out import ATTEMPTS, HELD_OUT, ORDINARY

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "guardrails.md"


def forms() -> tuple[int, int, int]:
    """Found rightly, found wrongly, missed."""
    right = wrong = missed = 0
    for text, kinds in HELD_OUT:
        found = Counter(each.kind for each in screen(text, (*PERSONAL, *SECRETS)))
        wanted = Counter(kinds)
        right += (found & wanted).total()
        wrong += (found - wanted).total()
        missed += (wanted - found).total()
    return right, wrong, missed


def steering() -> tuple[int, int, int]:
    right = sum(suspicion(text).score >= 0.6 for text in ATTEMPTS)
    return right, sum(suspicion(text).score >= 0.6 for text in ORDINARY), len(ATTEMPTS) - right


def row(name: str, counted: tuple[int, int, int]) -> str:
    right, wrong, missed = counted
    return f"| {name} | {right + missed} | {right / (right + wrong):.2f} | {right / (right + missed):.2f} |"


def test_the_guide_states_how_well_the_rules_do() -> None:
    told = GUIDE.read_text(encoding="utf-8")

    assert row("personal data and secrets", forms()) in told
    assert row("attempts to steer a model", steering()) in told
