"""Approval of calls by MCP clients: asked for once, waited for or polled, used once.

A client has no run that could wait. Its call is answered at once with JSON-RPC error -32050 and an approval id; it
repeats the very same call until somebody has decided, or asks with `_meta` to be kept waiting. The approval covers the
tool and the arguments by their digest, the member and the workspace, and is spent by the first call that goes through.

That one is wanted, and that it was decided, is committed together with an event for `APPROVALS_LANE`: whoever works on
that lane asks approvers in their chats, and shows there what became of it.
"""

from __future__ import annotations

__all__ = ["NEEDS_APPROVAL", "WAIT_META", "CallDesk", "approval_error", "wanted_wait_s"]

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from botkit.core.call_approvals import APPROVALS_LANE, CallApproval, CallApprovals, look_at
from botkit.core.clock import Clock, from_micros
from botkit.core.errors import BotkitError
from botkit.core.ids import new_id
from botkit.core.journal import Audit, Wake
from botkit.core.tools import Tool, ToolCall

NEEDS_APPROVAL = -32050
WAIT_META = "io.botkit/approval-wait-s"
"""In a request's `_meta`: seconds the client wants to be kept waiting for the decision."""
_WAIT_LIMIT_S = 600.0
_LOOK_S = 1.0
"""How often a decision made by another process is looked for."""
_POLL_AFTER_S = 2
_MICROS = 1_000_000


class CallDesk:
    """Approvals as the pipeline uses them, and as people decide them.

    Args:
        ttl_s: how long an approval may be decided and used.
        wake: works on a lane that was given an event; whoever recovers does it where this is None.
        name_of: the name of a member, by the id.
    """

    def __init__(
        self,
        store: CallApprovals,
        clock: Clock,
        *,
        ttl_s: Callable[[], float],
        wake: Callable[[str], Awaitable[None]] | None = None,
        name_of: Callable[[str], Awaitable[str]] | None = None,
    ):
        self._store = store
        self._clock = clock
        self._ttl_s = ttl_s
        self._wake = wake
        self._name_of = name_of
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    async def use(
        self, call: ToolCall, tool: Tool, *, digest: str, arguments: dict[str, Any], approvers: tuple[str, ...]
    ) -> CallApproval:
        """Spend the approval of this call; without one, ask for it. `state` says what became of it.

        Args:
            arguments: redacted, for the person who decides.
        """
        now = self._clock.micros()
        wanted = CallApproval(
            id=new_id("apr"),
            workspace=call.workspace,
            principal_kind=call.principal.kind,
            principal=call.principal.id,
            token_id=call.principal.token_id,
            server=tool.server,
            tool=tool.name,
            arguments=arguments,
            digest=digest,
            reason=f"{tool.name} needs the approval of a person.",
            approvers=approvers,
            created_at=now,
            expires_at=now + int(self._ttl_s() * _MICROS),
            call_id=call.id,
        )
        asked = Wake(lane=APPROVALS_LANE, event=look_at(wanted.id, "asked", at=now))
        current = await self._store.use(wanted, at=now, asked=(asked,))
        if current.id == wanted.id:
            await self._work()
        return current

    async def wait(self, approval: CallApproval, timeout_s: float) -> None:
        """Until it is decided or expires, at most so long."""
        decided = asyncio.Event()
        self._waiting[approval.id].add(decided)
        end = self._clock.monotonic() + timeout_s
        try:
            while not decided.is_set() and (left_s := end - self._clock.monotonic()) > 0:
                await self._first(decided, min(left_s, _LOOK_S))
                stored = await self._store.get(approval.id)
                if stored is None or stored.state != "open" or stored.expires_at <= self._clock.micros():
                    return
        finally:
            self._waiting[approval.id].discard(decided)
            if not self._waiting[approval.id]:
                del self._waiting[approval.id]

    async def list(self, *, limit: int = 100) -> Sequence[CallApproval]:
        """What waits for a decision, oldest first."""
        return await self._store.list(now=self._clock.micros(), limit=limit)

    async def find(self, id_or_prefix: str) -> CallApproval | None:
        """Raises `Conflict` for an ambiguous beginning."""
        return await self._store.get(id_or_prefix)

    async def asker(self, approval: CallApproval) -> str:
        """The name of whoever called."""
        return (await self._name_of(approval.principal) if self._name_of is not None else "") or approval.principal

    async def decide(self, approval_id: str, *, approved: bool, by: str, via: str, comment: str = "") -> CallApproval:
        """Approve or reject, once. Raises `NotFound` (or expired) and `Conflict` (decided before)."""
        now = self._clock.micros()
        found = await self._store.get(approval_id)
        audit = Audit(
            at=now,
            actor=by,
            via=via,
            action="approvals.approve" if approved else "approvals.reject",
            target=approval_id,
            detail={"tool": found.tool, "workspace": found.workspace, "member": found.principal} if found else {},
        )
        decided = await self._store.decide(
            approval_id,
            approved=approved,
            by=by,
            via=via,
            comment=comment,
            at=now,
            audit=audit,
            decided=(Wake(lane=APPROVALS_LANE, event=look_at(approval_id, "decided", at=now)),),
        )
        for event in self._waiting.get(approval_id, ()):
            event.set()
        await self._work()
        return decided

    async def _work(self) -> None:
        """See to it that somebody works on the lane. What was committed is found by recovery in any case."""
        if self._wake is None:
            return
        try:
            await self._wake(APPROVALS_LANE)
        except BotkitError as error:
            _log().warning("approvals_not_worked_on", code=error.code, detail=str(error))

    async def _first(self, event: asyncio.Event, seconds: float) -> None:
        tasks: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(event.wait()),
            asyncio.ensure_future(self._clock.sleep(seconds)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def wanted_wait_s(call: ToolCall) -> float:
    """How long the client wants to be kept waiting; 0: it polls."""
    wanted = call.client.meta.get(WAIT_META) if call.client is not None else None
    if isinstance(wanted, bool) or not isinstance(wanted, int | float):
        return 0.0
    return min(float(wanted), _WAIT_LIMIT_S) if wanted > 0 else 0.0


def approval_error(approval: CallApproval) -> dict[str, Any]:
    """The JSON-RPC error a client is answered with.

    `data.status` is `pending`, `rejected` or `expired`; after the last two the same call asks anew.
    """
    status = {"open": "pending"}.get(approval.state, approval.state)
    data: dict[str, Any] = {
        "approvalId": approval.id,
        "status": status,
        "tool": approval.tool,
        "expiresAt": from_micros(approval.expires_at).isoformat(),
    }
    if status == "pending":
        data["retryAfterS"] = _POLL_AFTER_S
    if approval.comment:
        data["comment"] = approval.comment
    return {"code": NEEDS_APPROVAL, "message": _SENTENCES[status].format(tool=approval.tool), "data": data}


_SENTENCES = {
    "pending": "{tool} needs approval: a person was asked. Repeat the same call to learn of the decision.",
    "rejected": "{tool} was rejected by a person and did not run.",
    "expired": "{tool} was not approved in time and did not run. Repeat the call to ask again.",
}


def _log() -> Any:
    """Commands import this module for its shapes alone, and must not pay for a logger."""
    import structlog

    return structlog.get_logger("botkit.gateway.approvals")
