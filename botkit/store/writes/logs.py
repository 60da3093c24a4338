"""Writes of logs, audit rows and file records."""

from __future__ import annotations

__all__: list[str] = []


from botkit.core.journal import (
    AddAudit,
    AddUsage,
    LogCall,
    PutFile,
)
from botkit.core.tools import RecordedCall
from botkit.store.codec import clean, dump
from botkit.store.query import Query, Tx
from botkit.store.reservations import settle
from botkit.store.schema import (
    audits,
    call_payloads,
    calls,
    files,
    model_calls,
)
from botkit.store.writes.registry import Act, insert_row, writes

_CALL = (
    "id at workspace server tool principal_kind principal bot token_id run_id step trace_id status code "
    "duration_ms result_bytes method tool_class request_bytes"
)
_MODEL_CALL = (
    "id at run_id step trace_id bot channel workspace person_id model input_tokens output_tokens cached_tokens "
    "cost_micros estimated latency_ms attempts finish code cache_write_tokens unpriced reused"
)
_AUDIT = "at actor via action target detail"
_FILE = "file_id lane person_id name mime size_bytes sha256 at"
_LOG_CALL = Query(_CALL, lambda insert: insert_row(insert, calls, _CALL).on_conflict_do_nothing(index_elements=["id"]))
_PAYLOAD = "call_id at workspace principal_kind principal run_id key_id wrapped_key nonce ciphertext"
_ADD_PAYLOAD = Query(
    _PAYLOAD,
    lambda insert: insert_row(insert, call_payloads, _PAYLOAD).on_conflict_do_nothing(index_elements=["call_id"]),
)
_ADD_USAGE = Query(
    _MODEL_CALL,
    lambda insert: insert_row(insert, model_calls, _MODEL_CALL).on_conflict_do_nothing(index_elements=["id"]),
)
_ADD_AUDIT = Query(_AUDIT, lambda insert: insert_row(insert, audits, _AUDIT))
_PUT_FILE = Query(_FILE, lambda insert: insert_row(insert, files, _FILE))


@writes(LogCall)
def _log_call(tx: Tx, write: LogCall, act: Act) -> None:
    record = write.record
    tx(
        _LOG_CALL,
        record.id,
        record.at,
        record.workspace,
        clean(record.server),
        clean(record.tool),
        record.principal_kind,
        clean(record.principal),
        record.bot,
        record.token_id,
        record.run_id,
        record.step,
        record.trace_id,
        record.status,
        record.code,
        record.duration_ms,
        record.result_bytes,
        record.method,
        record.tool_class,
        record.request_bytes,
    )
    if isinstance(record, RecordedCall):
        _add_payload(tx, record)
    if record.charge is not None:
        settle(tx, record.charge)


def _add_payload(tx: Tx, record: RecordedCall) -> None:
    sealed = record.payload.envelope()
    tx(
        _ADD_PAYLOAD,
        record.id,
        record.at,
        record.workspace,
        record.principal_kind,
        clean(record.principal),
        record.run_id,
        sealed.key_id,
        sealed.wrapped_key,
        sealed.nonce,
        sealed.ciphertext,
    )


@writes(AddUsage)
def _add_usage(tx: Tx, write: AddUsage, act: Act) -> None:
    call = write.call
    tx(
        _ADD_USAGE,
        call.id,
        call.at,
        call.run_id,
        call.step,
        call.trace_id,
        call.bot,
        call.channel,
        call.workspace,
        call.person_id,
        clean(call.model),
        call.usage.input_tokens,
        call.usage.output_tokens,
        call.usage.cached_tokens,
        call.usage.cost_micros,
        int(call.usage.estimated),
        call.latency_ms,
        call.attempts,
        call.finish,
        call.code,
        call.usage.cache_write_tokens,
        int(call.usage.unpriced),
        int(call.reused),
    )


@writes(AddAudit)
def _add_audit(tx: Tx, write: AddAudit, act: Act) -> None:
    audit = write.audit
    tx(_ADD_AUDIT, audit.at, clean(audit.actor), audit.via, audit.action, clean(audit.target), dump(audit.detail))


@writes(PutFile)
def _put_file(tx: Tx, write: PutFile, act: Act) -> None:
    tx(
        _PUT_FILE,
        write.file_id,
        write.lane,
        write.person_id,
        clean(write.name),
        clean(write.mime),
        write.size_bytes,
        write.sha256,
        write.at or act.now,
    )
