"""What `benchmarks.recovery` measures is right: a thousand runs, really killed, end, and repeat nothing."""

from __future__ import annotations

import pytest

from benchmarks.recovery import measure


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_a_thousand_workflow_runs_killed_in_flight_all_end_and_repeat_no_finished_step() -> None:
    found = measure(1_000, "workflow")
    assert found["completed"]
    assert found["steps"] == 3_000, "of five steps two had ended; the third, which had begun, is done again"
