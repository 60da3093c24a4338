"""Printing the settings of MCP clients."""

from __future__ import annotations

__all__ = ["CLIENT_CHOICE", "shown_blocks"]

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from botkit.app.clients import ClientBlock

CLIENT_CHOICE = click.Choice(("claude-desktop", "claude-code", "cursor", "vscode", "windsurf", "mcp_json", "all"))


def shown_blocks(blocks: Sequence[ClientBlock], client: str | None) -> list[str]:
    """The blocks as lines to print: those of one client, or of all."""
    lines: list[str] = []
    for block in blocks:
        if client in (None, "all", block.client):
            lines += ["", f"{block.title} – {block.where}:", block.text]
    return lines
