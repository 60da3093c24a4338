"""A message and its answer in one request, for front ends that wait."""

from __future__ import annotations

__all__ = ["conversed"]

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from botkit.app.operations.chat import ChatOperations
from botkit.app.report import TurnReport, report_of
from botkit.core.events import Event
from botkit.core.live import LiveEvent

if TYPE_CHECKING:
    from botkit.app.instance import Instance


async def conversed(instance: Instance, event: Event, timeout_s: float) -> Mapping[str, Any]:
    """Implements `AdapterHost.converse`."""
    events: list[LiveEvent] = []
    try:
        async with asyncio.timeout(timeout_s):
            async for one in ChatOperations(instance).follow(event):
                events.append(one)  # noqa: PERF401 - what was heard before the time is up counts
    except TimeoutError:
        run_id = next((one.run_id for one in events if one.run_id), "")
        return _plain(TurnReport(response="", status="running", run_id=run_id, conversation_id=event.conversation.key))
    report = report_of(events)
    if report.run_id or report.response:
        return _plain(report)
    return _plain(await _given_before(instance, event) or report)


async def _given_before(instance: Instance, event: Event) -> TurnReport | None:
    """The answer to a message that came again, from what is stored."""
    records = instance.store.records
    row = await records.event(event.channel, event.dedupe_key)
    trace = await records.trace(str(row["run_id"])) if row is not None and row["run_id"] else None
    if trace is None:
        return None
    run = trace.run.run
    return TurnReport(
        response="\n\n".join(part.text for part in trace.parts if part.text and not part.edit_of),
        tool_calls=tuple(
            {"toolName": call.tool, "latencyMs": call.duration_ms, "success": call.status == "ok"}
            for call in trace.calls
        ),
        cost_cents=sum(call.usage.cost_micros for call in trace.models) / 10_000,
        conversation_id=run.conversation,
        run_id=run.id,
        trace_id=run.trace_id,
        status=run.state,
        waiting_for=run.waiting_for if run.state == "waiting" else "",
        rich=tuple(part.payload["rich"] for part in trace.parts if part.payload.get("rich")),
        data=(run.output or {}).get("data"),
    )


def _plain(report: TurnReport) -> dict[str, Any]:
    return msgspec.to_builtins(report)
