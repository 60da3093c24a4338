# /// script
# requires-python = ">=3.11"
# dependencies = ["mcp>=2.3,<2.4"]
# ///
"""A small library to search in. Replace PASSAGES, or the function, with your own documents."""

from __future__ import annotations

from typing import Any

from mcp.server.mcpserver import MCPServer

server = MCPServer("library", instructions="Searches the documents of the library.", log_level="WARNING")

PASSAGES = (
    ("tea.md", "Green tea is brewed at 80 degrees for two minutes."),
    ("tea.md", "Black tea is brewed at 95 degrees for four minutes."),
    ("coffee.md", "Coffee is brewed at 94 degrees; grind it just before."),
    ("returns.md", "Goods can be sent back within 30 days; the refund takes five working days."),
)


@server.tool()
def search(query: str, limit: int = 3) -> dict[str, Any]:
    """Passages that share words with the query, the best first: `{source, text}`."""
    words = {word.strip("?.,!").lower() for word in query.split() if len(word) > 2}
    scored = [(sum(word in text.lower() for word in words), source, text) for source, text in PASSAGES]
    best = sorted((one for one in scored if one[0]), key=lambda one: -one[0])[:limit]
    return {"passages": [{"source": source, "text": text} for _, source, text in best]}


if __name__ == "__main__":
    server.run()
