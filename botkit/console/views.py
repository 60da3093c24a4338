"""What the page is told about turns: shapes for its scripts, filled from the journal's records."""

from __future__ import annotations

__all__ = ["CallState", "CallView", "TurnView", "call_views", "finished_calls", "turn_view", "turns"]

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import msgspec

from botkit.core.console import ChatEntry, TraceView
from botkit.core.data import Data
from botkit.core.journal import OpenRun, Run, Step
from botkit.core.models import ModelReply, RequestedCall, Usage
from botkit.core.tools import NeedsApproval, NeedsInput, Result, result_text

CallState = Literal["running", "ok", "failed", "waiting", "unknown"]


class CallView(Data, omit_defaults=False):
    """One tool call of a turn."""

    id: str
    tool: str
    arguments: dict[str, Any] | str = {}
    """Text when what the model wrote is not a JSON object."""
    result: str = ""
    state: CallState = "ok"
    duration_ms: float = 0.0


class TurnView(Data, omit_defaults=False):
    """What a person said, what the bot did about it, and what it answered."""

    run_id: str = ""
    trace_id: str = ""
    bot: str = ""
    at: int = 0
    """Microseconds, UTC."""
    author: str = ""
    text: str = ""
    message_id: str = ""
    notice_id: str = ""
    """Of what was said outside of a run: what the ids of its parts begin with, to know it when it is told live."""
    notes: tuple[str, ...] = ()
    calls: tuple[CallView, ...] = ()
    reply: str = ""
    reply_at: int = 0
    state: str = ""
    """Of the run; empty for what was said outside of one."""
    waiting_for: str = ""
    error: dict[str, Any] | None = None
    model: str = ""
    iterations: int = 0
    breakdown: dict[str, int] = {}
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    estimated: bool = False
    cost_micros: int = 0
    latency_ms: float = 0.0
    """From the start of the run to its end, waiting included."""


def turns(entries: Sequence[ChatEntry], runs: Sequence[Run], open_traces: Mapping[str, TraceView]) -> list[TurnView]:
    """A chat as it is shown after a reload, oldest first.

    Args:
        entries: what was said, oldest first.
        runs: the runs of this chat, in any order.
        open_traces: traces of those that have not ended, for what they did so far.
    """
    by_run: dict[str, list[ChatEntry]] = {}
    for entry in entries:
        by_run.setdefault(entry.run_id or f"entry:{entry.seq}:{entry.at}", []).append(entry)
    views: list[TurnView] = []
    known = {run.id: run for run in runs}
    for run_id, said in by_run.items():
        run = known.pop(run_id, None)
        views.append(_said(said) if run is None else _turn(run, said, open_traces.get(run_id)))
    # a run whose message is not in the transcript yet
    views.extend(_turn(run, (), open_traces.get(run.id)) for run in known.values() if run.id in open_traces)
    return sorted(views, key=lambda view: view.at)


def turn_view(view: TraceView) -> TurnView:
    """The turn a trace is about."""
    opened = view.trace.run
    turn = _turn(opened.run, (), view)
    return msgspec.structs.replace(turn, calls=call_views(opened) or turn.calls, latency_ms=view.latency_ms)


def _said(entries: Sequence[ChatEntry]) -> TurnView:
    """What was said without a run that is still known: notices, and runs that are deleted already."""
    first = entries[0]
    user = [entry for entry in entries if entry.role == "user"]
    reply = _last_reply(entries)
    notices = [entry.message_id for entry in entries if entry.role != "user" and entry.message_id]
    return TurnView(
        at=first.at,
        author=user[0].name if user else "",
        text="\n\n".join(entry.text for entry in user),
        message_id=user[-1].message_id if user else "",
        notice_id=notices[0] if notices else "",
        notes=tuple(entry.text for entry in entries if entry.role == "note"),
        calls=_told_calls(entries),
        reply=reply.text if reply else "",
        reply_at=reply.at if reply else 0,
    )


def _turn(run: Run, entries: Sequence[ChatEntry], trace: TraceView | None) -> TurnView:
    output: dict[str, Any] = run.output or {}
    said = _said(entries) if entries else TurnView()
    if trace is not None and not output.get("calls"):
        calls = call_views(trace.trace.run)
    else:
        calls = finished_calls(output.get("calls")) or said.calls
    final = run.state not in ("running", "waiting")
    usage = run.usage if run.usage != Usage() or trace is None else _summed(trace)
    return TurnView(
        run_id=run.id,
        trace_id=run.trace_id,
        bot=run.bot,
        at=run.started_at or said.at,
        author=said.author or str(run.input.get("sender_name") or ""),
        text=said.text or str(run.input.get("text") or ""),
        message_id=str(run.input.get("message_id") or ""),
        notes=said.notes,
        calls=calls,
        reply=(str(output.get("text") or "") or said.reply) if final else "",
        reply_at=run.ended_at or said.reply_at,
        state=run.state,
        waiting_for=run.waiting_for,
        error=run.error,
        model=str(output.get("model") or ""),
        iterations=_integer(output.get("iterations")),
        breakdown=_breakdown(output.get("breakdown")),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cached_tokens,
        estimated=usage.estimated,
        cost_micros=usage.cost_micros,
        latency_ms=max(0, run.ended_at - run.started_at) / 1000 if run.ended_at else 0.0,
    )


def _summed(trace: TraceView) -> Usage:
    """What a run that has not ended used so far."""
    return sum((call.usage for call in trace.trace.models), Usage())


def _last_reply(entries: Sequence[ChatEntry]) -> ChatEntry | None:
    replies = [entry for entry in entries if entry.role == "assistant" and entry.text.strip()]
    return replies[-1] if replies else None


def _told_calls(entries: Sequence[ChatEntry]) -> tuple[CallView, ...]:
    """Tool results as the transcript has them: without arguments and durations."""
    return tuple(
        CallView(id=f"{entry.seq}", tool=entry.name, result=entry.text) for entry in entries if entry.role == "tool"
    )


def finished_calls(raw: Any) -> tuple[CallView, ...]:
    """`Run.output["calls"]`, a list of `ToolTrace` as JSON, as views."""
    if not isinstance(raw, list):
        return ()
    views: list[CallView] = []
    for index, item in enumerate(cast("list[Any]", raw)):
        if not isinstance(item, dict):
            continue
        call = cast("dict[str, Any]", item)
        arguments = call.get("arguments")
        views.append(
            CallView(
                id=str(index),
                tool=str(call.get("toolName") or ""),
                arguments=cast("dict[str, Any]", arguments) if isinstance(arguments, dict) else {},
                result=str(call.get("result") or ""),
                state="ok" if call.get("success") else "failed",
                duration_ms=float(call.get("latencyMs") or 0.0),
            )
        )
    return tuple(views)


# ── calls, from the steps of a run ───────────────────────────────────────────────────────────────────────


def call_views(opened: OpenRun) -> tuple[CallView, ...]:
    """Every tool call a run has made or asked for, in order.

    What a model asked for is in the result of its step (`turn/0/model`); the call with index 1 is the step
    `turn/0/tool/1`, its attempts after an approval `turn/0/tool/1/1` and so on.
    """
    views: list[CallView] = []
    for step in sorted(opened.steps.values(), key=lambda step: step.started_at):
        if step.name != "model" or step.state != "done":
            continue
        base = step.key.rpartition("/")[0]
        for index, call in enumerate(_asked(step)):
            views.append(_call_view(opened, f"{base}/tool/{index}", call))
    return tuple(views)


def _asked(step: Step) -> tuple[RequestedCall, ...]:
    try:
        return msgspec.json.decode(step.result, type=ModelReply).calls
    except msgspec.DecodeError:
        return ()


def _call_view(opened: OpenRun, key: str, call: RequestedCall) -> CallView:
    attempts = [step for name, step in opened.steps.items() if name == key or name.startswith(f"{key}/")]
    arguments = _arguments(call.arguments)
    over = opened.run.state not in ("running", "waiting")
    if not attempts:
        refused = "The run ended before this call was made." if over else ""
        return CallView(
            id=call.id, tool=call.name, arguments=arguments, result=refused, state="failed" if over else "running"
        )
    newest = max(attempts, key=lambda step: (step.started_at, step.key))
    waiting = any(wait.state == "open" and wait.key.startswith(f"{key}/") for wait in opened.waits)
    state, text, duration_ms = _outcome(newest)
    if state == "waiting" and not waiting:
        state = "failed" if over else "running"
        text = "It was not approved, so it was not made." if over else ""
    elif waiting and state != "unknown":
        state = "waiting"
    return CallView(id=call.id, tool=call.name, arguments=arguments, result=text, state=state, duration_ms=duration_ms)


def _outcome(step: Step) -> tuple[CallState, str, float]:
    """(state, text, milliseconds) of one attempt."""
    if step.state == "intent":
        return "unknown", "The call was sent and its result is not known.", 0.0
    took_ms = max(0, step.ended_at - step.started_at) / 1000
    try:
        event = msgspec.json.decode(step.result, type=Result | NeedsApproval | NeedsInput)
    except msgspec.DecodeError:
        return "ok", bytes(step.result).decode(errors="replace"), took_ms
    if not isinstance(event, Result):
        return "waiting", "", took_ms
    text = result_text(event.content)
    if not text and event.content.get("structuredContent") is not None:
        text = msgspec.json.encode(event.content["structuredContent"]).decode()
    return ("failed" if event.is_error else "ok"), text, event.record.duration_ms or took_ms


def _arguments(text: str) -> dict[str, Any] | str:
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, Any])
    except msgspec.DecodeError:
        return text


def _breakdown(raw: Any) -> dict[str, int]:
    if not isinstance(raw, dict):
        return {}
    return {str(name): _integer(value) for name, value in cast("dict[Any, Any]", raw).items()}


def _integer(value: Any) -> int:
    return int(value) if isinstance(value, int | float) else 0
