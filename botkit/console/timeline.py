"""The path of one run as bars on a common scale: inbox → model → tool → … → outbox.

A run may wait for a person for hours while its work takes a second. Time in which nothing but waiting
happened is therefore drawn short; the durations told are the real ones.
"""

from __future__ import annotations

__all__ = ["Bar", "timeline"]

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import msgspec

from botkit.core.console import TraceView
from botkit.core.data import Data
from botkit.core.journal import ModelCall, Step, Wait
from botkit.core.messages import Part
from botkit.core.tools import CallRecord

BarKind = Literal["inbox", "model", "tool", "wait", "step", "outbox"]
BarState = Literal["ok", "failed", "waiting", "running", "unknown"]

_GAP_SHARE = 0.12
"""An idle gap is drawn at most this long, as a share of the time that was worked."""
_SHORTEST_GAP_US = 50_000
_SCALE = 1000.0


class Bar(Data, omit_defaults=False):
    kind: BarKind
    label: str
    detail: str = ""
    key: str = ""
    """Step path, where it is one."""
    state: BarState = "ok"
    start_us: int
    end_us: int
    left: float = 0.0
    """Where it begins on the drawn scale, 0 to 1000."""
    width: float = 0.0


def timeline(view: TraceView, *, now_us: int) -> tuple[Bar, ...]:
    """Bars in the order in which things began, placed on a scale from 0 to 1000."""
    trace = view.trace
    opened = trace.run
    run = opened.run
    models = {call.step: call for call in trace.models if call.step}
    calls = {call.step: call for call in trace.calls if call.step}
    bars = [_inbox(event, run.started_at) for event in trace.events]
    bars.extend(_step(step, models.get(step.key), calls.get(step.key), now_us) for step in opened.steps.values())
    bars.extend(_lost_model(call) for key, call in models.items() if key not in opened.steps)
    bars.extend(_wait(wait, now_us) for wait in opened.waits)
    bars.extend(_part(part) for part in trace.parts)
    if run.state == "running" and not any(bar.state == "running" for bar in bars):
        begun = max((bar.end_us for bar in bars), default=run.started_at)
        bars.append(Bar(kind="step", label="working", state="running", start_us=begun, end_us=max(begun, now_us)))
    return _placed(sorted(bars, key=lambda bar: (bar.start_us, bar.end_us)))


def _inbox(event: dict[str, Any], started_at: int) -> Bar:
    received_at = event.get("received_at")
    start = received_at if isinstance(received_at, int) and received_at > 0 else started_at
    kind = str(event.get("kind") or "message")
    return Bar(kind="inbox", label="inbox", detail=kind, start_us=start, end_us=max(start, started_at))


def _step(step: Step, model: ModelCall | None, call: CallRecord | None, now_us: int) -> Bar:
    kind: BarKind = "model" if model is not None or step.name == "model" else "tool" if "__" in step.name else "step"
    state: BarState = "ok"
    detail = ""
    if model is not None:
        tokens = model.usage.input_tokens + model.usage.output_tokens
        detail = f"{model.model} · {tokens:,} tokens"
        state = "failed" if model.code else "ok"
    elif call is not None:
        detail = call.status if call.status != "ok" else ""
        state = "waiting" if call.status == "waiting" else "ok" if call.status == "ok" else "failed"
    if step.state == "intent":
        state, detail = "unknown", "sent, no answer recorded"
    end = step.ended_at or (now_us if step.state == "intent" else step.started_at)
    label = "model" if kind == "model" else step.name or step.key
    return Bar(
        kind=kind,
        label=label,
        detail=detail,
        key=step.key,
        state=state,
        start_us=step.started_at,
        end_us=max(step.started_at, end),
    )


def _lost_model(call: ModelCall) -> Bar:
    """A model call that was paid for and left no step: it failed or was cut off."""
    return Bar(
        kind="model",
        label="model",
        detail=f"{call.model} · {call.code or call.finish}",
        key=call.step,
        state="failed",
        start_us=call.at - int(call.latency_ms * 1000),
        end_us=call.at,
    )


def _wait(wait: Wait, now_us: int) -> Bar:
    label = {"approval": "approval", "reply": "answer", "reconcile": "reconcile"}.get(wait.kind, wait.kind)
    if wait.state == "open":
        state: BarState = "waiting"
        detail, end = "open", now_us
    else:
        approved = bool((wait.answer or {}).get("approved"))
        verdict = wait.state if wait.kind != "approval" or wait.state != "answered" else ""
        detail = verdict or ("approved" if approved else "rejected")
        if wait.decided_by:
            detail += f" by {wait.decided_by}"
        state, end = "ok", wait.decided_at or wait.created_at
    return Bar(
        kind="wait",
        label=label,
        detail=detail,
        key=wait.key,
        state=state,
        start_us=wait.created_at,
        end_us=max(wait.created_at, end),
    )


def _part(part: Part) -> Bar:
    states: dict[str, BarState] = {
        "sent": "ok",
        "pending": "running",
        "sending": "running",
        "unknown": "unknown",
        "failed": "failed",
        "dropped": "failed",
    }
    detail = part.error or part.state
    return Bar(
        kind="outbox",
        label="outbox",
        detail=detail,
        key=part.id,
        state=states[part.state],
        start_us=part.created_at,
        end_us=part.created_at,
    )


def _placed(bars: Sequence[Bar]) -> tuple[Bar, ...]:
    """Give each bar its place, with idle gaps drawn short."""
    if not bars:
        return ()
    busy = _merged([(bar.start_us, bar.end_us) for bar in bars if bar.kind != "wait"])
    edges = (min(bar.start_us for bar in bars), max(bar.end_us for bar in bars))
    worked = sum(end - start for start, end in busy)
    longest_gap = max(_SHORTEST_GAP_US, int(worked * _GAP_SHARE))
    places: list[tuple[int, float]] = [(edges[0], 0.0)]
    for start, end in [*busy, (edges[1], edges[1])]:
        at, drawn = places[-1]
        places.append((start, drawn + min(max(0, start - at), longest_gap)))
        places.append((end, places[-1][1] + max(0, end - start)))
    total = places[-1][1] or 1.0

    def place(at: int) -> float:
        for (left, drawn_left), (right, drawn_right) in pairwise(places):
            if left <= at <= right and right > left:
                return (drawn_left + (drawn_right - drawn_left) * (at - left) / (right - left)) / total * _SCALE
        return 0.0 if at <= edges[0] else _SCALE

    return tuple(
        msgspec.structs.replace(
            bar, left=round(place(bar.start_us), 2), width=round(place(bar.end_us) - place(bar.start_us), 2)
        )
        for bar in bars
    )


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Overlapping spans joined, in order."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined
