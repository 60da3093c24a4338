"""The one weather of all fakes: ordered in advance, used up call by call, spelled the same everywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from botkit.testing.discord import FakeDiscord
from botkit.testing.faults import Deliveries, Dropped, Fault, Faults
from botkit.testing.slack import FakeSlack
from botkit.testing.telegram import FakeTelegram
from botkit.testing.whatsapp import FakeCloud, FakeTwilio


def ordered(faults: Faults[str], kind: Any, text: str, **more: Any) -> None:
    faults.add(Fault(kind, lambda call: call.startswith(text), **more))


async def effect_of(faults: Faults[str], call: str) -> str:
    """What came of a call: nothing happened, it was done, or it was done and not answered."""
    done = False
    fault = faults.take(call)
    try:
        await fault.begin()
        done = True
        fault.end()
    except Dropped:
        return "done and cut" if done else "cut"
    except ValueError:
        return "done and refused" if done else "refused"
    return "done"


async def test_a_fault_hits_the_calls_it_was_ordered_for_and_is_used_up() -> None:
    faults = Faults[str]()
    ordered(faults, "drop_before", "send", times=2, after=1)
    ordered(faults, "error_after", "edit", error=ValueError())
    calls = ["send 1", "edit 1", "send 2", "edit 2", "send 3", "send 4"]
    assert [await effect_of(faults, call) for call in calls] == [
        *("done", "done and refused", "cut", "done", "cut", "done")
    ]


@pytest.mark.parametrize(
    ("kind", "effect"),
    [("drop_before", "cut"), ("drop_after", "done and cut"), ("error", "refused"), ("error_after", "done and refused")],
)
async def test_what_each_kind_leaves_behind(kind: Any, effect: str) -> None:
    faults = Faults[str]()
    ordered(faults, kind, "", error=ValueError())
    assert await effect_of(faults, "x") == effect


def test_what_people_do_arrives_twice_or_turned_around() -> None:
    arrived: list[int] = []
    deliveries = Deliveries(arrived.append)
    deliveries.duplicate()
    for number in range(2):
        deliveries.put(number)
    deliveries.reorder(3)
    for number in range(2, 6):
        deliveries.put(number)
    assert arrived == [0, 0, 1, 4, 3, 2, 5]
    deliveries.reorder(5)
    deliveries.put(6)
    assert arrived[-1] == 5
    deliveries.clear()
    assert arrived[-1] == 6


FAKES = (FakeTelegram, FakeDiscord, FakeSlack, FakeCloud, FakeTwilio)


@pytest.fixture(params=FAKES, ids=lambda fake: fake.__name__)
async def fake(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    async with request.param() as fake:
        yield fake


async def test_every_fake_takes_every_order(fake: Any) -> None:
    fake.rate_limit(1, 3, after=1)
    fake.drop_before(2, after=1)
    fake.drop_after()
    fake.fail(applied=True)
    hold = fake.hold()
    fake.duplicate()
    fake.reorder(2)
    for words in ("drop_before", "drop_after", "hold"):
        with pytest.raises(TypeError, match="somewhere"):
            getattr(fake, words)(somewhere="else")
    assert len(fake.faults.pending) == 5
    fake.clear_faults()
    assert fake.faults.pending == []
    assert hold.released.is_set()
    fake.revoke_token()
    assert fake.revoked
    fake.restore_token()
    assert not fake.revoked


async def test_it_vanishes_and_comes_back_at_the_same_address(fake: Any) -> None:
    async def reachable() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", fake.port)
        except ConnectionError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    where = fake.api_base
    assert await reachable()
    await fake.go_offline()
    assert not await reachable()
    await fake.come_back()
    assert fake.api_base == where
    assert await reachable()
