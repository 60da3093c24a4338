"""One run as text: when what happened, and what it cost."""

from __future__ import annotations

__all__ = ["describe_trace"]

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from botkit.cli.output import Table, clock_time

if TYPE_CHECKING:
    from botkit.core.console import TraceView
    from botkit.core.journal import Step

_TEXT_LIMIT = 400


def describe_trace(view: TraceView) -> Iterator[Table | str]:
    """Head, message, steps, model calls, tool calls, deliveries, in the order they happened."""
    run = view.trace.run.run
    state = f"{run.state}, waiting for {run.waiting_for}" if run.waiting_for else run.state
    yield f"Run      {run.id}  ({state})"
    yield f"Trace    {run.trace_id}"
    yield f"Bot      {run.bot} on {run.conversation}, for {view.person or run.person_id}"
    if run.kind == "workflow":
        yield f"Workflow {run.input.get('workflow', '')}{_waits_at(view)}; botkit workflows trace {run.id}"
    yield f"Started  {clock_time(run.started_at)}, {view.latency_ms:.0f} ms, revision {run.revision[:12]}"
    usage = run.usage
    yield f"Tokens   {usage.input_tokens} in, {usage.output_tokens} out, {view.cost_cents:.4f} cents"
    if run.error:
        yield f"Error    {run.error.get('code', '')}: {run.error.get('message', '')}"
    for route in (run.output or {}).get("routes", ()):
        sure = f", {route['confidence']:.0%} sure" if route.get("confidence", 1.0) < 1 else ""
        why = f": {_clip(route['reason'])}" if route.get("reason") else ""
        yield f"Answers  {route['member']}, by {route['by'].replace('_', ' ')}{sure}{why}"
    for found in (run.output or {}).get("guardrails", ()):
        yield f"Guard    {found['where']}: {found['check']} {found['kind']}, {found['measure']} ({found['count']})"
    if said := list(view.trace.feedback.values()):
        yield f"Feedback {said.count('up')} up, {said.count('down')} down"
    yield from _messages(view)
    started = run.started_at
    steps = sorted(view.trace.run.steps.values(), key=lambda step: step.started_at)
    if steps:
        yield ""
        yield Table(
            ("STEP", "WHAT", "STATE", "AT MS", "MS"),
            [(s.key, s.name, s.state, _since(s.started_at, started), _since(s.ended_at, s.started_at)) for s in steps],
        )
        yield from _unknown(steps)
    waits = view.trace.run.waits
    if waits:
        yield ""
        yield Table(
            ("WAIT", "KIND", "STATE", "BY", "VIA"),
            [(w.id, w.kind, w.state, w.decided_by, w.decided_via) for w in waits],
        )
    if view.trace.models:
        yield ""
        yield Table(
            ("MODEL", "BOT", "STEP", "IN", "CACHED", "OUT", "COST", "MS", "END"),
            [
                (
                    m.model,
                    m.bot,
                    m.step,
                    m.usage.input_tokens,
                    m.usage.cached_tokens,
                    m.usage.output_tokens,
                    "?" if m.usage.unpriced else f"{m.usage.cost_micros / 1_000_000:.6f}",
                    round(m.latency_ms),
                    "kept answer" if m.reused else m.code or m.finish,
                )
                for m in view.trace.models
            ],
        )
    yield from _prompt(run.output or {})
    if view.trace.calls:
        yield ""
        yield Table(
            ("TOOL CALL", "STATUS", "MS", "BYTES", "CODE"),
            [(c.tool, c.status, round(c.duration_ms, 1), c.result_bytes, c.code) for c in view.trace.calls],
        )
    if view.trace.parts:
        yield ""
        yield Table(
            ("DELIVERY", "STATE", "ATTEMPTS", "ERROR"),
            [(p.id, p.state, p.attempts, p.error) for p in view.trace.parts],
        )


_PARTS = {
    "systemPrompt": "instructions",
    "toolDefinitions": "tool definitions",
    "memory": "notes",
    "summary": "summary",
    "conversationHistory": "history",
    "currentMessage": "this message",
    "toolResults": "tool results",
}


def _prompt(output: Mapping[str, Any]) -> Iterator[Table | str]:
    """What the input tokens of all model calls went to."""
    parts: Mapping[str, int] = output.get("breakdown") or {}
    total = sum(parts.get(name, 0) for name in _PARTS)
    if not total:
        return
    yield ""
    yield Table(
        ("PROMPT", "TOKENS", "SHARE"),
        [(said, parts[name], f"{parts[name] / total:.0%}") for name, said in _PARTS.items() if parts.get(name)],
    )


def _waits_at(view: TraceView) -> str:
    nodes = [wait.key.partition("/wait/")[0] for wait in view.trace.run.waits if wait.state == "open"]
    return f", waits at {', '.join(nodes)}" if nodes else ""


def _messages(view: TraceView) -> Iterator[str]:
    asked = str(view.trace.run.run.input.get("text") or "")
    if asked:
        yield ""
        yield f"  > {_clip(asked)}"
    for step in sorted(view.trace.run.steps.values(), key=lambda step: step.key):
        if step.name == "transcription" and step.state == "done":
            yield f"  > {_heard(msgspec.json.decode(step.result))}"
    for part in view.trace.parts:
        if part.text and not part.edit_of:
            yield f"  < {_clip(part.text)}"


def _heard(listened: dict[str, Any]) -> str:
    """`[heard by openai/whisper-1, 3.2 s] Where is my order?`"""
    if listened.get("why"):
        return f"[not heard: {listened.get('problem', '')}]"
    return f"[heard by {listened.get('model', '')}, {listened.get('seconds', 0):g} s] {_clip(listened['text'])}"


def _unknown(steps: list[Step]) -> Iterator[str]:
    for step in steps:
        if step.state == "intent":
            yield f"Nobody knows whether {step.name} happened: botkit runs resolve {step.run_id} {step.key} --help"


def _since(at: int, start: int) -> Any:
    return round((at - start) / 1000, 1) if at and start else ""


def _clip(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TEXT_LIMIT else line[: _TEXT_LIMIT - 1] + "…"
