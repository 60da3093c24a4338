"""When a run goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from botkit.sdk.nodes import NodeFailed, Outcome, Wait
from botkit.testing.clock import ManualClock
from botkit.testing.nodes import BenchContext, NodeBench
from botkit.workflows.nodes.delay import Delay

FRIDAY = datetime(2026, 3, 27, 9, 0, tzinfo=UTC)


def bench(data: dict[str, Any], now: datetime = FRIDAY, zone: str = "UTC") -> NodeBench:
    facts = replace(BenchContext().run, timezone=zone)
    return NodeBench(Delay, data, variables={"hours": 2}, clock=ManualClock(now), facts=facts)


@pytest.mark.parametrize(
    ("data", "due"),
    [
        ({"seconds": 90}, "2026-03-27T09:01:30+00:00"),
        ({"duration": "2h 30m"}, "2026-03-27T11:30:00+00:00"),
        ({"duration": "{{ hours }} hours"}, "2026-03-27T11:00:00+00:00"),
        ({"duration": "1w"}, "2026-04-03T09:00:00+00:00"),
        ({"until": "2026-03-28"}, "2026-03-28T00:00:00+00:00"),
        ({"until": "2026-03-28T10:00", "timezone": "America/New_York"}, "2026-03-28T14:00:00+00:00"),
        ({"at": "10:00"}, "2026-03-27T10:00:00+00:00"),
        ({"at": "09:00"}, "2026-03-28T09:00:00+00:00"),
        ({"at": "09:00", "timezone": "Europe/Berlin"}, "2026-03-28T08:00:00+00:00"),
        ({"at": "09:00", "weekdays": ["monday"], "timezone": "Europe/Berlin"}, "2026-03-30T07:00:00+00:00"),
        ({"at": "02:30", "weekdays": ["sun"], "timezone": "Europe/Berlin"}, "2026-03-29T01:30:00+00:00"),
        ({"at": "09:30", "weekdays": ["fri", "sat"]}, "2026-03-27T09:30:00+00:00"),
        ({"at": "08:30", "weekdays": ["fri"]}, "2026-04-03T08:30:00+00:00"),
    ],
)
async def test_a_delay_ends_then(data: dict[str, Any], due: str) -> None:
    node = bench(data)

    wait = await node.run()
    assert isinstance(wait, Wait)
    assert (wait.kind, wait.state["due"]) == ("timer", due)
    assert await node.expire() == Outcome(output={"due": due, "at": node.ctx.now().isoformat()})
    assert node.ctx.now() == datetime.fromisoformat(due)


async def test_the_zone_of_the_person_counts_where_none_is_named() -> None:
    wait = await bench({"at": "12:00"}, zone="Asia/Tokyo").run()

    assert isinstance(wait, Wait)
    assert wait.state["due"] == "2026-03-28T03:00:00+00:00"


async def test_a_time_that_has_passed_does_not_wait() -> None:
    outcome = await bench({"until": "2026-03-27T08:00:00Z"}).run()

    assert isinstance(outcome, Outcome)


@pytest.mark.parametrize(
    "data",
    [
        {"duration": "soon"},
        {"duration": "5 parsecs"},
        {"until": "tomorrow"},
        {"at": "25:00"},
        {"at": "09:00", "weekdays": ["t"]},
        {"at": "09:00", "timezone": "Mars/Olympus"},
        {"seconds": 1e12},
        {"duration": "99999w"},
    ],
)
async def test_what_is_no_time_fails(data: dict[str, Any]) -> None:
    with pytest.raises(NodeFailed) as caught:
        await bench(data).run()

    assert caught.value.code == "invalid_time"


def test_mistakes_are_found_before_anything_runs() -> None:
    assert Delay.check({})
    assert Delay.check({"seconds": 1, "at": "09:00"})
    assert Delay.check({"duration": "soon"})[0][0] == "duration"
    assert Delay.check({"at": "09:00", "timezone": "Nowhere"})[0][0] == "timezone"
    assert Delay.check({"duration": "{{ wait }}"}) == []
