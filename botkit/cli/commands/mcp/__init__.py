"""Add MCP servers, see how they are, and try their tools."""
