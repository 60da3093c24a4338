# /// script
# requires-python = ">=3.11"
# dependencies = ["mcp>=2.3,<2.4"]
# ///
"""What was said to customers lately, as sample data. Replace it with a search in your own chats."""

from __future__ import annotations

from typing import Any

from mcp.server.mcpserver import MCPServer

server = MCPServer("chats", instructions="Shows what was said to customers lately.", log_level="WARNING")

SAID: dict[str, list[str]] = {
    "ada@example.com": ["Ada: the page stays white when I pay.", "Desk: which browser is it?", "Ada: with extensions."],
}


@server.tool()
def recent(customer: str, limit: int = 10) -> dict[str, Any]:
    """The last lines of the conversations with a customer, by mail address; empty when there are none."""
    return {"lines": SAID.get(customer.strip().lower(), [])[-limit:]}


if __name__ == "__main__":
    server.run()
