"""OpenTelemetry: one trace from platform event to delivered part, made of what was committed.

Spans are written when a commit succeeded, from its facts, so a trace never tells of something that did not happen, and
nothing is measured twice. Ids come from `botkit.core.tracing`; a turn that waited a week and went on in another process
is still one span with its calls below it.

    invoke_agent desk            the run, from its start to its end
      chat gpt-5                 each model call
      execute_tool orders__find  each tool call, also of MCP clients
      deliver                    each message, from the outbox to the platform

The SDK and an exporter are the operator's to install; without `OTEL_…` variables nothing is even imported.
"""

from __future__ import annotations

__all__ = ["Spans", "make_provider", "set_up_tracing"]

from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from botkit.core.journal import AddUsage, Emit, LogCall, ModelCall, SetPart, SetRun, StartRun, Write
from botkit.core.tools import CallRecord
from botkit.core.tracing import span_id_of, trace_id_of

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import SpanKind, TracerProvider

_REMEMBERED = 10_000
"""Runs and parts on their way; one that began in another process, or before so many others, gets no span."""
_FINAL = ("completed", "failed", "cancelled", "limit_reached")
_GOOD = ("ok", "waiting", "cancelled")
_log = structlog.get_logger("botkit.app")

_V = TypeVar("_V")
_wanted: ContextVar[tuple[int, int] | None] = ContextVar("wanted span", default=None)
"""Trace and span id of the span that is being made."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """What is kept of a run until it ends and its messages are delivered."""

    trace_id: str
    bot: str
    channel: str
    conversation: str
    parent_id: str
    started_at: int


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What is kept of a part until it is delivered."""

    run_id: str
    channel: str
    created_at: int


class Spans:
    """Writes a span for each fact.

    Args:
        provider: made by `make_provider`, so that spans get the ids they are known by.
    """

    def __init__(self, provider: TracerProvider):
        from botkit import __version__

        self._tracer = provider.get_tracer("botkit", __version__)
        self._runs: OrderedDict[str, _Begun] = OrderedDict()
        self._parts: OrderedDict[str, _Waiting] = OrderedDict()

    def saw(self, write: Write) -> None:
        """A write that was committed."""
        match write:
            case StartRun():
                run = write.run
                begun = _Begun(run.trace_id, run.bot, run.channel, run.conversation, run.parent_id, run.started_at)
                _remember(self._runs, run.id, begun)
            case Emit():
                part = write.part
                _remember(self._parts, part.id, _Waiting(part.run_id, part.conversation.channel, part.created_at))
            case SetRun():
                if write.state in _FINAL:
                    self._run(write)
            case SetPart():
                if write.state in ("sent", "failed", "unknown"):
                    self._part(write)
            case LogCall():
                self.call(write.record)
            case AddUsage():
                self._model(write.call)
            case _:
                pass

    def call(self, record: CallRecord) -> None:
        """A tool call that ended, or any other request to a server."""
        from opentelemetry.trace import SpanKind

        attributes = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": record.tool,
            "mcp.method.name": record.method,
            "botkit.workspace": record.workspace,
            "botkit.server": record.server,
            "botkit.tool_class": record.tool_class,
            "botkit.principal": f"{record.principal_kind}:{record.principal}",
            "botkit.bot": record.bot,
            "botkit.status": record.status,
            "botkit.call_id": record.id,
            "botkit.request_bytes": record.request_bytes,
            "botkit.result_bytes": record.result_bytes,
        }
        name = f"execute_tool {record.tool}" if record.method == "tools/call" else record.method
        self._span(
            name,
            trace=record.trace_id or record.id,
            span=span_id_of(record.id),
            parent=span_id_of(record.run_id) if record.run_id else record.parent_span,
            kind=SpanKind.CLIENT,
            start=record.at,
            end=record.at + int(record.duration_ms * 1000),
            attributes=attributes,
            error=record.code or record.status if record.status not in _GOOD else "",
        )

    def _model(self, call: ModelCall) -> None:
        from opentelemetry.trace import SpanKind

        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": call.model,
            "gen_ai.usage.input_tokens": call.usage.input_tokens,
            "gen_ai.usage.output_tokens": call.usage.output_tokens,
            "botkit.bot": call.bot,
            "botkit.cached_tokens": call.usage.cached_tokens,
            "botkit.cost_micros": call.usage.cost_micros,
            "botkit.unpriced": call.usage.unpriced,
            "botkit.reused": call.reused,
            "botkit.attempts": call.attempts,
            "botkit.finish": call.finish,
        }
        self._span(
            f"chat {call.model}",
            trace=call.trace_id or call.id,
            span=span_id_of(call.id),
            parent=span_id_of(call.run_id) if call.run_id else "",
            kind=SpanKind.CLIENT,
            start=call.at,
            end=call.at + int(call.latency_ms * 1000),
            attributes=attributes,
            error=call.code,
        )

    def _run(self, write: SetRun) -> None:
        from opentelemetry.trace import SpanKind

        run = self._runs.get(write.run_id)
        if run is None:  # it began in another process; its calls are there, and know their trace themselves
            return
        attributes = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": run.bot,
            "gen_ai.conversation.id": run.conversation,
            "botkit.run_id": write.run_id,
            "botkit.channel": run.channel,
            "botkit.state": write.state,
        }
        self._span(
            f"invoke_agent {run.bot}",
            trace=run.trace_id,
            span=span_id_of(write.run_id),
            parent=span_id_of(run.parent_id) if run.parent_id else "",
            kind=SpanKind.CONSUMER,
            start=run.started_at,
            end=write.at,
            attributes=attributes,
            error=str((write.error or {}).get("code") or write.state) if write.state == "failed" else "",
        )

    def _part(self, write: SetPart) -> None:
        from opentelemetry.trace import SpanKind

        part = self._parts.pop(write.part_id, None)
        run = self._runs.get(part.run_id) if part is not None else None
        if part is None or run is None:
            return
        attributes = {
            "messaging.operation.type": "send",
            "botkit.channel": part.channel,
            "botkit.part_id": write.part_id,
            "botkit.state": write.state,
        }
        self._span(
            "deliver",
            trace=run.trace_id,
            span=span_id_of(write.part_id),
            parent=span_id_of(part.run_id),
            kind=SpanKind.PRODUCER,
            start=part.created_at,
            end=write.at,
            attributes=attributes,
            error=write.error or write.state if write.state != "sent" else "",
        )

    def _span(
        self,
        name: str,
        *,
        trace: str,
        span: str,
        parent: str,
        kind: SpanKind,
        start: int,
        end: int,
        attributes: Mapping[str, str | int | float],
        error: str,
    ) -> None:
        """Times are microseconds, UTC."""
        from opentelemetry.context import Context
        from opentelemetry.trace import (
            NonRecordingSpan,
            SpanContext,
            Status,
            StatusCode,
            TraceFlags,
            set_span_in_context,
        )

        trace_id, span_id = int(trace_id_of(trace), 16), int(span, 16)
        context = Context()
        if parent:
            above = SpanContext(trace_id, int(parent, 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
            context = set_span_in_context(NonRecordingSpan(above), context)
        given = {key: value for key, value in attributes.items() if value not in ("", 0)}
        token = _wanted.set((trace_id, span_id))
        try:
            made = self._tracer.start_span(
                name,
                context=context,
                kind=kind,
                attributes={**given, "botkit.trace_id": trace},
                start_time=start * 1000,
            )
        finally:
            _wanted.reset(token)
        if error:
            made.set_status(Status(StatusCode.ERROR, error))
            made.set_attribute("error.type", error)
        made.end(end_time=max(start, end) * 1000)


def _remember(known: OrderedDict[str, _V], key: str, value: _V) -> None:
    known[key] = value
    while len(known) > _REMEMBERED:
        known.popitem(last=False)


def make_provider(exporter: SpanExporter, *, batch: bool = True) -> Any:
    """A provider that gives spans the ids they are known by. Call its `shutdown` at the end."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class OurIds(RandomIdGenerator):
        def generate_span_id(self) -> int:
            wanted = _wanted.get()
            return wanted[1] if wanted is not None else super().generate_span_id()

        def generate_trace_id(self) -> int:
            wanted = _wanted.get()
            return wanted[0] if wanted is not None else super().generate_trace_id()

    resource = Resource.create({"service.name": "botkit"})  # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win
    provider = TracerProvider(resource=resource, id_generator=OurIds())
    provider.add_span_processor(BatchSpanProcessor(exporter) if batch else SimpleSpanProcessor(exporter))
    return provider


def set_up_tracing(environ: Mapping[str, str]) -> tuple[Spans, Callable[[], None]] | None:
    """Spans as the `OTEL_…` variables say, and what to call at the end; None when they say nothing.

    Read are `OTEL_TRACES_EXPORTER` (any exporter that is installed: `otlp`, `console` …), the variables of that
    exporter, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER` and `OTEL_SDK_DISABLED`.

    Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
    """
    asked = environ.get("OTEL_TRACES_EXPORTER", "")
    wanted = any(environ.get(f"OTEL_EXPORTER_OTLP_{kind}ENDPOINT") for kind in ("", "TRACES_")) or bool(asked)
    if not wanted or asked == "none" or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    try:
        provider = make_provider(_exporter(asked or "otlp", environ))
    except (ImportError, LookupError) as error:
        _log.warning(
            "tracing_not_available",
            reason=str(error),
            advice="Install opentelemetry-sdk and opentelemetry-exporter-otlp beside botkit, or unset OTEL_….",
        )
        return None
    return Spans(provider), provider.shutdown


def _exporter(name: str, environ: Mapping[str, str]) -> SpanExporter:
    """Raises `LookupError` when no installed package offers it."""
    from importlib.metadata import entry_points

    if name == "otlp":
        grpc = environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf") == "grpc"
        name = "otlp_proto_grpc" if grpc else "otlp_proto_http"
    found = entry_points(group="opentelemetry_traces_exporter", name=name)
    for entry in found:
        return entry.load()()
    raise LookupError(f"no exporter {name} is installed")
