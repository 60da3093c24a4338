"""Recorded tools answer with the results of then and do nothing."""

from __future__ import annotations

from typing import Any

from botkit.app.replay import RecordedTools
from botkit.core.agent import ToolTrace
from botkit.core.tools import Principal, Result, Tool, ToolCall, result_text


class Tools:
    """The tools of now; calling one is an error."""

    async def list_tools(self, workspace: str, principal: Principal, *, room_tokens: int = 0) -> list[Tool]:
        return [Tool(name="till__refund", server="till", upstream_name="refund", definition={}, approve=True)]

    async def find_tool(self, workspace: str, principal: Principal, name: str) -> Tool | None:
        return (await self.list_tools(workspace, principal))[0]

    def call(self, call: ToolCall) -> Any:
        raise AssertionError("a replay called a tool")


def then(result: str, *, success: bool = True, **arguments: Any) -> ToolTrace:
    return ToolTrace(tool_name="till__refund", arguments=arguments, result=result, latency_ms=1, success=success)


async def asked(tools: RecordedTools, **arguments: Any) -> Result:
    call = ToolCall(id="c", workspace="w", tool="till__refund", arguments=arguments, principal=Principal(id="p"))
    (event,) = [event async for event in tools.call(call)]
    assert isinstance(event, Result)
    return event


async def test_the_same_call_gets_the_same_results_in_order() -> None:
    tools = RecordedTools(Tools(), [then("first", id=1), then("second", id=1), then("no", success=False, id=2)])
    assert [result_text((await asked(tools, id=1)).content) for _ in range(3)] == ["first", "second", "second"]
    failed = await asked(tools, id=2)
    assert (failed.is_error, result_text(failed.content)) == (True, "no")


async def test_another_call_is_told_that_it_was_not_recorded() -> None:
    tools = RecordedTools(Tools(), [then("first", id=1)])
    answer = await asked(tools, id=2)
    assert answer.is_error
    assert "not made in the recorded run" in result_text(answer.content)
    assert tools.misses == ["till__refund"]


async def test_nobody_is_asked_to_approve() -> None:
    tools = RecordedTools(Tools(), [])
    assert [tool.approve for tool in await tools.list_tools("w", Principal(id="p"))] == [False]
