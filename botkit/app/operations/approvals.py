"""What waits for a person to decide."""

from __future__ import annotations

__all__ = ["ApprovalOperations"]

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from botkit.core.console import WaitView
from botkit.core.journal import Wait

if TYPE_CHECKING:
    from botkit.app.instance import Instance

_SHOWN_KINDS = ("approval", "reply", "reconcile")


class ApprovalOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def list(self, *, kind: str = "", limit: int = 100) -> Sequence[WaitView]:
        """Open approvals, questions and unknown effects, oldest first."""
        waits = await self._i.store.records.waits(kind=kind, state="open", limit=limit)
        shown = [wait for wait in waits if wait.kind in _SHOWN_KINDS]
        return [await self._view(wait) for wait in sorted(shown, key=lambda wait: wait.created_at)]

    async def decide(self, *, wait: str, approved: bool, by: str, comment: str = "", via: str = "cli") -> WaitView:
        """Approve or reject, once. The run goes on at once where botkit runs, else at its next start.

        Args:
            wait: its id, an unambiguous beginning of that or of its run's id, or its token.

        Raises:
            NotFound, Conflict: no such open approval, or somebody decided first.
        """
        decided = await self._i.engine.decide(wait, approved=approved, by=by, via=via, comment=comment)
        act = "approvals.approve" if approved else "approvals.reject"
        await self._i.audit(by=by, via=via, action=act, target=decided.id, tool=decided.payload.get("tool", ""))
        return await self._view(decided)

    async def _view(self, wait: Wait) -> WaitView:
        payload = wait.payload
        opened = await self._i.store.journal.load_run(wait.run_id)
        person = await self._i.store.people.get(wait.person_id) if wait.person_id else None
        return WaitView(
            id=wait.id,
            kind=wait.kind,
            run_id=wait.run_id,
            bot=opened.run.bot if opened is not None else "",
            conversation=wait.conversation,
            person=(person.name or person.id) if person is not None else wait.person_id,
            title=_title(wait),
            tool=str(payload.get("tool") or ""),
            arguments=_mapping(payload.get("arguments")),
            reason=str(payload.get("reason") or ""),
            part_id=wait.part_id,
            created_at=wait.created_at,
            expires_at=wait.expires_at,
        )


def _title(wait: Wait) -> str:
    payload = wait.payload
    if wait.kind == "approval":
        return f"Call {payload.get('tool', 'a tool')}?"
    if wait.kind == "reconcile":
        return f"Did {payload.get('name') or 'a tool'} happen? Its answer was lost."
    return str(payload.get("message") or "An answer is wanted.")


def _mapping(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
