from __future__ import annotations

import asyncio
import gc

import pytest

from botkit.runs.process import run_serving, settle_memory


def test_serving_work_runs_on_the_fast_loop():
    async def work() -> str:
        return type(asyncio.get_running_loop()).__module__.partition(".")[0]

    assert run_serving(work()) == "uvloop"


def test_collections_are_rare_from_when_memory_is_settled_to_the_end_of_the_work():
    before = gc.get_threshold()

    async def work() -> tuple[bool, int, bool]:
        unchanged = gc.get_threshold() == before
        settle_memory()
        return unchanged, gc.get_threshold()[0], gc.get_freeze_count() > 0

    unchanged, threshold, frozen = run_serving(work())

    assert unchanged, "start-up collects as usual"
    assert threshold > before[0]
    assert frozen
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_an_error_of_the_work_leaves_the_collector_as_it_was():
    before = gc.get_threshold()

    async def work() -> None:
        settle_memory()
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run_serving(work())
    assert gc.get_threshold() == before
