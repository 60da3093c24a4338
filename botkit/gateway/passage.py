"""One call on its way through the pipeline: what is known of it, and the events and the record made of that."""

from __future__ import annotations

__all__ = ["INVALID_PARAMS", "LIMITED", "RESOURCE_NOT_FOUND", "Passage"]

import math
from typing import Any

import msgspec

from botkit.core.budgets import Amount, Charge
from botkit.core.call_approvals import CallApproval
from botkit.core.clock import Clock
from botkit.core.errors import (
    BotkitError,
    Denied,
    InvalidArguments,
    LimitReached,
    NotFound,
    ToolTimeout,
    ToolUnavailable,
)
from botkit.core.tools import CallRecord, CallStatus, NeedsApproval, NeedsInput, Progress, Result, ToolCall
from botkit.core.tracing import parse_traceparent
from botkit.gateway.approvals import approval_error
from botkit.gateway.connect import NotConnected
from botkit.gateway.conversation import Asked, Conversation, Final, News
from botkit.gateway.redact import SecretRedactor
from botkit.gateway.results import clean_object, clean_result, error_result
from botkit.gateway.views import Listed
from botkit.gateway.wire import INTERNAL_ERROR, RpcError, SpoiledAnswer

INVALID_PARAMS = -32602
RESOURCE_NOT_FOUND = -32002
"""Of the handshake era; the modern one says `INVALID_PARAMS`."""
LIMITED = -32029
"""A limit of ours is reached; `data.retryAfter` says in how many seconds it is not."""

_STATUS: tuple[tuple[type[BotkitError], CallStatus], ...] = (
    (Denied, "denied"),
    (LimitReached, "limited"),
    (InvalidArguments, "invalid"),
    (ToolTimeout, "timeout"),
    (ToolUnavailable, "unavailable"),
)


class Passage:
    """A call while it passes the stages. Its methods make events; none of them changes it."""

    def __init__(self, call: ToolCall, clock: Clock, redactor: SecretRedactor):
        self.call = call
        self.listed: Listed | None = None
        self.conversation: Conversation | None = None
        self.charge: Charge | None = None
        self._clock = clock
        self._redactor = redactor
        self._at = clock.micros()
        self._begun = clock.monotonic()

    def record(self, status: CallStatus, code: str = "", result_bytes: int = 0) -> CallRecord:
        call, principal = self.call, self.call.principal
        return CallRecord(
            id=call.id,
            at=self._at,
            workspace=call.workspace,
            server=self.listed.server.name if self.listed else "",
            tool=call.tool[:200],
            principal_kind=principal.kind,
            principal=principal.id,
            bot=principal.bot,
            token_id=principal.token_id,
            run_id=call.run_id,
            step=call.step,
            trace_id=call.trace_id,
            status=status,
            code=code,
            duration_ms=round((self._clock.monotonic() - self._begun) * 1000, 3),
            result_bytes=result_bytes,
            method=call.method,
            tool_class=self.listed.tool.tool_class if self.listed else "",
            request_bytes=_size(call.arguments),
            parent_span=_parent_span(call),
        )

    def settled(self, record: CallRecord, *, calls: int) -> CallRecord:
        """The record with what the call is booked as; `calls` 0: nothing reached a server."""
        if self.charge is None:
            return record
        charge = msgspec.structs.replace(self.charge, used=Amount(tool_calls=calls))
        return msgspec.structs.replace(record, charge=charge)

    def progress(self, news: News) -> Progress:
        params = news.params
        raw: dict[str, Any] = self._redactor.value(dict(params)) if self.call.client is not None else {}
        return Progress(
            method=news.method,
            params=raw,
            message=self._redactor.text(str(params.get("message") or "")[:1000]),
            progress=_number(params.get("progress")),
            total=_number(params.get("total")),
        )

    def found(self, content: dict[str, Any]) -> Result:
        """What a search found: definitions, which were cleaned and redacted when they were listed."""
        return Result(content=content, record=self.record("ok", result_bytes=_size(content)), sent=False)

    def needs_approval(self, digest: str, *, tainted: bool = False) -> NeedsApproval:
        assert self.listed is not None
        taint = tuple(map(self._redactor.text, self.call.principal.taint)) if tainted else ()
        because = f": what was read before comes from {', '.join(taint)}" if taint else ""
        return NeedsApproval(
            tool=self.call.tool,
            server=self.listed.server.name,
            arguments=self._redactor.value(self.call.arguments),
            digest=digest,
            reason=f"{self.call.tool} needs the approval of a person{because}.",
            approvers=self.listed.review.approvers or (),
            taint=taint,
            record=self.record("waiting", "approval"),
        )

    def not_approved(self, approval: CallApproval) -> Result:
        error = approval_error(approval)
        waits = approval.state == "open"
        record = self.record("waiting" if waits else "denied", "approval" if waits else f"approval_{approval.state}")
        return Result(content=error_result(error["message"]), record=record, is_error=True, sent=False, rpc_error=error)

    def needs_input(self, asked: Asked) -> NeedsInput:
        return NeedsInput(
            message=self._redactor.text(asked.question.message),
            schema=self._redactor.value(asked.question.schema),
            state=asked.state,
            requests=self._redactor.value(asked.requests),
            record=self.record("waiting", "input"),
        )

    def answered(self, final: Final, taint: str = "") -> Result:
        assert self.listed is not None
        limit_bytes = self.listed.server.result_limit_bytes
        if self.call.method != "tools/call":
            content, size = clean_object(final.result, limit_bytes=limit_bytes, redactor=self._redactor)
            return Result(content=content, record=self.record("ok", result_bytes=size))
        content, size = clean_result(final.result, limit_bytes=limit_bytes, redactor=self._redactor)
        failed = content.get("isError") is True
        record = self.record("error" if failed else "ok", "tool" if failed else "", size)
        return Result(content=content, record=record, is_error=failed, taint=taint)

    def refused(self, error: BotkitError) -> Result:
        """A result for whatever went wrong on the way."""
        status = _status(error)
        conversation = self.conversation
        unknown = conversation is not None and conversation.in_flight
        if isinstance(error, SpoiledAnswer) and self.listed is not None:
            unknown = not self.listed.tool.repeatable  # it did something, and nobody can read what
        message = self._redactor.text(str(error))
        return Result(
            content=error_result(message),
            record=self.record(status, error.code, len(message)),
            is_error=True,
            sent=conversation is not None and conversation.sent,
            unknown=unknown,
            connect=error.link if isinstance(error, NotConnected) else "",
            rpc_error=self._rpc_error(error, message) if self.call.client is not None else None,
        )

    def _rpc_error(self, error: BotkitError, message: str) -> dict[str, Any] | None:
        """What an MCP client is told; None where it gets a result that says what went wrong, for its model to read."""
        if isinstance(error, RpcError) and error.number:
            data = {} if error.data is None else {"data": self._redactor.value(error.data)}
            return {"code": error.number, "message": message, **data}
        if isinstance(error, NotFound | Denied):
            if self.call.method == "tools/call" or self.call.method.startswith("prompts/"):
                return {"code": INVALID_PARAMS, "message": message}
            return {"code": RESOURCE_NOT_FOUND, "message": message, "data": {"uri": self.call.tool[:4096]}}
        if isinstance(error, LimitReached):
            facts = {"retryAfter": math.ceil(error.retry_after_s)} if error.retry_after_s else {}
            return {"code": LIMITED, "message": message, "data": facts}
        if self.call.method == "tools/call":
            return None
        return {"code": INVALID_PARAMS if isinstance(error, InvalidArguments) else INTERNAL_ERROR, "message": message}


def _status(error: BotkitError) -> CallStatus:
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return status
    return "error"


def _parent_span(call: ToolCall) -> str:
    parsed = parse_traceparent(call.client.meta.get("traceparent")) if call.client is not None else None
    return parsed[1] if parsed is not None else ""


def _size(arguments: dict[str, Any]) -> int:
    try:
        return len(msgspec.json.encode(arguments))
    except (TypeError, ValueError, RecursionError):  # they were refused for what they are
        return 0


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
