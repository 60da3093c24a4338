"""Let a model work towards a goal with tools, within limits."""

from __future__ import annotations

__all__ = ["AgentLoopNode"]

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypedDict

from pydantic import Field

from botkit.core.agent import AgentOutcome
from botkit.sdk.nodes import ModelAlias, Node, NodeFailed, Outcome, ToolPatterns, node
from botkit.workflows.context import NodeRun
from botkit.workflows.helpers import ask_agent

OnLimit = Literal["escalate", "fallback", "fail"]


class AgentOutput(TypedDict):
    """What the agent came to."""

    text: str
    """Its answer."""
    data: Any
    """The answer as an object, with `schema`."""
    tools: list[str]
    """Tools it called, in order."""
    rounds: int
    """Rounds of tool calls."""
    limit: str
    """The limit that ended it; empty when none did."""


@node("agent_loop")
class AgentLoopNode(Node):
    """Let a model work towards a goal: it thinks, calls tools, reads what they answer, until it is done.

    It has the tools of the workspace that `tools` admits, with the rights of the person and the bot of this run.
    At a limit it escalates, falls back or fails, as `on_limit` says.
    """

    category = "ai"
    handles: ClassVar[Mapping[str, str]] = {
        "done": "it answered",
        "escalate": "a limit ended it, and `on_limit` is escalate: a person should look",
        "fallback": "a limit ended it, and `on_limit` is fallback: go on without it",
        "failed": "no model answered; without this edge the node fails",
    }
    output: ClassVar[Any] = AgentOutput

    goal: str = Field(min_length=1, max_length=40_000)
    """What to reach, with everything it has to know."""
    prompt: str = ""
    """How it works: its instructions. Those of the bot when empty."""
    model: ModelAlias = ""
    """An alias of `models` or a LiteLLM name; that of the bot when empty."""
    tools: list[ToolPatterns] | None = None
    """Tools it may call, or patterns; every tool of the workspace when absent, none when empty."""
    max_rounds: int = Field(default=10, ge=1, le=200)
    """Most rounds of tool calls."""
    time_limit_s: float = Field(default=120.0, gt=0, le=3600)
    """Seconds it may work; waiting for people does not count."""
    max_tokens: int = Field(default=0, ge=0)
    """Most tokens, in and out; 0: no limit."""
    max_cost: float = Field(default=0.0, ge=0)
    """Most money in US dollars; 0: no limit."""
    on_limit: OnLimit = "fail"
    """Which edge a limit takes; `fail` fails the node."""
    history: bool = False
    """Whether it knows what was said in this conversation before."""
    answer_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    """JSON Schema: the answer is also put into an object that fits it."""
    reply: bool = False
    """Whether its answer is sent to the person."""

    async def run(self, ctx: NodeRun) -> Outcome:  # pyright: ignore[reportIncompatibleMethodOverride] - a node of botkit's own
        outcome = await ask_agent(
            ctx,
            self.goal,
            prompt=self.prompt or ctx.task.prompt,
            model=self.model or ctx.task.model,
            tools=self.tools,
            max_iterations=self.max_rounds,
            timeout_s=self.time_limit_s,
            max_turn_tokens=self.max_tokens,
            max_cost_micros=int(self.max_cost * 1_000_000),
            history=self.history,
        )
        output = await self._output(ctx, outcome)
        if outcome.state == "failed":
            if ctx.entries("failed"):
                return Outcome("failed", output)
            error = outcome.error or {}
            raise NodeFailed(str(error.get("message") or outcome.text), code=str(error.get("code") or "model"))
        if outcome.state == "limit_reached" and self.on_limit == "fail":
            reason = (outcome.error or {}).get("message")
            raise NodeFailed(f"the agent reached a limit: {reason}", code="agent_limit")
        if self.reply and outcome.state == "completed":
            await ctx.say("reply", outcome.text)
        return Outcome("done" if outcome.state == "completed" else self.on_limit, output)

    async def _output(self, ctx: NodeRun, outcome: AgentOutcome) -> AgentOutput:
        data: Any = None
        if self.answer_schema is not None and outcome.state == "completed":
            asked = f"Put this into the object, and add nothing:\n\n{outcome.text}"
            data = (await ctx.ask_model("structure", asked, model=self.model, schema=self.answer_schema)).data
        limit = (outcome.error or {}).get("limit", "") if outcome.state == "limit_reached" else ""
        return {
            "text": outcome.text,
            "data": data,
            "tools": [call.tool_name for call in outcome.calls],
            "rounds": outcome.iterations,
            "limit": str(limit),
        }
