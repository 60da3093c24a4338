# /// script
# dependencies = ["mcp>=2.3,<2.4"]
# ///
"""A server built with the official SDK, which speaks both eras."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.resolve import Elicit, Resolve
from pydantic import BaseModel

server = MCPServer("sdk", version="1", log_level="WARNING")


class Size(BaseModel):
    size: str


class Colour(BaseModel):
    colour: str


def ask_size() -> Elicit[Size]:
    return Elicit("Which size?", Size)


def ask_colour() -> Elicit[Colour]:
    return Elicit("Which colour?", Colour)


@server.tool()
async def echo(text: str, ctx: Context[Any, Any]) -> dict[str, Any]:
    """Give the text and the metadata back."""
    meta: Any = ctx.request_context.meta or {}
    return {"text": text, "meta": {key: value for key, value in meta.items() if str(key).startswith("io.botkit/")}}


@server.tool()
async def count(ctx: Context[Any, Any]) -> str:
    """Report progress three times."""
    for step in range(3):
        await ctx.report_progress(step + 1, 3, f"step {step + 1}")
    return "counted"


@server.tool()
async def order(size: Annotated[Size, Resolve(ask_size)], colour: Annotated[Colour, Resolve(ask_colour)]) -> str:
    """Order a shirt, after asking for what is missing."""
    return f"{size.size} {colour.colour}"


@server.tool()
async def slow() -> str:
    """Take forever, and note when somebody stops us."""
    try:
        await asyncio.Event().wait()
    finally:
        Path(os.environ["EFFECTS"]).write_text("cancelled")
    return ""


@server.tool()
async def grow(ctx: Context[Any, Any]) -> str:
    """Add a tool and tell everybody."""

    def grown() -> str:
        """New."""
        return "new"

    server.add_tool(grown)
    await ctx.notify_tools_changed()
    if ctx.protocol_version != "2026-07-28":
        await ctx.session.send_tool_list_changed()
    return "grown"


if __name__ == "__main__":
    server.run("stdio")
