"""What MCP clients want in their settings to reach a workspace, one block for each client.

Sources: the clients' own documentation; `mcp-remote` (the bridge for clients that only start programs) reads
`${AUTH_HEADER}` from its environment because some of them mangle spaces in arguments.
"""

from __future__ import annotations

__all__ = ["CLIENTS", "ClientBlock", "client_blocks"]

import json
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from botkit.core.data import Data

CLIENTS = ("claude-desktop", "claude-code", "cursor", "vscode", "windsurf", "mcp_json")


class ClientBlock(Data, omit_defaults=False):
    """How one client is told."""

    client: str
    title: str
    where: str
    """File, or what to do with the text."""
    text: str


def client_blocks(name: str, url: str, token: str) -> tuple[ClientBlock, ...]:
    """The blocks of all clients, in the order of `CLIENTS`.

    Args:
        name: of the server in the client, such as the workspace's slug.
        token: also a placeholder where none is to be shown.
    """
    bearer = f"Bearer {token}"
    headers = {"Authorization": bearer}
    remote = ["-y", "mcp-remote", url, "--header", "Authorization:${AUTH_HEADER}"]
    if _is_plain(url):
        remote.append("--allow-http")
    bridge = {"command": "npx", "args": remote, "env": {"AUTH_HEADER": bearer}}
    command = f'claude mcp add --transport http {name} {url} --header "Authorization: {bearer}"'
    http = {"type": "http", "url": url, "headers": headers}
    return (
        ClientBlock(
            client="claude-desktop",
            title="Claude Desktop",
            where="claude_desktop_config.json (needs Node.js)",
            text=_json({"mcpServers": {name: bridge}}),
        ),
        ClientBlock(client="claude-code", title="Claude Code", where="in a terminal", text=command),
        ClientBlock(
            client="cursor",
            title="Cursor",
            where="~/.cursor/mcp.json",
            text=_json({"mcpServers": {name: {"url": url, "headers": headers}}}),
        ),
        ClientBlock(client="vscode", title="VS Code", where=".vscode/mcp.json", text=_json({"servers": {name: http}})),
        ClientBlock(
            client="windsurf",
            title="Windsurf",
            where="~/.codeium/windsurf/mcp_config.json",
            text=_json({"mcpServers": {name: {"serverUrl": url, "headers": headers}}}),
        ),
        ClientBlock(
            client="mcp_json",
            title="Other clients",
            where="mcp.json, or wherever the client keeps its servers",
            text=_json({"mcpServers": {name: http}}),
        ),
    )


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2)


def _is_plain(url: str) -> bool:
    """Plain HTTP to another machine, which the bridge refuses unless told."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname == "localhost":
        return False
    try:
        return not ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return True
