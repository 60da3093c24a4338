"""Call a tool of the workspace."""

from __future__ import annotations

__all__ = ["McpTool"]

from typing import Any, ClassVar, TypedDict

from pydantic import AliasChoices, Field

from botkit.sdk.nodes import Node, NodeContext, NodeFailed, Outcome, ToolName, node


class ToolOutput(TypedDict):
    """What the tool answered."""

    text: str
    """As a person would read it."""
    data: Any
    """The structured result, or the text read as JSON; empty when it is neither."""


@node("mcp_tool")
class McpTool(Node):
    """Call a tool of the workspace, through the gateway.

    The call has the rights of the person and the bot of this run, its secrets are put in where they are needed, and
    a tool that needs approval pauses the run until somebody decides. Any tool of the workspace can be called as soon
    as it is there.
    """

    category = "tools"
    handles: ClassVar[Any] = {
        "default": "the tool answered",
        "declined": "a person declined the call, or nobody approved it in time; without this edge the run fails",
    }
    output: ClassVar[Any] = ToolOutput

    tool: ToolName = Field(validation_alias=AliasChoices("tool", "toolName", "tool_name"), min_length=1)
    """`server__tool`."""
    arguments: dict[str, Any] = Field(default={}, validation_alias=AliasChoices("arguments", "args"))
    """What it is called with."""

    async def run(self, ctx: NodeContext) -> Outcome:
        answer = await ctx.call_tool("call", self.tool, self.arguments)
        output: ToolOutput = {"text": answer.text, "data": answer.data}
        if answer.declined:
            return Outcome("declined", output)
        if answer.is_error:
            raise NodeFailed(f"{self.tool}: {answer.text}", code="tool", retryable=True)
        return Outcome(output=output)
