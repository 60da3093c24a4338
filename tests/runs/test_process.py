from __future__ import annotations

import asyncio
import gc

import pytest

from botkit.runs.process import run_serving


def test_serving_work_runs_on_the_fast_loop_with_rarer_collections():
    before = gc.get_threshold()

    async def work() -> tuple[str, int]:
        return type(asyncio.get_running_loop()).__module__.partition(".")[0], gc.get_threshold()[0]

    loop, threshold = run_serving(work())

    assert loop == "uvloop"
    assert threshold > before[0]
    assert gc.get_threshold() == before


def test_an_error_of_the_work_leaves_the_collector_as_it_was():
    before = gc.get_threshold()

    async def work() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run_serving(work())
    assert gc.get_threshold() == before
