"""Names that several parts share and that cost nothing to import."""

from __future__ import annotations

__all__ = ["INSTANCE", "SANDBOX", "WEBHOOK_PATH", "WORKSPACE_PATHS", "Mode", "webhook_url"]

from typing import Literal
from urllib.parse import quote

Mode = Literal["dev", "run", "chat", "command"]
"""How a process was started. `dev`, `run`: everything. `chat`: what answers a message in the sandbox. `command`: the
stores, and nothing runs."""

SANDBOX = "sandbox"
"""The channel of the page and the terminal: it exists without being configured."""

INSTANCE = "instance"
"""The scope of secrets that belong to the whole instance."""

WORKSPACE_PATHS = ("/ws/", "/api/gateway/ws/", "/s/")
"""Where MCP clients reach workspaces."""
WEBHOOK_PATH = "/api/bots/webhook"


def webhook_url(public_url: str, platform: str, channel: str) -> str:
    """The address to give to a platform."""
    return f"{public_url}{WEBHOOK_PATH}/{quote(platform)}/{quote(channel)}"
