"""Traces: from the platform's event to the delivered part, in one trace, with the ids that everybody can compute."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from botkit.app.http.metrics import MeteredCallLog, Metrics
from botkit.app.tracing import Spans, make_provider, set_up_tracing
from botkit.core.errors import StoreFull
from botkit.core.events import Conversation
from botkit.core.ids import new_id
from botkit.core.journal import AddUsage, Emit, LogCall, ModelCall, Run, SetPart, SetRun, StartRun
from botkit.core.messages import Part
from botkit.core.models import Usage
from botkit.core.tools import CallRecord
from botkit.core.tracing import parse_traceparent, span_id_of, trace_id_of, traceparent
from tests.app.conftest import OpenInstance
from tests.app.test_runtime import say

CLIENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Iterator[Spans]:
    provider = make_provider(exporter, batch=False)
    yield Spans(provider)
    provider.shutdown()


def facts(span: ReadableSpan) -> dict[str, Any]:
    assert span.context is not None
    return {
        "name": span.name,
        "trace": f"{span.context.trace_id:032x}",
        "span": f"{span.context.span_id:016x}",
        "parent": f"{span.parent.span_id:016x}" if span.parent else "",
        "ms": ((span.end_time or 0) - (span.start_time or 0)) / 1e6,
        "ok": span.status.is_ok,
    }


def test_a_turn_is_one_trace_from_event_to_delivered_part(spans: Spans, exporter: InMemorySpanExporter) -> None:
    trace, at = new_id("trc"), 1_000_000
    run = Run(
        id="r1", lane="l", conversation="tg:1:", channel="tg", bot="desk", person_id="p", trace_id=trace, started_at=at
    )
    part = Part(
        id="p1", run_id="r1", conversation=Conversation(channel="tg", room="1"), payload={}, created_at=at + 500
    )
    record = CallRecord(id="c1", at=at + 100, workspace="w", server="orders", tool="orders__find", run_id="r1",
                        trace_id=trace, status="timeout", code="tool_timeout", duration_ms=20)  # fmt: skip
    model = ModelCall(id="m1", at=at + 50, run_id="r1", trace_id=trace, model="demo/offline", latency_ms=2.5,
                      usage=Usage(input_tokens=10, output_tokens=5))  # fmt: skip
    for write in (
        StartRun(run=run),
        AddUsage(call=model),
        LogCall(record=record),
        Emit(part=part),
        SetRun(run_id="r1", state="waiting", at=at + 600),
        SetRun(run_id="r1", state="completed", at=at + 2000),
        SetPart(part_id="p1", state="sending", at=at + 2500),
        SetPart(part_id="p1", state="sent", at=at + 3500),
    ):
        spans.saw(write)
    found = {span.name: facts(span) for span in exporter.get_finished_spans()}
    assert list(found) == ["chat demo/offline", "execute_tool orders__find", "invoke_agent desk", "deliver"]
    assert {one["trace"] for one in found.values()} == {trace.removeprefix("trc_")}
    turn = found["invoke_agent desk"]
    assert (turn["span"], turn["parent"], turn["ms"]) == (span_id_of("r1"), "", 2.0)
    for name, ms in (("chat demo/offline", 2.5), ("execute_tool orders__find", 20), ("deliver", 3.0)):
        assert (found[name]["parent"], found[name]["ms"]) == (turn["span"], ms)
    assert [one["ok"] for one in found.values()] == [True, False, True, True]


async def test_a_call_of_an_mcp_client_joins_the_clients_trace(spans: Spans, exporter: InMemorySpanExporter) -> None:
    parsed = parse_traceparent(CLIENT)
    assert parsed is not None
    record = CallRecord(
        id="c1", at=1, workspace="w", server="s", tool="s__t", trace_id=parsed[0], parent_span=parsed[1]
    )

    class Log:
        def __init__(self) -> None:
            self.full = False

        async def append(self, records: object) -> None:
            if self.full:
                raise StoreFull("full")

    log = Log()
    metered = MeteredCallLog(log, Metrics(), spans.call)
    await metered.append([record])
    log.full = True
    with pytest.raises(StoreFull):
        await metered.append([record])
    (span,) = exporter.get_finished_spans()
    assert (facts(span)["trace"], facts(span)["parent"]) == parsed
    assert traceparent(record.trace_id, record.id) == f"00-{parsed[0]}-{facts(span)['span']}-01"


def test_no_payload_and_no_text_is_in_a_span(spans: Spans, exporter: InMemorySpanExporter) -> None:
    spans.saw(LogCall(record=CallRecord(id="c1", at=1, workspace="w", tool="s__t", principal="ada", status="denied")))
    (span,) = exporter.get_finished_spans()
    assert dict(span.attributes or {}) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "s__t",
        "mcp.method.name": "tools/call",
        "botkit.workspace": "w",
        "botkit.principal": "person:ada",
        "botkit.status": "denied",
        "botkit.call_id": "c1",
        "botkit.trace_id": "c1",
        "error.type": "denied",
    }


def test_what_began_elsewhere_ends_without_a_span(spans: Spans, exporter: InMemorySpanExporter) -> None:
    spans.saw(SetRun(run_id="unknown", state="completed", at=5))
    spans.saw(SetPart(part_id="unknown", state="sent", at=5))
    assert exporter.get_finished_spans() == ()


NO_TRACEPARENTS = [
    "",
    None,
    5,
    "00-1-2-3",
    CLIENT.replace("00-4", "ff-4"),
    CLIENT.upper(),
    f"00-{'0' * 32}-{'1' * 16}-01",
    f"00-{'1' * 32}-{'0' * 16}-01",
]


@pytest.mark.parametrize("value", NO_TRACEPARENTS)
def test_what_is_no_traceparent_is_ignored(value: object) -> None:
    assert parse_traceparent(value) is None


def test_a_later_version_of_traceparent_is_read() -> None:
    assert parse_traceparent(CLIENT.replace("00-4", "01-4") + "-more") == parse_traceparent(CLIENT)


def test_ids_that_are_none_still_make_a_trace() -> None:
    assert len(trace_id_of("whatever")) == len(trace_id_of("")) == 32
    assert trace_id_of("trc_" + "0" * 32) != "0" * 32


def test_nothing_is_set_up_unless_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert set_up_tracing({}) is None
    assert set_up_tracing({"OTEL_TRACES_EXPORTER": "none"}) is None
    assert set_up_tracing({"OTEL_TRACES_EXPORTER": "console", "OTEL_SDK_DISABLED": "true"}) is None
    assert capsys.readouterr().out == ""
    assert set_up_tracing({"OTEL_TRACES_EXPORTER": "nobody-makes-this"}) is None
    assert "tracing_not_available" in capsys.readouterr().out


def test_an_installed_exporter_is_used() -> None:
    made = set_up_tracing({"OTEL_TRACES_EXPORTER": "console"})
    assert made is not None
    made[1]()


async def test_a_whole_turn_of_an_instance_is_one_trace(
    opened: OpenInstance, spans: Spans, exporter: InMemorySpanExporter
) -> None:
    async with opened(spans=spans) as instance:
        done = await say(instance, "hello")
    found = [facts(span) for span in exporter.get_finished_spans()]
    (turn,) = [one for one in found if one["name"].startswith("invoke_agent")]
    assert turn["span"] == span_id_of(done.run_id)
    assert {one["trace"] for one in found} == {turn["trace"]}
    below = {one["name"].partition(" ")[0] for one in found if one["parent"] == turn["span"]}
    assert {"chat", "deliver"} <= below
