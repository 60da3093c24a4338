"""Tokens of MCP clients: make, list and revoke."""
