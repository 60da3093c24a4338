"""Approval of single calls of MCP clients, which have no run that could wait: the record and its port."""

from __future__ import annotations

__all__ = ["APPROVALS_LANE", "CallApproval", "CallApprovalState", "CallApprovals", "look_at"]

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from botkit.core.clock import from_micros
from botkit.core.data import Data
from botkit.core.events import Conversation, Event, User
from botkit.core.journal import Audit, Write

CallApprovalState = Literal["open", "approved", "rejected", "used", "expired"]

APPROVALS_LANE = "@approvals::"
"""Where what happens to them is worked off, in order: approvers are asked, and shown what was decided."""


class CallApproval(Data):
    """One call that a person must allow. It covers exactly `digest`, for exactly this principal, once."""

    id: str
    """`apr_…`; what a client is told."""
    workspace: str
    principal_kind: str
    principal: str
    token_id: str = ""
    server: str = ""
    tool: str
    arguments: dict[str, Any] = {}
    """Redacted: for the person who decides."""
    digest: str
    """`botkit.core.tools.arguments_digest` of the call."""
    reason: str = ""
    approvers: tuple[str, ...] = ()
    state: CallApprovalState = "open"
    comment: str = ""
    created_at: int = 0
    expires_at: int = 0
    """When an open one can no longer be decided, and an approved one no longer be used."""
    decided_at: int = 0
    decided_by: str = ""
    decided_via: str = ""
    used_at: int = 0
    call_id: str = ""
    """Of the call-log row: the call that used it, and until then the one that asked for it."""


class CallApprovals(Protocol):
    async def use(self, approval: CallApproval, *, at: int, asked: Sequence[Write] = ()) -> CallApproval:
        """Spend the approval of this call, if it has one: state `used`, once, whoever asks at the same time.

        Otherwise what there is to say: `open` (asked anew when there was nothing), `rejected` or `expired`; these two
        are told once, and the next `use` asks anew.

        Args:
            approval: as it would be asked for; only the principal, workspace and digest choose.
            asked: committed with it when it is asked for anew.
        """
        ...

    async def get(self, id_or_prefix: str) -> CallApproval | None:
        """Raises `Conflict` for an ambiguous beginning."""
        ...

    async def list(self, *, state: str = "open", now: int = 0, limit: int = 100) -> Sequence[CallApproval]:
        """Oldest first; open ones that expired before `now` are left out."""
        ...

    async def decide(
        self,
        approval_id: str,
        *,
        approved: bool,
        by: str,
        via: str,
        comment: str,
        at: int,
        audit: Audit,
        decided: Sequence[Write] = (),
    ) -> CallApproval:
        """Decide once.

        Args:
            decided: committed with the decision.

        Raises:
            NotFound: there is none, or it expired.
            Conflict: it was decided before.
        """
        ...


def look_at(approval_id: str, why: Literal["asked", "decided", "expired"], *, at: int) -> Event:
    """Something happened to an approval: an event for `APPROVALS_LANE`.

    It only says where to look, so it may come late, or after another one.
    """
    return Event(
        channel="@wake",
        dedupe_key=f"{approval_id}/{why}",
        kind="wake",
        conversation=Conversation(channel="@approvals", room=""),
        sender=User(id=""),
        occurred_at=from_micros(at),
        signal={"call_approval": approval_id},
    )
