"""What waits for a person to decide."""

from __future__ import annotations

__all__ = ["ApprovalOperations"]

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec

from botkit.app.operations.runs import RunOperations
from botkit.core.call_approvals import CallApproval
from botkit.core.console import WaitView
from botkit.core.data import JSON
from botkit.core.errors import InvalidArguments, NotFound
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
        shown = [await self._view(wait) for wait in waits if wait.kind in _SHOWN_KINDS]
        if kind in ("", "approval"):
            shown += [await self._call_view(call) for call in await self._i.call_desk.list(limit=limit)]
        return sorted(shown, key=lambda view: view.created_at)[:limit]

    async def decide(
        self,
        *,
        wait: str,
        approved: bool,
        by: str,
        comment: str = "",
        values: Mapping[str, Any] | None = None,
        via: str = "cli",
    ) -> WaitView:
        """Approve or reject, once. The run goes on at once where botkit runs, else at its next start.

        Args:
            wait: its id, an unambiguous beginning of that or of its run's id, or its token; or the id (or its
                beginning) that an MCP client was given for one call of a member.
            values: values of a workflow's handoff that are changed with the decision.

        Raises:
            NotFound, Conflict: no such open approval, or somebody decided first.
            InvalidArguments: a value may not be changed.
        """
        if wait.startswith("apr_"):
            if values:
                raise InvalidArguments("a single call has no values that could be changed with the decision")
            return await self._decide_call(wait, approved=approved, by=by, comment=comment, via=via)
        decided = await self._i.engine.decide(wait, approved=approved, by=by, via=via, comment=comment, values=values)
        act = "approvals.approve" if approved else "approvals.reject"
        await self._i.audit(by=by, via=via, action=act, target=decided.id, **_about(decided, values))
        return await self._view(decided)

    async def answer(
        self, *, wait: str, by: str, text: str = "", fields: Mapping[str, Any] | None = None, via: str = "cli"
    ) -> WaitView:
        """Answer the question of a tool, by words or by the fields of its form.

        Raises:
            NotFound, Conflict: nothing of that id waits for an answer, or it was answered before.
        """
        from botkit.sdk.parsing import form_fields

        given = form_fields(fields) if fields is not None else None
        answered = await self._i.engine.answer(wait, text, fields=given, by=by, via=via)
        return await self._view(answered)

    async def resolve(
        self,
        *,
        wait: str,
        action: Literal["retry", "result", "fail"],
        by: str,
        text: str = "",
        via: str = "cli",
    ) -> WaitView:
        """Tell what became of an effect nobody could confirm; as `RunOperations.resolve`, by the wait's id.

        Args:
            text: with `result` what it answered (JSON, or words), with `fail` why.

        Raises:
            NotFound, Conflict: nothing of that id waits, or somebody decided first.
        """
        found = await self._i.store.journal.find_wait(wait_id=wait)
        if found is None or found.kind != "reconcile":
            raise NotFound("nothing of that id waits to be resolved; see `botkit runs list --state waiting`")
        resolved = await RunOperations(self._i).resolve(
            run=found.run_id,
            step=str(found.payload.get("step", "")),
            action=action,
            result=_json_or_text(text),
            message=text if action == "fail" else "",
            by=by,
            via=via,
        )
        return await self._view(resolved)

    async def _decide_call(self, ref: str, *, approved: bool, by: str, comment: str, via: str) -> WaitView:
        found = await self._i.call_desk.find(ref)
        if found is None:
            raise NotFound(f"No open approval `{ref}`; see `botkit approvals list`.")
        decided = await self._i.call_desk.decide(found.id, approved=approved, by=by, via=via, comment=comment)
        return await self._call_view(decided)

    async def _call_view(self, call: CallApproval) -> WaitView:
        member = await self._i.store.members.get(call.principal) if call.principal_kind == "member" else None
        return WaitView(
            id=call.id,
            kind="approval",
            run_id="",
            person=member.name if member is not None else call.principal,
            title=f"Call {call.tool} in workspace {call.workspace}?",
            tool=call.tool,
            arguments=call.arguments,
            reason=call.reason,
            created_at=call.created_at,
            expires_at=call.expires_at,
        )

    async def _view(self, wait: Wait) -> WaitView:
        from botkit.engine.forms import form_json

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
            tool=str(payload.get("tool") or payload.get("name") or ""),
            arguments=_mapping(payload.get("arguments")),
            reason=str(payload.get("reason") or ""),
            details=_mapping(payload.get("details")),
            edit=_mapping(payload.get("edit")),
            form=form_json(wait),
            part_id=wait.part_id,
            created_at=wait.created_at,
            expires_at=wait.expires_at,
        )


def _about(wait: Wait, values: Mapping[str, Any] | None) -> dict[str, Any]:
    """For the audit row: names of what was changed, never the values."""
    about: dict[str, Any] = {"tool": wait.payload.get("tool", "")}
    return {**about, "changed": sorted(values)} if values else about


def _title(wait: Wait) -> str:
    payload = wait.payload
    if wait.kind == "approval" and payload.get("title"):
        return str(payload["title"])
    if wait.kind == "approval":
        return f"Call {payload.get('tool', 'a tool')}?"
    if wait.kind == "reconcile":
        return f"Did {payload.get('name') or 'a tool'} happen? Its answer was lost."
    return str(payload.get("message") or "An answer is wanted.")


def _json_or_text(text: str) -> JSON:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _mapping(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
