"""Work at set times: once each, also over restarts, and what becomes of times that passed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from botkit.core.config.models import Schedule
from botkit.engine.schedules import next_due
from tests.engine.support import World
from tests.engine.test_workflows import greet, with_workflow

HOUR = 3600


def daily(world: World, **more: Any) -> None:
    """At every full hour."""
    with_workflow(
        world,
        greet("tell", "It is {{ trigger.at }}.", to="fake:room-1:"),
        schedules={"chime": {"cron": "0 * * * *", "workflow": "flow", **more}},
    )


async def hours(world: World, count: float) -> None:
    await world.pass_time(count * HOUR)
    await world.settle()


async def test_a_schedule_fires_at_its_times(world: World):
    daily(world)
    await world.start()
    await hours(world, 1)
    await hours(world, 1)
    assert len(world.texts) == 2
    assert len(set(world.texts)) == 2
    assert {run.channel for run in await world.runs()} == {"@schedule"}


@pytest.mark.parametrize(("missed", "times"), [("once", 1), ("skip", 0), ("all", 3)])
async def test_times_that_passed_while_nothing_ran(world: World, missed: str, times: int):
    daily(world, missed=missed)
    await world.start()
    await world.close()
    await world.clock.advance(3 * HOUR)
    await world.start()
    for _ in range(4):
        await world.pass_time(1)
        await world.settle()
    assert len(world.texts) == times
    await hours(world, 1)
    assert len(world.texts) == times + 1, "and it goes on"


async def test_a_crash_between_the_time_and_its_run_loses_and_doubles_nothing(world: World):
    daily(world)
    await world.start()
    await world.pass_time(HOUR)
    await world.crash()
    await world.start()
    await world.settle()
    assert len(world.texts) == 1


async def test_a_schedule_that_was_taken_out_fires_no_more(world: World):
    daily(world)
    await world.start()
    await world.close()
    with_workflow(world, greet("tell", "Hm.", to="fake:room-1:"))
    await world.start()
    await hours(world, 1)
    assert world.texts == []
    assert "ignored: the schedule is not what it was" in await world.outcomes()


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "zone", "after", "due"),
    [
        ("30 9 * * 1-5", "Europe/Berlin", "2026-11-21T00:00", "2026-11-23T08:30"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T23:00", "2026-10-25T00:30"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30", "2026-10-26T01:30"),
        ("0 0 29 2 *", "UTC", "2026-11-21T00:00", "2028-02-29T00:00"),
    ],
)
def test_times_follow_the_clock_on_the_wall(cron: str, zone: str, after: str, due: str):
    schedule = Schedule(cron=cron, workflow="flow")
    assert next_due(schedule, zone, _at(after)) == _at(due)
