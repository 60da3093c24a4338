"""Ask another bot and go on with its answer."""

from __future__ import annotations

__all__ = ["DelegateToBot"]

from collections.abc import Mapping
from typing import Any, ClassVar, TypedDict, cast

import msgspec
from pydantic import AliasChoices, Field

from botkit.core.data import encode_text
from botkit.core.errors import NotFound
from botkit.core.workflows import BotFacts, WorkflowTask
from botkit.sdk.nodes import BotName, Node, NodeFailed, Outcome, node
from botkit.workflows.context import NodeRun
from botkit.workflows.entries import entries_of
from botkit.workflows.helpers import HOPS_LIMIT, ask_agent
from botkit.workflows.scope import Scope


class DelegateOutput(TypedDict):
    """What the other bot said."""

    text: str
    """Its answer."""
    bot: str
    """Who answered."""
    output: Any
    """The result of its workflow, where it has one."""


@node("delegate_to_bot")
class DelegateToBot(Node):
    """Ask another bot and go on with its answer.

    It works as it is configured, by its agent loop or its workflow, with its own prompt, model and workspace, for
    the same person, whose rights it cannot exceed. Bots ask one another at most three deep.
    """

    category = "ai"
    handles: ClassVar[Mapping[str, str]] = {
        "default": "it answered",
        "limit": "it reached a limit of its own; without this edge the node fails",
    }
    output: ClassVar[Any] = DelegateOutput

    bot: BotName = Field(validation_alias=AliasChoices("bot", "target_bot_id", "targetBotId"), min_length=1)
    """Its key under `bots:`."""
    message: str = ""
    """What it is asked; what the person wrote when empty."""
    context: dict[str, Any] | str = {}
    """What it should know: its workflow reads each key as a variable, its agent is told. JSON text is understood."""
    time_limit_s: float = Field(default=0.0, ge=0, le=3600)
    """Seconds it may work; its own limit when 0, and never more."""

    async def run(self, ctx: NodeRun) -> Outcome:  # pyright: ignore[reportIncompatibleMethodOverride] - a node of botkit's own
        task = ctx.task
        chain = (*task.principal.via, *([task.principal.bot] if task.principal.bot else []))
        if len(chain) > HOPS_LIMIT:
            raise NodeFailed(f"bots have asked one another {HOPS_LIMIT} times; this goes too far", code="hops")
        try:
            helper = await ctx.services.bot(task.revision, self.bot)
        except NotFound as error:
            raise NodeFailed(str(error), code="no_bot") from error
        principal = msgspec.structs.replace(task.principal, bot=helper.bot, via=chain)
        message, context = self.message or task.text, self._context()
        if helper.workflow:
            inner = msgspec.structs.replace(
                task,
                bot=helper.bot,
                model=helper.model,
                prompt=helper.prompt,
                workspace=helper.workspace,
                principal=principal,
                text=message,
            )
            return await self._by_workflow(ctx, helper, inner, context)
        told = message if not context else f"{message}\n\nWhat you should know:\n{encode_text(context)}"
        outcome = await ask_agent(
            ctx,
            told,
            prompt=helper.prompt,
            model=helper.model,
            bot=helper.bot,
            workspace=helper.workspace,
            principal=principal,
            temperature=helper.temperature,
            max_iterations=helper.max_iterations,
            max_output_tokens=helper.max_output_tokens,
            max_turn_tokens=helper.max_turn_tokens,
            max_cost_micros=helper.max_cost_micros,
            timeout_s=min(self.time_limit_s or helper.timeout_s, helper.timeout_s),
        )
        output: DelegateOutput = {"text": outcome.text, "bot": helper.bot, "output": None}
        if outcome.state == "failed":
            error = outcome.error or {}
            raise NodeFailed(str(error.get("message") or outcome.text), code=str(error.get("code") or "model"))
        if outcome.state == "limit_reached":
            if not ctx.entries("limit"):
                raise NodeFailed(f"{helper.bot} reached a limit", code="agent_limit")
            return Outcome("limit", output)
        return Outcome(output=output)

    async def _by_workflow(
        self, ctx: NodeRun, helper: BotFacts, task: WorkflowTask, context: dict[str, Any]
    ) -> Outcome:
        plan = await ctx.services.plan(task.revision, helper.workflow)
        heard: dict[str, Any] = task.variables.get("message") or {}
        message: dict[str, Any] = {**heard, "text": task.text}
        trigger = {"kind": "workflow", "name": task.workflow, "text": task.text}
        start: dict[str, Any] = {
            **task.variables,
            **plan.graph.variables,
            "message": message,
            "trigger": trigger,
            **context,
        }
        scope = Scope(start=start)
        said = await ctx.walk_graph(helper.workflow, plan, scope, entries_of(plan, trigger, ctx.services, start), task)
        text = str(ctx.render(plan.graph.reply, **scope.view())) if plan.graph.reply else _text_of(said)
        output: DelegateOutput = {"text": text, "bot": helper.bot, "output": said}
        return Outcome(output=output)

    def _context(self) -> dict[str, Any]:
        if not isinstance(self.context, str):
            return self.context
        try:
            return msgspec.json.decode(self.context or "{}", type=dict[str, Any])
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise NodeFailed(f"context is not a JSON object: {error}", code="invalid_config") from error


def _text_of(output: Any) -> str:
    if isinstance(output, str):
        return output
    text: Any = cast("dict[str, Any]", output).get("text") if isinstance(output, dict) else None
    return text if isinstance(text, str) else encode_text(cast("object", output))
