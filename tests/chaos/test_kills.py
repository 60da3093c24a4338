"""Real processes, really killed: nothing is lost, no step is repeated, no reply is doubled.

What happened is counted outside botkit: at a Telegram server in a process of its own, and in the file that the
tool server writes.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.chaos.field import Field, Home

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]


def say(field: Field, who: str, text: str) -> str:
    """A message of a person; returns their chat."""
    return str(field.telegram.do("say", who=who, text=text)["chat_id"])


def check_one(home: Home, chat: str, text: str, *, policy: str, where: str) -> None:
    """The promise, for one message."""
    done = f"done: {text}"
    recorded = home.recorded()[text]
    told = home.field.replies().get(chat, Counter())
    assert recorded <= 1, f"{where}: the effect happened {recorded} times"
    if home.reconciling():
        assert recorded in (0, 1)
        assert done not in told, f"{where}: answered although the effect is unknown"
        assert sum(told.values()) == 1, f"{where}: the person was not told once: {told}"
        return
    assert recorded == 1, f"{where}: the effect is missing"
    assert set(told) <= {done}, f"{where}: {told}"
    seen = told.get(done, 0)
    if policy == "hold":
        assert seen <= 1, f"{where}: the reply was doubled"
        assert seen == 1 or home.unknown_parts() == [done], f"{where}: the reply is lost"
    else:
        assert seen >= 1, f"{where}: the reply is lost"
        assert seen == 1 or home.resent_parts() == [done], f"{where}: doubled, and nobody was told"


def turn_with_a_kill(field: Field, kill_at: str, *, policy: str) -> Home:
    """One message, a kill there, a restart, and the end of it; checked."""
    home = field.home(policy=policy)
    text = f"{policy} {kill_at or 'alive'}"
    chat = say(field, text, text)
    home.start(kill_at=kill_at)

    def settled() -> bool:
        return home.settled(1, held=policy == "hold")

    home.until(lambda: not home.alive or settled(), "the kill or the end")
    if kill_at and home.alive:
        home.until(lambda: not home.alive or home.quiet(), "a kill after the end")
    if not home.alive:
        home.start()
        home.until(settled, "the end, and for `resend` what is unknown to be sent again")
    home.kill()
    check_one(home, chat, text, policy=policy, where=kill_at)
    return home


def test_a_kill_at_every_boundary_of_a_turn_loses_and_doubles_nothing(field: Field) -> None:
    boundaries = turn_with_a_kill(field, "", policy="hold").passed()
    killed: list[str] = []
    uncertain: list[str] = []
    for boundary in boundaries:
        home = turn_with_a_kill(field, boundary, policy="hold")
        if home.log.exists():
            killed.append(boundary)
        if home.unknown_parts() or home.reconciling():
            uncertain.append(boundary)

    assert {"before send 0", "after send 0", "before tool call 0", "after tool call 1", "before write 0"} <= set(killed)
    assert len(killed) >= len(boundaries) * 3 // 4, "some are not reached when steps interleave otherwise; most are"
    assert uncertain, "a kill between sending and hearing back cannot be certain; if it is, nothing was proven"
    assert len(uncertain) <= len(boundaries) // 2, uncertain


def test_with_resend_a_kill_around_a_send_may_repeat_the_message_and_never_loses_it(field: Field) -> None:
    resent = 0
    for boundary in ("before send 0", "after send 0"):
        home = turn_with_a_kill(field, boundary, policy="resend")
        resent += len(home.resent_parts())

    assert resent == 2
