"""The real engine with a bot that answers by a workflow: nodes in a row, and what they say delivered into memory."""

from __future__ import annotations

__all__ = ["LONG", "WorkNode", "bench_of", "row_of", "runner_of", "workflow", "workflow_long", "workflow_thinking"]

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from benchmarks.contenders import STEPS, Turn, payload
from benchmarks.contenders.engine import EngineBench
from botkit.agents.elicitation import elicit
from botkit.core.errors import NotFound
from botkit.core.journal import Run, Write
from botkit.core.messages import OutMessage
from botkit.core.redact import NoRedaction
from botkit.core.workflows import BotFacts
from botkit.sdk.nodes import Node, NodeContext, Outcome, StepHandle, node
from botkit.store.open import Store, open_store
from botkit.workflows.graph import Graph, GraphEdge, GraphNode, Plan
from botkit.workflows.registry import builtin_registry
from botkit.workflows.runner import WorkflowRunner
from botkit.workflows.services import WorkflowServices

LONG = 45
"""Nodes of the long workflows."""


@node("work")
class WorkNode(Node):
    """One journaled step of 1 KB, as the peers do one."""

    number: int
    """Its place."""

    async def run(self, ctx: NodeContext) -> Outcome:
        async def work(scope: StepHandle) -> dict[str, str]:
            return payload(ctx.run.conversation, self.number)

        return Outcome(output=await ctx.step("work", work))


@node("think")
class ThinkNode(Node):
    """Follow from what is there: nothing is done to the world."""

    text: str
    """What it makes of it."""

    async def run(self, ctx: NodeContext) -> Outcome:
        return Outcome(output=self.text)


class _Messages:
    """The engine's messages, which are there once the engine is."""

    bench: EngineBench

    def writes(self, run: Run, ref: str, message: OutMessage, conversation: str) -> Sequence[Write]:
        return self.bench.engine.messages.writes(run, ref, message, conversation)

    def kick(self, run: Run, conversation: str) -> None:
        self.bench.engine.messages.kick(run, conversation)


def runner_of(plan: Plan, messages: Any, *nodes: type[Node]) -> WorkflowRunner:
    """A runner of one graph, without models and tools."""
    registry = builtin_registry().with_classes(WorkNode, ThinkNode, *nodes)

    async def plan_of(revision: str, workflow: str) -> Plan:
        return plan

    async def no_bot(revision: str, name: str) -> BotFacts:
        raise NotFound(f"no bot {name}")

    nothing = cast("Any", None)
    return WorkflowRunner(
        WorkflowServices(
            model=nothing,
            tools=nothing,
            agent=nothing,
            messages=messages,
            redactor=NoRedaction(),
            elicit=elicit,
            bot=no_bot,
            plan=plan_of,
            node_type=registry.cls,
        )
    )


def row_of(kind: str, count: int) -> Graph:
    """So many nodes of a kind, one after the other."""
    data = {"think": {"text": "{{ user.name }} said {{ message.text }}"}}
    nodes = [GraphNode(id=f"n{i}", type=kind, data=data.get(kind) or {"number": i}) for i in range(count)]
    edges = [GraphEdge(source=f"n{i}", target=f"n{i + 1}") for i in range(count - 1)]
    return Graph(name="flow", nodes=tuple(nodes), edges=tuple(edges), reply="done")


def bench_of(store: Store, graph: Graph, *nodes: type[Node], parallel: int = 500) -> EngineBench:
    """An engine whose bot answers by that graph; it is not started."""
    messages = _Messages()
    config = {
        "bots": {"desk": {"model": "stub/model", "workflow": "flow"}},
        "workflows": {"flow": {"nodes": [{"id": "n0", "type": "set_variable", "data": {"name": "x", "value": 1}}]}},
    }
    runner = runner_of(Plan(graph), messages, *nodes)
    messages.bench = EngineBench(store, parallel=parallel, workflows=runner, config=config)
    return messages.bench


@asynccontextmanager
async def _bench(folder: Path, graph: Graph) -> AsyncGenerator[Turn]:
    async with open_store(folder / "home") as store:
        bench = bench_of(store, graph)
        await bench.engine.start()
        yield bench.turn
        await bench.close()


@asynccontextmanager
async def workflow(folder: Path) -> AsyncGenerator[Turn]:
    """As many nodes as the peers have steps."""
    async with _bench(folder, row_of("work", STEPS)) as turn:
        yield turn


@asynccontextmanager
async def workflow_long(folder: Path) -> AsyncGenerator[Turn]:
    """Many nodes that do something."""
    async with _bench(folder, row_of("work", LONG)) as turn:
        yield turn


@asynccontextmanager
async def workflow_thinking(folder: Path) -> AsyncGenerator[Turn]:
    """As many nodes that only decide: what they cost has no commit in it."""
    async with _bench(folder, row_of("think", LONG)) as turn:
        yield turn
