"""How a workspace shows its tools to one caller: all of them, in short, or by search."""

from __future__ import annotations

__all__ = ["SYNTHETIC", "may_search", "mode_of", "search", "shown"]

from collections.abc import Sequence
from typing import Any

import msgspec

from botkit.core.errors import InvalidArguments
from botkit.core.identity_cache import IdentityCache
from botkit.core.schemas import without_noise
from botkit.core.tokens import estimate_json_tokens
from botkit.core.tool_search import CALL_TOOL, SEARCH_TOOLS, ToolsMode
from botkit.core.tools import Principal, Tool, ToolClass
from botkit.gateway.search.compact import compact_tool
from botkit.gateway.search.ranking import ToolIndex
from botkit.gateway.settings import GatewaySettings

_FOUND = 5
_FOUND_LIMIT = 20

_compact = IdentityCache(compact_tool, size=4096)


def _definition_tokens(tool: Tool) -> int:
    return estimate_json_tokens([tool.name, tool.description, tool.input_schema])


_tokens = IdentityCache(_definition_tokens, size=8192)


def _synthetic(name: str, description: str, tool_class: ToolClass, required: str, properties: dict[str, Any]) -> Tool:
    schema = {"type": "object", "properties": properties, "required": [required], "additionalProperties": False}
    definition = {"name": name, "description": description, "inputSchema": schema}
    return Tool(name=name, server="", upstream_name=name, definition=definition, tool_class=tool_class)


_ABOUT_SEARCH = (
    "Find tools by what they do. Answers with their names, descriptions and the arguments they take. "
    f"Search before you say that something cannot be done; then use {CALL_TOOL}."
)
_ABOUT_CALL = f"Call a tool that {SEARCH_TOOLS} found, with arguments that fit its inputSchema."
_QUERY = {"type": "string", "description": "A few words: what is to be done, and with what.", "maxLength": 500}
_LIMIT = {
    "type": "integer",
    "minimum": 1,
    "maximum": _FOUND_LIMIT,
    "description": f"Most tools to show; {_FOUND} when absent.",
}
_NAME = {"type": "string", "description": "The tool's name, such as server__tool."}
_ARGUMENTS = {"type": "object", "description": "What the tool takes.", "additionalProperties": True}
SYNTHETIC: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        _synthetic(SEARCH_TOOLS, _ABOUT_SEARCH, "read-only", "query", {"query": _QUERY, "limit": _LIMIT}),
        _synthetic(CALL_TOOL, _ABOUT_CALL, "unreviewed", "name", {"name": _NAME, "arguments": _ARGUMENTS}),
    )
}
"""The tools of search mode, by name."""


def mode_of(settings: GatewaySettings, workspace: str, principal: Principal) -> ToolsMode:
    """The bot's own choice, else the workspace's."""
    bot = settings.bots.get(principal.bot)
    if bot is not None and bot.tools_mode:
        return bot.tools_mode
    known = settings.workspaces.get(workspace)
    return known.tools_mode if known is not None else "full"


def may_search(settings: GatewaySettings, workspace: str, principal: Principal) -> bool:
    """Whether this principal may be shown the two tools that find the others."""
    mode = mode_of(settings, workspace, principal)
    return mode == "search" or (mode == "auto" and principal.kind != "member")


def shown(mode: ToolsMode, tools: Sequence[Tool], *, room_tokens: int = 0) -> Sequence[Tool]:
    """What a caller with these tools gets to see.

    Args:
        room_tokens: with `auto`, what their definitions may take; 0: as much as they want.
    """
    if mode == "auto":
        mode = _fitting(tools, room_tokens) if room_tokens else "full"
    if mode == "search":
        return list(SYNTHETIC.values()) if tools else []
    if mode == "compact":
        return [_compact(tool) for tool in tools]
    return tools


def _fitting(tools: Sequence[Tool], room_tokens: int) -> ToolsMode:
    if sum(map(_tokens, tools)) <= room_tokens:
        return "full"
    return "compact" if sum(_tokens(_compact(tool)) for tool in tools) <= room_tokens else "search"


class _Ranked:
    """The ranking of the tools one caller may use, kept while they are the same objects."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], tuple[tuple[Tool, ...], ToolIndex]] = {}

    def of(self, tools: Sequence[Tool]) -> ToolIndex:
        key = tuple(map(id, tools))
        found = self._known.get(key)
        if found is None:
            while len(self._known) >= _KEPT:
                self._known.pop(next(iter(self._known)))
            found = self._known[key] = (tuple(tools), ToolIndex(tools))  # the tools are kept, so their ids stay theirs
        return found[1]


_KEPT = 64
_ranked = _Ranked()


def search(tools: Sequence[Tool], name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer a `search_tools`: an MCP result with what was found, as text and structured.

    Raises:
        InvalidArguments: there is no query, or it is a `call_tool` without a call in it.
    """
    if name == CALL_TOOL:
        raise InvalidArguments(f"{CALL_TOOL} needs `name`, a tool's name, and `arguments`, an object.", ())
    query, limit = arguments.get("query"), arguments.get("limit")
    if not isinstance(query, str) or not query.strip():
        raise InvalidArguments(f"{SEARCH_TOOLS} needs `query`, a few words of what is to be done.", ())
    count = min(max(limit, 1), _FOUND_LIMIT) if isinstance(limit, int) and not isinstance(limit, bool) else _FOUND
    found = [_described(tool) for tool in _ranked.of(tools).rank(query[:500])[:count]]
    body = {"tools": found, "total": len(tools)}
    text = msgspec.json.encode(body).decode() if found else _nothing(tools)
    return {"content": [{"type": "text", "text": text}], "structuredContent": body}


def _nothing(tools: Sequence[Tool]) -> str:
    servers = ", ".join(sorted({tool.server for tool in tools})[:50])
    return f"No tool fits these words. Try others; there are {len(tools)} tools of these servers: {servers}."


def _described(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description[:500], "inputSchema": without_noise(tool.input_schema)}
