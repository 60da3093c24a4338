"""Turns and traces as the page is told about them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.console.timeline import Bar, timeline
from botkit.console.views import call_views, turn_view, turns
from botkit.core.console import ChatEntry, TraceView
from botkit.core.events import Conversation
from botkit.core.journal import ModelCall, OpenRun, Run, Step, Wait
from botkit.core.messages import Part
from botkit.core.models import ModelReply, RequestedCall, Usage
from botkit.core.stores import Trace
from botkit.core.tools import CallRecord, NeedsApproval, Result

RUN = Run(
    id="run_1",
    lane="l",
    conversation="sandbox:r:",
    channel="sandbox",
    bot="b",
    person_id="ada",
    trace_id="t",
    started_at=1_000,
)


def record(**changes: Any) -> CallRecord:
    return msgspec.structs.replace(CallRecord(id="call_1", at=0, workspace="w", tool="orders__refund"), **changes)


def asked(*calls: RequestedCall, key: str = "turn/0/model", at: int = 1_000) -> Step:
    raw = msgspec.Raw(msgspec.json.encode(ModelReply(calls=calls)))
    return Step(run_id="run_1", key=key, name="model", result=raw, started_at=at, ended_at=at + 100)


def answered(value: object, key: str = "turn/0/tool/0", at: int = 2_000, **changes: Any) -> Step:
    raw = msgspec.Raw(msgspec.json.encode(value))
    step = Step(run_id="run_1", key=key, name="orders__refund", result=raw, started_at=at, ended_at=at + 5_000)
    return msgspec.structs.replace(step, **changes)


def opened(*steps: Step, waits: tuple[Wait, ...] = (), **changes: Any) -> OpenRun:
    run = msgspec.structs.replace(RUN, **changes)
    return OpenRun(run=run, steps={step.key: step for step in steps}, waits=waits)


def result(text: str = "done", **changes: Any) -> Result:
    return msgspec.structs.replace(
        Result(content={"content": [{"type": "text", "text": text}]}, record=record(duration_ms=7)), **changes
    )


REFUND = RequestedCall(id="c1", name="orders__refund", arguments='{"amount": 5}')
APPROVAL = NeedsApproval(
    tool="orders__refund", server="orders", arguments={}, digest="d", record=record(status="waiting")
)
NOT_APPROVED = "It was not approved, so it was not made."
NOT_KNOWN = "The call was sent and its result is not known."
STRUCTURED = Result(content={"structuredContent": {"a": 1}}, record=record())
WAIT = Wait(id="w", run_id="run_1", lane="l", key="turn/0/tool/0/wait/0", kind="approval", created_at=7_000)
DECIDED = msgspec.structs.replace(WAIT, state="answered")


@pytest.mark.parametrize(
    ("steps", "waits", "state", "expected"),
    [
        ([answered(result())], (), "completed", ("ok", "done", 7.0)),
        ([answered(result("no", is_error=True))], (), "completed", ("failed", "no", 7.0)),
        ([answered(APPROVAL)], (WAIT,), "waiting", ("waiting", "", 5.0)),
        ([answered(APPROVAL)], (DECIDED,), "running", ("running", "", 5.0)),
        ([answered(APPROVAL)], (DECIDED,), "completed", ("failed", NOT_APPROVED, 5.0)),
        ([answered(APPROVAL), answered(result(), "turn/0/tool/0/1", 9_000)], (), "completed", ("ok", "done", 7.0)),
        ([answered(None, state="intent", ended_at=0)], (), "waiting", ("unknown", NOT_KNOWN, 0.0)),
        ([], (), "running", ("running", "", 0.0)),
        ([], (), "cancelled", ("failed", "The run ended before this call was made.", 0.0)),
        ([answered({"rows": 3})], (), "completed", ("ok", '{"rows":3}', 5.0)),
        ([answered(STRUCTURED)], (), "completed", ("ok", '{"a":1}', 5.0)),
    ],
)  # fmt: skip
def test_a_call_is_told_as_its_steps_have_it(
    steps: list[Step], waits: tuple[Wait, ...], state: Any, expected: tuple[str, str, float]
) -> None:
    (view,) = call_views(opened(asked(REFUND), *steps, waits=waits, state=state))
    assert (view.state, view.result, view.duration_ms) == expected
    assert (view.id, view.tool, view.arguments) == ("c1", "orders__refund", {"amount": 5})


def test_the_tenth_call_is_not_taken_for_an_attempt_of_the_first() -> None:
    calls = [RequestedCall(id=f"c{number}", name="orders__refund") for number in range(12)]
    steps = [answered(result(f"r{number}"), f"turn/0/tool/{number}", 2_000 + number) for number in range(12)]
    views = call_views(opened(asked(*calls), *steps))
    assert [view.result for view in views] == [f"r{number}" for number in range(12)]


def test_arguments_that_are_no_json_object_are_shown_as_written() -> None:
    broken = [RequestedCall(id="c", name="t", arguments=text) for text in ('{"a": ', "[1]", '"x"')]
    views = call_views(opened(asked(*broken)))
    assert [view.arguments for view in views] == ['{"a": ', "[1]", '"x"']


def test_calls_of_later_rounds_follow_those_of_earlier_ones() -> None:
    later = RequestedCall(id="c2", name="orders__lookup")
    views = call_views(opened(asked(later, key="turn/1/model", at=9_000), asked(REFUND), answered(result())))
    assert [view.id for view in views] == ["c1", "c2"]


def entry(role: Any, text: str, seq: int, run_id: str = "run_1", **changes: Any) -> ChatEntry:
    return ChatEntry(role=role, text=text, at=1_000 + seq, run_id=run_id, seq=seq, **changes)


def test_a_finished_turn_is_its_message_its_calls_and_its_last_words() -> None:
    output = {
        "text": "All done.",
        "calls": [{"toolName": "a__b", "arguments": {"x": 1}, "result": "r", "latencyMs": 4, "success": False}],
        "breakdown": {"total": 9},
        "iterations": 1,
    }
    run = msgspec.structs.replace(RUN, state="completed", ended_at=501_000, output=output, usage=Usage(input_tokens=9))
    said = [
        entry("user", "hello", 1, name="Ada"),
        entry("assistant", "let me look", 2),
        entry("tool", "r", 3),
        entry("assistant", "All done.", 4),
    ]
    (turn,) = turns(said, [run], {})
    assert (turn.author, turn.text, turn.reply, turn.state) == ("Ada", "hello", "All done.", "completed")
    assert [(call.tool, call.arguments, call.state, call.duration_ms) for call in turn.calls] == [
        ("a__b", {"x": 1}, "failed", 4.0)
    ]
    assert (turn.latency_ms, turn.input_tokens, turn.breakdown) == (500.0, 9, {"total": 9})


def test_a_turn_whose_run_was_deleted_still_shows_what_was_said() -> None:
    said = [entry("user", "hello", 1), entry("tool", "42", 2, name="math__add"), entry("assistant", "It is 42.", 3)]
    (turn,) = turns(said, [], {})
    assert (turn.text, turn.reply, [(call.tool, call.result) for call in turn.calls]) == (
        "hello",
        "It is 42.",
        [("math__add", "42")],
    )


def test_a_run_that_has_not_ended_shows_its_message_and_no_answer_yet() -> None:
    run = msgspec.structs.replace(RUN, input={"text": "hello", "sender_name": "Ada"}, output={"text": "half an ans"})
    trace = TraceView(trace=Trace(run=OpenRun(run=run), models=(ModelCall(id="m", at=1, usage=Usage(input_tokens=5)),)))
    (turn,) = turns([], [run], {"run_1": trace})
    assert (turn.author, turn.text, turn.reply, turn.state, turn.input_tokens) == ("Ada", "hello", "", "running", 5)


def test_output_of_another_version_does_not_break_the_chat() -> None:
    run = msgspec.structs.replace(
        RUN, state="completed", output={"calls": ["x", {}], "breakdown": [1], "iterations": "many"}
    )
    (turn,) = turns([entry("user", "hello", 1)], [run], {})
    assert [call.tool for call in turn.calls] == [""]
    assert (turn.breakdown, turn.iterations) == ({}, 0)


# ── the drawn path ───────────────────────────────────────────────────────────────────────────────────────


def trace_of(*steps: Step, **parts: Any) -> TraceView:
    run = opened(*steps, waits=parts.pop("waits", ()), state=parts.pop("state", "completed"))
    return TraceView(trace=Trace(run=run, **parts))


def test_the_path_goes_from_inbox_to_outbox_in_the_order_of_what_happened() -> None:
    part = Part(
        id="run_1.0", conversation=Conversation(channel="c", room="r"), payload={}, state="sent", created_at=9_000
    )
    bars = timeline(
        trace_of(asked(REFUND), answered(result()), parts=(part,), events=({"received_at": 500, "kind": "message"},)),
        now_us=10_000,
    )
    assert [(bar.kind, bar.label, bar.state) for bar in bars] == [
        ("inbox", "inbox", "ok"),
        ("model", "model", "ok"),
        ("tool", "orders__refund", "ok"),
        ("outbox", "outbox", "ok"),
    ]
    assert (bars[0].left, bars[0].start_us, bars[0].end_us) == (0.0, 500, 1_000)


def test_hours_of_waiting_are_drawn_short_and_told_in_full() -> None:
    hour = 3_600_000_000
    wait = msgspec.structs.replace(
        WAIT, state="answered", answer={"approved": True}, decided_by="Grace", created_at=7_000, decided_at=hour
    )
    bars = timeline(
        trace_of(asked(REFUND), answered(APPROVAL), answered(result(), "turn/0/tool/0/1", hour), waits=(wait,)),
        now_us=hour + 9_000,
    )
    (waited,) = [bar for bar in bars if bar.kind == "wait"]
    assert waited.detail == "approved by Grace"
    assert waited.end_us - waited.start_us == hour - 7_000
    assert bars[-1].width > 50  # five milliseconds of work beside an hour of waiting
    assert waited.left + waited.width <= bars[-1].left + 0.1


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("sent", "ok"),
        ("pending", "running"),
        ("sending", "running"),
        ("unknown", "unknown"),
        ("failed", "failed"),
        ("dropped", "failed"),
    ],
)
def test_delivery_is_told_as_it_is(state: Any, expected: str) -> None:
    part = Part(
        id="p",
        conversation=Conversation(channel="c", room="r"),
        payload={},
        state=state,
        error="why" if state == "failed" else "",
    )
    (bar,) = timeline(trace_of(parts=(part,)), now_us=10)
    assert (bar.state, bar.detail) == (expected, "why" if state == "failed" else state)


def test_what_failed_or_has_no_answer_stands_out() -> None:
    lost = ModelCall(id="m", at=900_000, step="turn/9/model", model="big", latency_ms=300, code="model_unavailable")
    refused = record(step="turn/0/tool/0", status="denied")
    intent = answered(None, "turn/0/tool/1", 8_000, state="intent", ended_at=0)
    bars = {
        bar.key: bar
        for bar in timeline(
            trace_of(answered(result()), intent, models=(lost,), calls=(refused,), state="waiting"), now_us=950_000
        )
    }
    assert (bars["turn/9/model"].state, bars["turn/9/model"].detail) == ("failed", "big · model_unavailable")
    assert (bars["turn/0/tool/0"].state, bars["turn/0/tool/0"].detail) == ("failed", "denied")
    assert (bars["turn/0/tool/1"].state, bars["turn/0/tool/1"].end_us) == ("unknown", 950_000)


def test_a_run_at_work_shows_that_it_is() -> None:
    bars = timeline(trace_of(asked(REFUND), state="running"), now_us=50_000)
    assert (bars[-1].label, bars[-1].state, bars[-1].end_us) == ("working", "running", 50_000)
    assert turn_view(trace_of(state="running")).state == "running"


times = st.integers(min_value=1, max_value=10**12)


@given(st.lists(st.tuples(times, st.integers(min_value=0, max_value=10**10), st.booleans()), max_size=12))
def test_every_bar_is_within_the_scale_and_in_order(spans: list[tuple[int, int, bool]]) -> None:
    steps = [
        answered(result(), f"turn/0/tool/{index}", start, ended_at=start + length)
        for index, (start, length, waits) in enumerate(spans)
        if not waits
    ]
    waits = tuple(
        msgspec.structs.replace(WAIT, id=f"w{index}", state="answered", created_at=start, decided_at=start + length)
        for index, (start, length, waits) in enumerate(spans)
        if waits
    )
    bars = timeline(trace_of(*steps, waits=waits), now_us=10**13)
    assert len(bars) == len(spans)
    for bar in bars:
        assert -0.01 <= bar.left <= 1000.01
        assert bar.width >= -0.01
        assert bar.left + bar.width <= 1000.05
    _check_order(bars)


def _check_order(bars: tuple[Bar, ...]) -> None:
    """What began earlier is never drawn to the right of what began later."""
    for earlier, later in pairwise(bars):
        assert earlier.left <= later.left + 0.02
