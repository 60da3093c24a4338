"""Call a function of the workspace."""

from __future__ import annotations

__all__ = ["FunctionCall"]

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from pydantic import AliasChoices, Field

from botkit.core.tools import FUNCTIONS
from botkit.sdk.nodes import FunctionName, Node, NodeContext, NodeFailed, Outcome, node


@node("function_call")
class FunctionCall(Node):
    """Call a function of `workspace/functions/`, which runs in a process of its own.

    Its result, typed as its annotations say, becomes the variable. A function that is declared `idempotent` or
    `read_only` is called again when its answer was lost; of any other, an operator decides whether it happened. A
    mistake takes the `error` edge: `{{ error.code }}` is `invalid_input`, `function_error`, `timeout`, `crashed`, or
    what the function itself said with `FunctionFailed`.
    """

    category = "tools"
    handles: ClassVar[Any] = {
        "default": "the function answered",
        "declined": "a person declined the call, or nobody approved it in time; without this edge the run fails",
    }
    output: ClassVar[Any] = Any

    function: FunctionName = Field(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$",
        validation_alias=AliasChoices("function", "functionName", "function_name", "name"),
    )
    """Its name."""
    input: dict[str, Any] = Field(default={}, validation_alias=AliasChoices("input", "arguments", "inputs"))
    """Values of its parameters, by name."""

    async def run(self, ctx: NodeContext) -> Outcome:
        answer = await ctx.call_tool("call", f"{FUNCTIONS}__{self.function.replace('-', '_')}", self.input)
        if answer.declined:
            return Outcome("declined", answer.text)
        data: Any = answer.data
        given = cast("Mapping[str, Any]", data if isinstance(data, Mapping) else {})
        if answer.is_error:
            raise _failed(self.function, answer.text, given.get("error"))
        return Outcome(output=given.get("result", data))


def _failed(name: str, text: str, told: Any) -> NodeFailed:
    if not isinstance(told, Mapping):
        return NodeFailed(f"{name}: {text}", code="function", retryable=True)
    error = cast("Mapping[str, Any]", told)
    line = f" (line {error['line']})" if error.get("line") else ""
    return NodeFailed(
        f"{name}: {error.get('message', text)}{line}",
        code=str(error.get("code") or "function"),
        retryable=bool(error.get("retryable")),
    )
