"""On a platform that knows a repeated message, every answer is there exactly once, wherever the process is killed."""

from __future__ import annotations

import pytest

from tests.chaos.field import Field, Home

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]


def turn_with_a_kill(field: Field, text: str, kill_at: str, *, stream: bool = False, **env: str) -> Home:
    """One message, a kill there, a restart (with `env`), and the end of it."""
    home = field.home(platform="board", stream=stream)
    home.say(text, text)
    home.start(kill_at=kill_at)
    home.until(lambda: not home.alive or home.settled(1), "the kill or the end")
    if kill_at and home.alive:
        home.until(lambda: not home.alive or home.quiet(), "a kill after the end")
    if not home.alive:
        home.start(**env)
    home.until(lambda: home.settled(1), "the end, with nothing left unknown")
    home.kill()
    return home


def check(home: Home, text: str, answer: str, where: str) -> None:
    """One effect and one answer; or, where nobody can know of the effect, one question to the operator."""
    recorded, told = home.recorded()[text], home.told(text)
    assert home.unknown_parts() == [], f"{where}: the platform can always tell"
    assert len(told) == 1, f"{where}: {told}"
    if home.reconciling():
        assert recorded <= 1, where
        assert not told[0].startswith("done:"), f"{where}: answered although the effect is unknown"
    else:
        assert recorded == 1, f"{where}: the effect happened {recorded} times"
        assert told == [answer], where


def test_a_kill_at_every_boundary_leaves_one_effect_and_one_answer(field: Field) -> None:
    boundaries = turn_with_a_kill(field, "alive", "").passed()
    killed: list[str] = []
    uncertain: list[str] = []
    for boundary in boundaries:
        text = f"once {boundary}"
        home = turn_with_a_kill(field, text, boundary)
        check(home, text, f"done: {text}", boundary)
        killed += [boundary] if home.log.exists() else []
        uncertain += [boundary] if home.reconciling() else []

    assert {"before send 0", "after send 0", "before tool call 1", "after tool call 1"} <= set(killed)
    assert len(killed) >= len(boundaries) * 3 // 4, "some are not reached when steps interleave otherwise; most are"
    assert len(uncertain) <= len(boundaries) // 4, uncertain


def test_an_answer_cut_off_while_it_was_shown_is_finished_in_the_same_message(field: Field) -> None:
    text = "at length alive"
    alive = turn_with_a_kill(field, text, "", stream=True)
    boundaries = alive.passed()
    (shown,) = alive.shown(text)
    assert len(shown["versions"]) > 3, "nothing was shown before the end, so nothing is proven"

    tried = [b for b in boundaries if "send" in b]
    tried += boundaries[boundaries.index("before send 0") :][::5]  # while it is shown, one in five
    partial = 0
    for boundary in dict.fromkeys((*tried, *boundaries[-8:])):
        text = f"at length {boundary}"
        home = turn_with_a_kill(field, text, boundary, stream=True)
        answer = shown["versions"][-1].replace("at length alive", text)
        check(home, text, answer, boundary)
        (message,) = home.shown(text)
        partial += any(version.endswith("▌") for version in message["versions"])

    assert partial > 3, "the kills came before anything was shown"


def test_first_words_whose_fate_was_unknown_do_not_stay_when_the_answer_is_there_before_the_platform(
    field: Field,
) -> None:
    """The platform knows the nonce and keeps what it shows under it; the final text must replace that."""
    for boundary in ("before send 0", "after send 0", "before edit 0", "after edit 2"):
        text = f"at length in one piece {boundary}"
        home = turn_with_a_kill(field, text, boundary, stream=True, CHAOS_AT_ONCE="yes", CHAOS_BOARD_LATE_S="0.7")
        pieces = " ".join(f"piece {number}" for number in range(8))
        check(home, text, f"done: {text}: {pieces}", boundary)
