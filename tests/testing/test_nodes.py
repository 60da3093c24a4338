"""The bench for nodes keeps what it promises to authors of nodes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from botkit.core.errors import ModelUnavailable
from botkit.sdk.nodes import Node, NodeContext, NodeFailed, Outcome, Raw, Signal, StepHandle, ToolAnswer, Wait, node
from botkit.testing.nodes import NodeBench
from botkit.workflows.expressions import ExpressionError

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "workflows.md"


@node("busy")
class Busy(Node):
    """Does one of everything."""

    handles = {"default": "done", "late": "too late"}

    text: str = ""
    code: Raw[str] = ""
    steps: list[str] = ["a"]
    handle: str = "default"

    async def run(self, ctx: NodeContext) -> Outcome | Wait:
        async def work(handle: StepHandle) -> str:
            return handle.idempotency_key

        keys = [await ctx.step(name, work, kind=str, once=True) for name in self.steps]
        answer = await ctx.ask_model("ask", self.text, schema={"type": "object"})
        tool = await ctx.call_tool("look", "orders__find", {"id": 1})
        ctx.note("noted")
        return Wait.timer(60, keys=keys, data=answer.data, tool=tool.data, code=self.code)

    async def resume(self, ctx: NodeContext, signal: Signal) -> Outcome:
        return Outcome(self.handle, {**signal.state, "at": ctx.now().isoformat(), "n": signal.number})


def bench(answers: tuple[Any, ...] = ({"ok": 1},), **data: Any) -> NodeBench:
    fields = {"text": "Hello {{ name }}", "code": "{{ name }}", **data}
    return NodeBench(Busy, fields, variables={"name": "Ada"}, answers=answers, tools={"orders__find": {"total": 5}})


async def test_everything_a_node_does_is_kept_and_not_repeated_after_a_crash() -> None:
    node_ = bench()
    first = await node_.run()
    second = await node_.again()

    assert first == second
    assert node_.ctx.effects == ["node/a", "node/ask", "node/look"]
    assert node_.ctx.once == {"node/a"}
    assert [asked["prompt"] for asked in node_.ctx.asked] == ["Hello Ada"]
    assert node_.ctx.called == [("orders__find", {"id": 1})]
    assert len(node_.waits) == 1


async def test_time_passes_and_the_node_goes_on_with_what_it_remembered() -> None:
    node_ = bench()
    await node_.run()
    outcome = await node_.expire()

    assert isinstance(outcome, Outcome)
    assert outcome.output == {
        "keys": ["run_1/node/a"],
        "data": {"ok": 1},
        "tool": {"total": 5},
        "code": "{{ name }}",
        "at": "2026-11-20T09:01:00+00:00",
        "n": 0,
    }


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"text": "{{ nmae }}"}, ExpressionError),
        ({"steps": 5}, NodeFailed),
        ({"unknown": 1}, NodeFailed),
        ({"steps": ["a", "a"]}, AssertionError),
        ({"answers": (ModelUnavailable("down"),)}, ModelUnavailable),
        ({"answers": ()}, AssertionError),
    ],
)
async def test_a_mistake_of_the_node_or_the_test_is_found(data: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        await bench(**data).run()


async def test_an_edge_that_the_node_does_not_have_is_found() -> None:
    node_ = bench(handle="nowhere")
    await node_.run()
    with pytest.raises(AssertionError, match="nowhere"):
        await node_.expire()


async def test_tools_answer_by_function_by_value_or_with_an_error() -> None:
    ctx = bench().ctx
    ctx_tools: dict[str, Any] = {
        "a": lambda arguments: {"sum": arguments["x"] + 1},  # pyright: ignore[reportUnknownLambdaType]
        "b": "text",
        "c": ToolAnswer("declined", declined=True),
        "d": NodeFailed("broken"),
    }
    node_ = NodeBench(Busy, tools=ctx_tools)
    ctx = node_.ctx

    assert (await ctx.call_tool("1", "a", {"x": 1})).data == {"sum": 2}
    assert (await ctx.call_tool("2", "b", {})).text == "text"
    assert (await ctx.call_tool("3", "c", {})).declined
    with pytest.raises(NodeFailed):
        await ctx.call_tool("4", "d", {})
    with pytest.raises(NodeFailed):
        await ctx.call_tool("5", "unknown", {})


async def test_the_example_of_the_guide_runs() -> None:
    (body,) = [each for each in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL) if "NodeBench" in each]
    names: dict[str, Any] = {"__name__": "guide"}
    exec(compile(body, str(GUIDE), "exec"), names)

    await names["test_a_number_is_asked_for"]()
