"""The tools botkit itself brings: what they are called and take. They go through the gateway like every other tool."""

from __future__ import annotations

__all__ = [
    "KNOWLEDGE",
    "MEMORY",
    "OWN_SERVERS",
    "OWN_TOOLS",
    "READ_RESULT",
    "RESULTS",
    "OwnAnswer",
    "OwnTool",
    "OwnTools",
]

from typing import Any, Literal, Protocol

from botkit.core.data import Data
from botkit.core.notes import NAME_LIMIT
from botkit.core.tools import ToolCall

MEMORY = "memory"
KNOWLEDGE = "knowledge"
RESULTS = "results"
OWN_SERVERS = (MEMORY, KNOWLEDGE, RESULTS)
"""What stands before `__`, where no server in bots.yaml has that name."""
READ_RESULT = f"{RESULTS}__read"
"""Reads on in a large result. In no list: a model is shown it where there is something to read."""


class OwnTool(Data):
    definition: dict[str, Any]
    """As an MCP server lists it."""
    tool_class: Literal["read-only", "write"] = "read-only"


class OwnAnswer(Data):
    content: dict[str, Any]
    """An MCP `CallToolResult`."""
    taint: tuple[str, ...] = ()
    """What it taints its reader with (`botkit.core.taint`)."""


class OwnTools(Protocol):
    async def call(self, call: ToolCall, name: str) -> OwnAnswer:
        """Do it on behalf of the call's principal.

        Args:
            name: without the part before `__`.

        Raises:
            BotkitError: what the model is told.
        """
        ...


def _tool(name: str, description: str, required: tuple[str, ...], /, **properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
    return {"name": name, "description": description, "inputSchema": schema}


_SCOPE: dict[str, Any] = {
    "type": "string",
    "enum": ["person", "chat"],
    "description": "`person`: about the person you talk with, private to them; `chat`: about this conversation. In "
    "groups only `chat`.",
}
_NAME = {"type": "string", "minLength": 1, "maxLength": NAME_LIMIT}

OWN_TOOLS: dict[str, tuple[OwnTool, ...]] = {
    MEMORY: (
        OwnTool(
            definition=_tool(
                "remember",
                "Keep a fact in mind beyond this conversation, such as a preference, under a short name. The same name "
                "again replaces it. Only what the person told you and wants kept; never passwords.",
                ("name", "value"),
                name={**_NAME, "description": "Short name, such as `favourite_drink`."},
                value={"type": "string", "minLength": 1, "maxLength": 4000, "description": "The fact, in a sentence."},
                scope=_SCOPE,
            ),
            tool_class="write",
        ),
        OwnTool(
            definition=_tool(
                "recall",
                "Look up what was kept in mind about the person or this conversation.",
                (),
                query={"type": "string", "maxLength": 1000, "description": "Some words; everything when absent."},
                scope=_SCOPE,
            )
        ),
        OwnTool(
            definition=_tool(
                "forget",
                "Forget a fact that was kept in mind, when the person asks for it.",
                ("name",),
                name={**_NAME, "description": "Its name."},
                scope=_SCOPE,
            ),
            tool_class="write",
        ),
    ),
    KNOWLEDGE: (
        OwnTool(
            definition=_tool(
                "search",
                "Search the knowledge base for passages that answer a question. Name their sources in your answer.",
                ("query",),
                query={"type": "string", "minLength": 1, "maxLength": 1000, "description": "The words to look for."},
                sources={
                    "type": "array",
                    "items": {"type": "string"},
                    "maxItems": 20,
                    "description": "Only in these sources; in all when absent.",
                },
                limit={"type": "integer", "minimum": 1, "maximum": 20, "description": "Most passages; 5 when absent."},
            )
        ),
    ),
    RESULTS: (
        OwnTool(
            definition=_tool(
                "read",
                "Read more of a large tool result that was kept. Give one of page, find and path.",
                ("ref",),
                ref={"type": "string", "minLength": 1, "maxLength": 400, "description": "As the result names it."},
                page={"type": "integer", "minimum": 1, "description": "This page of it, from 1."},
                find={"type": "string", "minLength": 1, "maxLength": 200, "description": "Lines that hold this text."},
                path={
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 300,
                    "description": "In JSON, what stands there: `orders[0].id`, `orders[0:20].total`, `rows[*].name`.",
                },
            )
        ),
    ),
}
"""By server."""
