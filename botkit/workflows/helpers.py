"""Asking an agent from inside a workflow: with the rights of the run, narrowed and never widened."""

from __future__ import annotations

__all__ = ["HOPS_LIMIT", "ask_agent"]

from collections.abc import Sequence

import msgspec

from botkit.core.agent import AgentOutcome, AgentTask
from botkit.core.allowance import least
from botkit.core.screening import Guards
from botkit.core.tools import Principal
from botkit.workflows.context import NodeRun

HOPS_LIMIT = 3
"""Bots that ask one another, at most."""


class _Unheard:
    """What an agent writes for a workflow is read when it is done."""

    async def write(self, text: str) -> None:
        return

    async def restart(self) -> None:
        return


async def ask_agent(
    ctx: NodeRun,
    text: str,
    *,
    prompt: str,
    model: str,
    bot: str = "",
    workspace: str = "",
    principal: Principal | None = None,
    tools: Sequence[str] | None = None,
    temperature: float | None = None,
    max_iterations: int = 10,
    max_output_tokens: int = 8192,
    max_turn_tokens: int = 0,
    max_cost_micros: int = 0,
    timeout_s: float = 120.0,
    history: bool = False,
) -> AgentOutcome:
    """Run the agent loop as steps of a node.

    Args:
        tools: patterns, one of which has to admit each tool; None: whatever the principal may call.

    Raises:
        Paused, Stopped: as the step context says.
    """
    task, left = ctx.task, ctx.left
    acting = msgspec.structs.replace(principal or task.principal, taint=ctx.principal.taint)
    if tools is not None:
        acting = msgspec.structs.replace(acting, within=(*acting.within, tuple(tools)))
    outcome = await ctx.services.agent.run(
        ctx.ctx.under("agent/"),
        AgentTask(
            bot=bot or task.bot,
            prompt=prompt,
            model=model,
            temperature=temperature,
            workspace=workspace or ctx.workspace,
            principal=acting,
            text=text,
            attachments=task.attachments if history else (),
            history=task.history if history else (),
            summary=task.summary if history else "",
            person_name=task.person_name,
            now=task.now,
            timezone=task.timezone,
            locale=task.locale,
            words=task.words,
            note=task.note,
            max_iterations=max_iterations,
            max_output_tokens=max_output_tokens,
            max_turn_tokens=least(max_turn_tokens, left.tokens),
            max_cost_micros=least(max_cost_micros, left.cost_micros),
            timeout_s=timeout_s,
            stream=False,
            guards=Guards(tools=task.guards.tools),
        ),
        _Unheard(),
    )
    ctx.usage += outcome.usage
    ctx.has_read(*outcome.taint)
    return outcome
