"""Ask a person to decide, and go on by what they said."""

from __future__ import annotations

__all__ = ["HumanHandoff"]

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypedDict, cast

from pydantic import AliasChoices, Field

from botkit.core.messages import OutMessage
from botkit.sdk.nodes import Node, NodeContext, NodeFailed, Outcome, Signal, Wait, node

_DAY_S = 86_400.0


class Decision(TypedDict):
    """What was decided."""

    approved: bool
    by: str
    """Who decided; empty when nobody did."""
    via: str
    """Where: `chat:CHANNEL`, `cli`, `page`, `api`, `mail`."""
    comment: str
    """What they wrote to it."""
    values: dict[str, Any]
    """`edit`, as the person left it."""


@node("human_handoff")
class HumanHandoff(Node):
    """Pause until a person approves or rejects.

    The reviewers see the reason, the details and what was said last, with buttons, wherever `settings.approvals` asks
    them and in `botkit approvals`; the person of the conversation is told that somebody looks. The decision counts
    once, whoever is second is told what was decided, and it may come while nothing runs.
    """

    category = "people"
    handles: ClassVar[Mapping[str, str]] = {
        "approved": "a reviewer approved",
        "rejected": "a reviewer rejected",
        "timeout": "nobody decided in time; without this edge it counts as rejected",
        "handed_back": "with `mode: take_over`: the person gave the conversation back",
    }
    output: ClassVar[Any] = Decision
    onward: ClassVar[tuple[str, ...]] = ("approved",)

    reason: str = Field(min_length=1, max_length=4000)
    """Why somebody has to look."""
    mode: Literal["decide", "take_over"] = "decide"
    """`decide`: somebody approves or rejects. `take_over`: somebody speaks with the person in place of the bot: what
    they write goes to the reviewers, what these answer to a message goes back, until they hand back."""
    title: str = Field(default="", max_length=200)
    """What it is about, in a few words."""
    details: dict[str, Any] = {}
    """What reviewers should see, by name. Never a secret."""
    approvers: list[str] = Field(default=[], validation_alias=AliasChoices("approvers", "assignees"))
    """Roles or people of bots.yaml who may decide; those of `settings.approvals` when empty."""
    edit: dict[str, Any] = {}
    """Values a reviewer may change while approving, by name, as they are proposed."""
    expires_s: float = Field(default=_DAY_S, ge=0)
    """Seconds until `timeout`; 0: never."""
    remind_after_s: float = Field(default=0.0, ge=0)
    """Seconds after which reviewers are asked again, and again each time that passes; 0: never."""
    escalate_after_s: float = Field(default=0.0, ge=0)
    """Seconds after which `escalate_to` may decide too and is asked; 0: never."""
    escalate_to: list[str] = []
    """Roles or people of bots.yaml."""
    tell: str | None = None
    """What the person of the conversation is told; a general sentence when absent, nothing when empty."""

    @classmethod
    def check(cls, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """An escalation needs somebody to go to."""
        after = data.get("escalate_after_s", data.get("escalateAfterS"))
        wants = bool(after) != bool(data.get("escalate_to", data.get("escalateTo")))
        return [("escalate_to", "escalate_after_s and escalate_to belong together")] if wants else []

    async def run(self, ctx: NodeContext) -> Wait:
        payload: dict[str, Any] = {
            "title": self.title or ctx.node_id.replace("_", " "),
            "reason": self.reason,
            "details": self.details,
            "told": self.tell != "",
        }
        if self.edit:
            payload["edit"] = self.edit
        if self.remind_after_s:
            payload["remind_after_s"] = self.remind_after_s
        if self.escalate_to:
            payload |= {"escalate_after_s": self.escalate_after_s, "escalate_to": self.escalate_to}
        return Wait(
            "approval" if self.mode == "decide" else "takeover",
            message=OutMessage(text=self.tell) if self.tell else None,
            payload=payload,
            approvers=tuple(self.approvers),
            expires_s=self.expires_s,
        )

    def vouches(self, handle: str) -> bool:
        return handle == "approved"

    async def resume(self, ctx: NodeContext, signal: Signal) -> Outcome:
        values: Any = signal.data.get("values")
        given: dict[str, Any] = cast("dict[str, Any]", values) if isinstance(values, dict) else {}
        strange = sorted(set(given) - set(self.edit))
        if strange:
            raise NodeFailed(f"a reviewer changed values that are not his: {', '.join(strange)}", code="invalid_edit")
        decision: Decision = {
            "approved": signal.approved,
            "by": signal.by,
            "via": signal.via,
            "comment": str(signal.data.get("comment") or ""),
            "values": {**self.edit, **given},
        }
        if signal.expired and cast("Any", ctx).entries("timeout"):
            return Outcome("timeout", decision)
        if self.mode == "take_over":
            return Outcome("handed_back", decision)
        return Outcome("approved" if signal.approved else "rejected", decision)
