"""Tool names that every model provider accepts: `server__tool`, at most 64 characters of `[A-Za-z0-9_-]`.

MCP allows 128 characters and dots; OpenAI allows 64 without dots; Gemini wants a letter or underscore first. A name
that had to be changed ends in a hash of the original, so it stays the same over restarts and two originals do not
fall together. The way back is a lookup: the catalogue keeps both names.

Source: https://platform.openai.com/docs/api-reference/chat/create (tools.function.name)
"""

from __future__ import annotations

__all__ = ["NAME_LIMIT", "SEPARATOR", "tool_name"]

import hashlib
import re

SEPARATOR = "__"
NAME_LIMIT = 64
_HASH_LENGTH = 6
_FORBIDDEN = re.compile(r"[^A-Za-z0-9_-]")


def tool_name(server: str, tool: str) -> str:
    """The name under which a workspace offers a server's tool."""
    plain = f"{server}{SEPARATOR}{tool}"
    name = _FORBIDDEN.sub("_", plain)
    if not re.match(r"[A-Za-z_]", name):
        name = f"_{name}"
    if name == plain and len(name) <= NAME_LIMIT:
        return name
    digest = hashlib.sha256(plain.encode()).hexdigest()[:_HASH_LENGTH]
    return f"{name[: NAME_LIMIT - _HASH_LENGTH - 1]}_{digest}"
