"""Guardrails of what workflows say: each message passes rules and policy before it is kept or sent."""

from __future__ import annotations

__all__ = ["guarded_message"]

from typing import TYPE_CHECKING

import msgspec

from botkit.core.errors import ModelError
from botkit.core.messages import OutMessage
from botkit.core.schemas import as_schema
from botkit.core.screening import check
from botkit.core.screening.policy import POLICY_SCHEMA, POLICY_SYSTEM, policy_prompt, violation
from botkit.sdk.nodes import NodeFailed

if TYPE_CHECKING:
    from botkit.workflows.context import NodeRun


async def guarded_message(ctx: NodeRun, name: str, message: OutMessage) -> OutMessage:
    """The message as the guardrails leave it.

    Raises:
        NodeFailed: it is blocked, so nobody gets it; `error` edges may say something else.
    """
    checks = ctx.task.guards.output
    verdict = check(message.text, checks)
    for each in verdict.findings:
        ctx.note("guardrail", check=each.check, kind=each.kind, count=each.count, measure=each.measure)
    why = verdict.blocked
    if checks.policy and verdict.text.strip() and not why:
        prompt = policy_prompt(checks.policy, verdict.text)
        try:
            answer = await ctx.ask_model(
                f"{name}/policy", prompt, system=POLICY_SYSTEM, model=checks.model, schema=POLICY_SCHEMA
            )
            violated = violation(as_schema(answer.data)) is not None
            why = "policy: violated" if violated and checks.policy_measure == "block" else ""
        except (ModelError, NodeFailed):
            why = "policy: unchecked" if checks.closed else ""
    if why:
        ctx.note("guardrail_blocked", why=why)
        raise NodeFailed(f"the message was kept back ({why})", code="guardrail_blocked")
    return msgspec.structs.replace(message, text=verdict.text) if verdict.changed else message
