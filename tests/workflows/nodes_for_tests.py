"""Nodes that do something countable to the world."""

from __future__ import annotations

__all__ = ["OWN", "Act", "Ask", "Broken", "Faulty", "Flaky", "world"]

from contextvars import ContextVar
from typing import Any

from botkit.sdk.nodes import Node, NodeContext, NodeFailed, Outcome, Signal, StepHandle, Wait, node
from tests.workflows.memory import Effects

world: ContextVar[Effects] = ContextVar("world")


@node("act")
class Act(Node):
    """Do something once, and say what the variables were."""

    handles = {"default": "done", "left": "to the left", "right": "to the right"}

    value: Any = None
    """What it gives back."""
    way: str = "default"
    """Which edge it takes."""
    steps: int = 1
    """How many effects."""

    async def run(self, ctx: NodeContext) -> Outcome:
        for number in range(self.steps):

            async def do(scope: StepHandle, number: int = number) -> str:
                world.get().do(f"{ctx.node_id}#{number} {scope.idempotency_key}")
                return scope.idempotency_key

            await ctx.step(str(number), do)
        return Outcome(self.way, self.value if self.value is not None else ctx.node_id)


@node("ask")
class Ask(Node):
    """Ask, and wait."""

    handles = {"reply": "answered", "timeout": "too late"}

    async def run(self, ctx: NodeContext) -> Wait:
        await ctx.say("question", "Well?")
        return Wait.reply("Well?", expires_s=60, asked=ctx.node_id)

    async def resume(self, ctx: NodeContext, signal: Signal) -> Outcome:
        if signal.expired:
            return Outcome("timeout")
        return Outcome("reply", {"text": signal.text, "asked": signal.state["asked"]})


@node("broken")
class Broken(Node):
    """Fail as often as told."""

    times: int = 1
    """How often, before it works."""
    code: str = "out_of_order"
    """Of the error."""

    async def run(self, ctx: NodeContext) -> Outcome:
        async def do(scope: StepHandle) -> int:
            world.get().do(f"{ctx.node_id} try {ctx.attempt}")
            return ctx.attempt

        if await ctx.step("do", do) < self.times:
            raise NodeFailed("out of order", code=self.code, retryable=True)
        return Outcome(output="works")


@node("flaky")
class Flaky(Node):
    """Work at the second or third try."""

    times: int = 1
    """How often it fails before."""

    async def run(self, ctx: NodeContext) -> Outcome:
        async def do(scope: StepHandle) -> int:
            world.get().do(f"{ctx.node_id} flaky {scope.idempotency_key}")
            return ctx.attempt

        if await ctx.step("failed", do) < self.times:
            raise NodeFailed("out of order", code="out_of_order", retryable=True)
        return Outcome(output="works")


@node("faulty")
class Faulty(Node):
    """Do something, and not hear back."""

    async def run(self, ctx: NodeContext) -> Outcome:
        async def do(scope: StepHandle) -> None:
            world.get().do(f"{ctx.node_id} faulty {scope.idempotency_key}")
            raise NodeFailed("no answer", code="no_answer")

        await ctx.step("do", do)
        return Outcome()


OWN: tuple[type[Node], ...] = (Act, Ask, Broken, Flaky, Faulty)
