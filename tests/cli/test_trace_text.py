"""What `runs show` tells of guardrails and of thumbs."""

from __future__ import annotations

from botkit.cli.output import Table
from botkit.cli.trace import describe_trace
from botkit.core.console import TraceView
from botkit.core.journal import OpenRun, Run
from botkit.core.stores import Trace


def test_findings_and_feedback_are_told() -> None:
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
        output={"guardrails": [found]},
        started_at=1,
        updated_at=1,
    )
    events = tuple(
        {"kind": "reaction", "outcome": outcome, "event": {"sender": {"id": who}}}
        for who, outcome in (("ada", "feedback: up"), ("bob", "feedback: down"), ("ada", "feedback: down"))
    )

    lines = list(describe_trace(TraceView(trace=Trace(run=OpenRun(run=run), events=events))))

    assert "Guard    output: secrets token, block (2)" in lines
    assert "Feedback 0 up, 2 down" in lines


def test_what_the_prompt_was_made_of_is_told() -> None:
    run = Run(
        id="run_1",
        lane="fake:1",
        conversation="fake:1",
        channel="fake",
        bot="desk",
        person_id="ada",
        trace_id="trc_1",
        output={"breakdown": {"systemPrompt": 100, "memory": 50, "toolResults": 250, "llmOutput": 900, "total": 1300}},
    )

    (table,) = [
        line for line in describe_trace(TraceView(trace=Trace(run=OpenRun(run=run)))) if isinstance(line, Table)
    ]

    assert table.rows == [("instructions", 100, "25%"), ("notes", 50, "12%"), ("tool results", 250, "62%")]
