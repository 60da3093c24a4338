"""What guardrails find is counted when it is committed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from botkit.app.http.metrics import MeteredJournal, Metrics
from botkit.core.journal import Journal, Run, SetRun, StartRun, Write


class _Journal:
    async def commit(self, claim: object, writes: Sequence[Write], **more: Any) -> None:
        return None


async def test_findings_are_counted_by_where_they_were() -> None:
    metrics = Metrics()
    journal = MeteredJournal(cast("Journal", _Journal()), metrics)
    found = {"where": "output", "check": "secrets", "kind": "token", "count": 2, "measure": "block"}
    run = Run(
        id="run_1",
        lane="fake:1",
        conversation="fake:1",
        channel="fake",
        bot="desk",
        person_id="ada",
        revision="r1",
        trace_id="trc_1",
        started_at=1,
        updated_at=1,
    )

    await journal.commit(None, (StartRun(run=run),))
    await journal.commit(None, (SetRun(run_id="run_1", state="failed", at=1, output={"guardrails": [found]}),))

    line = 'botkit_guardrail_findings_total{bot="desk",check="secrets",measure="block",where="output"} 2.0'
    assert line in metrics.text().decode()
