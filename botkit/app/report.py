"""One turn as a record: for `--json`, for tests of bots, and for front ends that wait for it."""

from __future__ import annotations

__all__ = ["TurnReport", "report_of"]

from typing import Any, cast

from botkit.core.data import Data
from botkit.core.live import LiveEvent


class Tokens(Data, omit_defaults=False):
    input: int = 0
    output: int = 0


class TurnReport(Data, omit_defaults=False):
    """What a turn said, did and cost."""

    response: str
    tool_calls: tuple[dict[str, Any], ...] = ()
    """`{"toolName", "arguments", "result", "latencyMs", "success"}` each."""
    tokens: Tokens = Tokens()
    token_breakdown: dict[str, int] = {}
    cost_cents: float = 0.0
    latency_ms: float = 0.0
    loop_iterations: int = 0
    conversation_id: str = ""
    run_id: str = ""
    trace_id: str = ""
    status: str = ""
    """`completed`, `waiting`, `failed`, `cancelled`, `limit_reached`; `answered` for a command."""
    waiting_for: str = ""
    waits: tuple[dict[str, Any], ...] = ()
    """What has to be decided, when it waits: `{"wait_id", "kind", "payload"}` each."""
    rich: tuple[dict[str, Any], ...] = ()
    """Of each message that has more than text: `{"buttons", "selects", "form", "cards", "mentions"}`."""
    data: Any = None
    """The answer as an object, of a bot with `output`."""
    error: dict[str, Any] | None = None


_BREAKDOWN = (
    "systemPrompt",
    "toolDefinitions",
    "memory",
    "summary",
    "conversationHistory",
    "currentMessage",
    "toolResults",
    "llmOutput",
    "total",
)


def report_of(events: list[LiveEvent]) -> TurnReport:
    """The record of a turn from its live events, the last of which is `done`."""
    done = events[-1].data
    usage = cast("dict[str, Any]", done.get("usage") or {})
    calls = cast("list[dict[str, Any]]", done.get("calls") or [])
    breakdown = cast("dict[str, int]", done.get("breakdown") or {})
    waits = [
        {"wait_id": event.data.get("wait_id"), "kind": event.data.get("kind"), "payload": event.data.get("payload")}
        for event in events
        if event.kind == "wait"
    ]
    return TurnReport(
        response=str(done.get("text") or _said(events)),
        tool_calls=tuple(calls),
        tokens=Tokens(input=usage.get("input_tokens", 0), output=usage.get("output_tokens", 0)),
        token_breakdown={name: breakdown.get(name, 0) for name in _BREAKDOWN},
        cost_cents=float(done.get("cost_cents") or 0.0),
        latency_ms=float(done.get("latency_ms") or 0.0),
        loop_iterations=int(done.get("iterations") or 0),
        conversation_id=str(done.get("conversation_id") or events[-1].conversation),
        run_id=str(done.get("run_id") or ""),
        trace_id=str(done.get("trace_id") or ""),
        status=str(done.get("status") or done.get("state") or ""),
        waiting_for=str(done.get("waiting_for") or ""),
        waits=tuple(waits),
        rich=tuple(event.data["rich"] for event in events if event.kind == "part" and event.data.get("rich")),
        data=done.get("data"),
        error=done.get("error"),
    )


def _said(events: list[LiveEvent]) -> str:
    """What was delivered, where the turn itself has no text: the question it waits with."""
    return "\n\n".join(event.text for event in events if event.kind == "part" and event.text)
