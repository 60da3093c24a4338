"""A workflow calls a function as a tool, reads its typed result, and knows what went wrong."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.sdk.nodes import NodeFailed, Outcome, ToolAnswer
from botkit.testing.nodes import NodeBench
from botkit.workflows.nodes.function_call import FunctionCall


def bench(answer: Any, **data: Any) -> NodeBench:
    fields = {"function": "price-of", "input": {"sku": "{{ order.sku }}", "quantity": "{{ order.n }}"}, **data}
    variables = {"order": {"sku": "A", "n": 2}}
    return NodeBench(FunctionCall, fields, variables=variables, tools={"functions__price_of": answer})


def failed(code: str, **facts: Any) -> ToolAnswer:
    error = {"code": code, "message": "no", **facts}
    return ToolAnswer(f"{code}: no", data={"error": error}, is_error=True)


@pytest.mark.parametrize("value", [None, 7, "text", [1, {"a": 2}], {"result": 1}])
async def test_the_result_is_the_variable(value: Any):
    one = bench({"result": value})
    assert await one.run() == Outcome(output=value)
    assert one.ctx.called == [("functions__price_of", {"sku": "A", "quantity": 2})]
    assert await one.again() == Outcome(output=value)
    assert len(one.ctx.called) == 1


async def test_mistakes_keep_their_code_and_say_whether_to_try_again():
    for code, retryable in (("gone", True), ("function_error", False)):
        with pytest.raises(NodeFailed) as caught:
            await bench(failed(code, retryable=retryable, line=4)).run()
        assert (caught.value.code, caught.value.retryable) == (code, retryable)
        assert "(line 4)" in str(caught.value)
    with pytest.raises(NodeFailed) as caught:
        await bench(ToolAnswer("the server does not answer", is_error=True)).run()
    assert caught.value.code == "function"


async def test_a_declined_call_has_an_edge():
    outcome = await bench(ToolAnswer("nobody wanted it", declined=True)).run()
    assert isinstance(outcome, Outcome)
    assert outcome.handle == "declined"
