"""What a tool call carried, kept for auditors: sealed, beside the call log and never in it.

    {"arguments": {"text": "{\\"id\\": 7}", "size_bytes": 9},
     "result": {"text": "{\\"content\\": […]}", "size_bytes": 812}}

Only calls in a workspace with `record_payloads: true` leave such a record. It is committed with the row of the call log
that it belongs to. Who reads it is noted by `botkit.app`.
"""

from __future__ import annotations

__all__ = ["Envelope", "Payload", "PayloadRow", "Payloads", "Piece", "SealedPayload"]

from collections.abc import Mapping, Sequence
from typing import Protocol

from botkit.core.data import Data


class Piece(Data):
    """One part of a payload as JSON text, without secrets."""

    text: str
    """The beginning of it, when it is longer than is kept."""
    size_bytes: int
    """Of the whole."""

    @property
    def is_whole(self) -> bool:
        return len(self.text.encode()) >= self.size_bytes


class Payload(Data):
    """What is sealed: `arguments`, and where there were any, `params`, `answers` and `result`."""

    pieces: dict[str, Piece] = {}


class Envelope(Data):
    """A value under a data key of its own, and that key under a master key. Nothing here reveals it."""

    key_id: str
    """Of the master key that wraps the data key."""
    wrapped_key: bytes
    nonce: bytes
    ciphertext: bytes


class SealedPayload(Protocol):
    """A sealed payload on its way to the store. It has no other form: whoever tries to encode one fails."""

    def envelope(self) -> Envelope:
        """For the row, within the transaction that writes it; wrapped with the master key of this moment, so that no
        row appears under a former key after a rotation looked for such rows."""
        ...


class PayloadRow(Data):
    """The stored record of one call."""

    call_id: str
    at: int
    """Microseconds, UTC: when the call began."""
    workspace: str
    principal_kind: str = ""
    principal: str = ""
    run_id: str = ""
    envelope: Envelope


class Payloads(Protocol):
    """Stored records. They are written by whatever writes the row of the call (`botkit.core.tools.RecordedCall`)."""

    async def get(self, id_or_prefix: str) -> PayloadRow | None:
        """By the id of the call. Raises `Conflict` for an ambiguous beginning."""
        ...

    async def not_under(self, key_id: str, *, after: str = "", limit: int = 200) -> Sequence[PayloadRow]:
        """Rows that another master key wraps, by id, beginning after one; everything submitted before is seen."""
        ...

    async def rewrap(self, rows: Sequence[PayloadRow], former: Sequence[str]) -> int:
        """Replace `key_id` and `wrapped_key` of rows that are still under the former key, given for each; how many."""
        ...

    async def counts(self) -> Mapping[str, int]:
        """Workspace → records that are kept."""
        ...
