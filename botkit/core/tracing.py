"""Trace and span ids, computed from the ids that are in the database anyway.

A trace of ours is `trc_` and 32 hex digits, which are the trace id of OpenTelemetry; the span of a run, call or part is
a hash of its id. So every process names the same span the same, before and after a crash, and whoever sees
`traceparent` can be told the parent before the span is over.

Source: https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

__all__ = ["parse_traceparent", "span_id_of", "trace_id_of", "traceparent"]

import hashlib
import re

_HEX_32 = re.compile(r"[0-9a-f]{32}")
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")


def trace_id_of(trace: str) -> str:
    """32 hex digits for a trace id of ours, or for one that a client brought."""
    plain = trace.rpartition("_")[2].lower()
    if _HEX_32.fullmatch(plain) and plain != "0" * 32:
        return plain
    return hashlib.sha256(trace.encode()).hexdigest()[:32]


def span_id_of(record_id: str) -> str:
    """16 hex digits for a run, call or part."""
    return hashlib.sha256(record_id.encode()).hexdigest()[:16]


def traceparent(trace: str, record_id: str) -> str:
    """What is sent along so that others can add their spans to ours."""
    return f"00-{trace_id_of(trace)}-{span_id_of(record_id)}-01"


def parse_traceparent(value: object) -> tuple[str, str] | None:
    """Trace id and parent span of a `traceparent`; None when it is none."""
    match = _TRACEPARENT.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[1] == "0" * 32 or match[2] == "0" * 16:
        return None
    return match[1], match[2]
