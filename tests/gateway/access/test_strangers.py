"""Bad tokens by the address they come from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.gateway.access import strangers
from botkit.gateway.access.strangers import BURST, EVERY_S, Strangers
from botkit.testing.clock import ManualClock


async def test_an_address_may_be_wrong_some_times_and_then_now_and_then() -> None:
    clock = ManualClock()
    door = Strangers(clock)
    assert [door.tried("192.0.2.1") for _ in range(BURST)] == [0.0] * BURST
    assert not door.may_try("192.0.2.1")
    assert door.tried("192.0.2.1") == EVERY_S
    assert door.tried("192.0.2.2") == 0.0
    await clock.advance(EVERY_S / 2)
    assert door.tried("192.0.2.1") == EVERY_S / 2  # what was refused costs nothing more
    await clock.advance(EVERY_S / 2)
    assert door.tried("192.0.2.1") == 0.0
    assert door.tried("192.0.2.1") == EVERY_S


async def test_an_address_that_kept_quiet_starts_anew() -> None:
    clock = ManualClock()
    door = Strangers(clock)
    for _ in range(BURST * 2):
        door.tried("192.0.2.1")
    await clock.advance(BURST * EVERY_S)
    assert [door.tried("192.0.2.1") for _ in range(BURST)] == [0.0] * BURST


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2", True),
        ("", "192.0.2.1", False),
        ("no address", "no address", True),
    ],
)
def test_an_ipv6_network_is_one_sender(one: str, other: str, same: bool) -> None:
    door = Strangers(ManualClock())
    for _ in range(BURST):
        door.tried(one)
    assert door.may_try(other) is not same


def test_a_crowd_of_addresses_takes_no_more_than_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "_REMEMBERED", 50)
    door = Strangers(ManualClock())
    for number in range(500):
        door.tried(f"10.0.{number // 250}.{number % 250}")
    assert len(door) == 50


@given(st.lists(st.floats(0, 20), max_size=200))
async def test_no_address_is_answered_more_often_than_it_may(pauses: list[float]) -> None:
    clock = ManualClock()
    door = Strangers(clock)
    answered: list[float] = []
    for pause in pauses:
        await clock.advance(pause)
        if not door.tried("192.0.2.1"):
            answered.append(clock.monotonic())
    for index, at in enumerate(answered):
        window = [one for one in answered[: index + 1] if one > at - 60]
        assert len(window) <= BURST + 60 / EVERY_S
