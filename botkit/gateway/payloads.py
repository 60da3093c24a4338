"""Payload records for auditors: made of a call that ends, sealed, opened again by those who may.

A recording workspace (`record_payloads: true`) keeps of each call its arguments and its result as JSON, after secrets
were taken out, each up to 64 KiB. A data key of its own seals a record; what is authenticated beside it names workspace
and call, so a record moved to another call does not open. Refused calls keep their arguments only.
"""

from __future__ import annotations

__all__ = ["PIECE_LIMIT_BYTES", "PayloadBook", "PayloadRecorder"]

import json
from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from botkit.core.data import decode, encode
from botkit.core.errors import NotFound, SecretError
from botkit.core.payloads import Envelope, Payload, PayloadRow, Payloads, Piece, SealedPayload
from botkit.core.tools import CallRecord, NeedsApproval, NeedsInput, Result, ToolCall, recorded
from botkit.gateway.envelope import Damaged, bound, new_data_key, seal, unseal, unwrap, wrap
from botkit.gateway.keys import KeyProvider, MasterKey
from botkit.gateway.redact import SecretRedactor

PIECE_LIMIT_BYTES = 65_536
"""Of arguments, and of a result, that are kept."""
_BATCH = 200
_Final = NeedsApproval | NeedsInput | Result
_log = structlog.get_logger("botkit.gateway")


class PayloadRecorder:
    """Seals what a call carried.

    Args:
        limit_bytes: what is kept of each piece; the rest is cut, and its size stays known.
    """

    def __init__(self, keys: KeyProvider, redactor: SecretRedactor, *, limit_bytes: int = PIECE_LIMIT_BYTES):
        self._keys = keys
        self._redactor = redactor
        self._limit_bytes = limit_bytes

    def ready(self) -> None:
        """Before anything is sent: a call that cannot be recorded is not made. Raises `SecretError`."""
        self._keys.known()

    def recorded(self, call: ToolCall, record: CallRecord, event: _Final | None) -> CallRecord:
        """The row of a call that ended so, with what it carried; None for `event`: it was cancelled.

        The row as it is when there is no key to seal with; `ready` kept such a call from being sent.
        """
        try:
            master = self._keys.known()[0]
        except SecretError as error:
            _log.error("payload_not_recorded", call_id=call.id, error=str(error))
            return record
        return recorded(record, self._seal(call, event, master))

    def _seal(self, call: ToolCall, event: _Final | None, master: MasterKey) -> SealedPayload:
        pieces = {name: self._piece(value, self._redactor.value) for name, value in _brought(call).items()}
        if (result := _taken(event)) is not None:
            pieces["result"] = self._piece(result, None)  # the pipeline took secrets out already
        data_key = new_data_key()
        nonce, ciphertext = seal(data_key, encode(Payload(pieces=pieces)), _bound("value", call.workspace, call.id))
        return _Sealed(self._keys, master, data_key, nonce, ciphertext, _bound("key", call.workspace, call.id))

    def _piece(self, value: Any, redact: Callable[[Any], Any] | None) -> Piece:
        try:
            raw = _json(redact(value) if redact is not None else value)
        except (TypeError, ValueError, RecursionError):  # refused for what it is, and no reason to lose the row
            raw = b'"(nested too deeply to be kept)"'
        return Piece(text=raw[: self._limit_bytes].decode("utf-8", "ignore"), size_bytes=len(raw))


def _brought(call: ToolCall) -> dict[str, Any]:
    """What a call was made with, beside its tool."""
    client = call.client
    answers = dict(call.answers or {})
    if client is not None:
        answers |= client.responses | client.refusals
    extras = {"params": call.params, "answers": answers}
    return {"arguments": call.arguments, **{name: value for name, value in extras.items() if value}}


def _taken(event: _Final | None) -> Any:
    """What it was answered with; None where nothing was sent to a server, or the call was cancelled."""
    if isinstance(event, NeedsInput):
        return {"message": event.message, "requestedSchema": event.schema}
    if isinstance(event, Result) and (event.sent or event.record.status == "ok"):
        return event.rpc_error or event.content
    return None


class _Sealed:
    """Implements `SealedPayload`: the data key is wrapped at the last moment."""

    def __init__(
        self, keys: KeyProvider, master: MasterKey, data_key: bytes, nonce: bytes, ciphertext: bytes, context: bytes
    ):
        self._keys = keys
        self._master = master
        self._data_key = data_key
        self._nonce = nonce
        self._ciphertext = ciphertext
        self._context = context

    def envelope(self) -> Envelope:
        try:
            master = self._keys.known()[0]
        except SecretError:  # it could be read when the call ended, and a commit must not fail for this
            master = self._master
        return Envelope(
            key_id=master.id,
            wrapped_key=wrap(master, self._data_key, self._context),
            nonce=self._nonce,
            ciphertext=self._ciphertext,
        )


class PayloadBook:
    """The stored records: opened, and wrapped anew when the master key changes."""

    def __init__(self, store: Payloads, keys: KeyProvider):
        self._store = store
        self._keys = keys

    async def find(self, id_or_prefix: str) -> PayloadRow:
        """Raises `NotFound`, and `Conflict` for an ambiguous beginning."""
        row = await self._store.get(id_or_prefix)
        if row is None:
            raise NotFound(
                f"Nothing is recorded of a call {id_or_prefix[:100]}: its workspace did not say record_payloads then, "
                "or the record is older than settings.retention.payloads_days, or its person was erased."
            )
        return row

    async def reveal(self, row: PayloadRow) -> Payload:
        """What the call carried.

        Raises:
            SecretError: the master key is not here, or the record was changed.
        """
        try:
            return self._open(row)
        except SecretError:  # a rotation may have ended since it was read, and its key be gone
            fresh = await self._store.get(row.call_id)
            if fresh is None or fresh.envelope.key_id == row.envelope.key_id:
                raise
            return self._open(fresh)

    async def rewrap(self) -> int:
        """Wrap every data key with the current master key; how many changed. Repeating is safe.

        Records that do not open stay as they are: no key would open them afterwards either.
        """
        current = self._keys.known()[0]
        changed, after = 0, ""
        while rows := await self._store.not_under(current.id, after=after, limit=_BATCH):
            after = rows[-1].call_id
            fresh: list[PayloadRow] = []
            former: list[str] = []
            for row in rows:
                try:
                    data_key = self._data_key(row)
                except SecretError as error:
                    _log.warning("payload_not_rewrapped", call_id=row.call_id, error=str(error))
                    continue
                wrapped = wrap(current, data_key, _bound("key", row.workspace, row.call_id))
                envelope = msgspec.structs.replace(row.envelope, key_id=current.id, wrapped_key=wrapped)
                fresh.append(msgspec.structs.replace(row, envelope=envelope))
                former.append(row.envelope.key_id)
            changed += await self._store.rewrap(fresh, former)
        return changed

    def _open(self, row: PayloadRow) -> Payload:
        data_key = self._data_key(row)
        sealed = row.envelope
        try:
            raw = unseal(data_key, sealed.nonce, sealed.ciphertext, _bound("value", row.workspace, row.call_id))
        except Damaged as error:
            raise _damaged(row) from error
        return decode(raw, Payload)

    def _data_key(self, row: PayloadRow) -> bytes:
        key_id = row.envelope.key_id
        master = next((key for key in self._keys.known() if key.id == key_id), None)
        if master is None:
            raise SecretError(
                f"The record of call {row.call_id} was sealed with master key {key_id}, which is not here. Restore "
                "that key as BOTKIT_MASTER_KEY (or the master.key file of the home).",
                key_id=key_id,
            )
        try:
            return unwrap(master, row.envelope.wrapped_key, _bound("key", row.workspace, row.call_id))
        except Damaged as error:
            raise _damaged(row) from error


def _bound(layer: str, workspace: str, call_id: str) -> bytes:
    return bound("botkit.payload.1", layer, workspace, call_id)


def _damaged(row: PayloadRow) -> SecretError:
    return SecretError(
        f"The record of call {row.call_id} was changed or damaged, or belongs to another call; nothing of it is shown."
    )


def _json(value: Any) -> bytes:
    """As JSON, also half a surrogate pair and numbers that strict JSON has no words for. Raises as `json.dumps`."""
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError):
        return json.dumps(value, default=str).encode()
