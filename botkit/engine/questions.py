"""Questions to people: how an approval or a form looks in chat, and what becomes of it when it is decided."""

from __future__ import annotations

__all__ = ["decision_text", "may_decide", "parse_decision", "question", "reconcile_text"]

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from botkit.core.journal import Wait
from botkit.core.messages import Button, OutMessage

_DEFAULT_APPROVERS = ("admin",)
_PREFIX = "ok:"
_VALUE_LIMIT = 300


def question(wait: Wait, *, can_press: bool, asked: str = "") -> OutMessage:
    """The message that asks. Buttons only for those who may press them."""
    if wait.kind == "approval":
        return _approval(wait, can_press=can_press)
    if wait.kind == "reply":
        return OutMessage(text=str(wait.payload.get("message") or "Please answer."))
    return OutMessage(text=reconcile_text(wait))


def _approval(wait: Wait, *, can_press: bool) -> OutMessage:
    tool = str(wait.payload.get("tool", "a tool"))
    lines = [f"**Approval needed** for `{tool}`", *_argument_lines(wait.payload.get("arguments"))]
    if not can_press:
        lines.append("\nA colleague has to decide. I will come back to you here as soon as they did.")
        return OutMessage(text="\n".join(lines))
    row = (
        Button(label="Approve", value=f"{_PREFIX}y:{wait.token}", style="primary"),
        Button(label="Reject", value=f"{_PREFIX}n:{wait.token}", style="danger"),
    )
    return OutMessage(text="\n".join(lines), buttons=(row,))


def _argument_lines(arguments: Any) -> list[str]:
    if not isinstance(arguments, dict):
        return []
    lines: list[str] = []
    for name, value in arguments.items():  # pyright: ignore[reportUnknownVariableType] - raw JSON
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        text = text.replace("`", "'").replace("\n", " ")
        lines.append(f"- {name}: `{text[:_VALUE_LIMIT]}`")
    return lines


def reconcile_text(wait: Wait) -> str:
    """What the person is told when nobody knows whether an effect happened."""
    name = str(wait.payload.get("name") or "a tool")
    return (
        f"I lost the connection while `{name}` was being carried out, so I can't tell whether it happened. "
        "I will not try again on my own: a colleague has to look and decide. I'll report back here."
    )


def parse_decision(value: str) -> tuple[Literal["approve", "reject"], str] | None:
    """What a pressed button means: (decision, wait token)."""
    if not value.startswith(_PREFIX) or len(value) < len(_PREFIX) + 3:
        return None
    verdict, _, token = value[len(_PREFIX) :].partition(":")
    if verdict not in ("y", "n") or not token:
        return None
    return ("approve" if verdict == "y" else "reject"), token


def may_decide(wait: Wait, person_id: str, roles: Sequence[str]) -> bool:
    """Whether a person may decide this wait: by role or by name, as it says; else admins."""
    if wait.kind == "reply":
        return person_id == wait.person_id
    allowed = wait.approvers or _DEFAULT_APPROVERS
    return person_id in allowed or any(role in allowed for role in roles)


def decision_text(wait: Wait) -> str:
    """What the question's message says after it was decided."""
    tool = wait.payload.get("tool", "the call")
    by = f" by {wait.decided_by}" if wait.decided_by else ""
    if wait.state == "expired":
        return f"**Expired**: nobody decided about `{tool}` in time."
    if wait.state == "cancelled":
        return f"**Cancelled**: `{tool}` will not be called."
    approved = bool((wait.answer or {}).get("approved"))
    comment = str((wait.answer or {}).get("comment") or "")
    verdict = f"**{'Approved' if approved else 'Rejected'}**{by}: `{tool}`"
    return f"{verdict}\n{comment}" if comment else verdict
