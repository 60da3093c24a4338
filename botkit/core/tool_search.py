"""Search mode: two tools stand for all, so that a workspace with hundreds costs a model no more than one with two.

`search_tools` finds tools with what they take; `call_tool` calls one. A `call_tool` is only a wrapping: rights, class,
approval and log are those of the tool inside.
"""

from __future__ import annotations

__all__ = ["CALL_TOOL", "SEARCH_TOOLS", "ToolsMode", "unwrapped"]

from typing import Any, Literal, TypeAlias, cast

SEARCH_TOOLS = "search_tools"
CALL_TOOL = "call_tool"
"""No tool of a server can be called like this: theirs are `server__tool`."""

ToolsMode: TypeAlias = Literal["auto", "full", "compact", "search"]
"""How tools are shown: with everything, with short descriptions and shallow schemas, or by search; or as the first of
these for which there is room."""


def unwrapped(name: str, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Name and arguments of the call inside a `call_tool`; None for every other call, and for one that holds none."""
    if name != CALL_TOOL:
        return None
    inner: Any = arguments.get("arguments")
    inner = {} if inner is None else inner
    if not isinstance(arguments.get("name"), str) or not isinstance(inner, dict):
        return None
    return str(arguments["name"]), cast("dict[str, Any]", inner)
