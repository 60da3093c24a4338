"""A small MCP server of the handshake era: `python plain_server.py TOOL …`.

Each tool answers with its name, its arguments and the SHA-256 of the secret in `$KEY`, so that a test can tell which
secret a call used without the secret ever coming back. Calls are lines in the file `$EFFECTS`.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any


def answer(method: str, params: dict[str, Any]) -> dict[str, Any]:
    if method == "initialize":
        info = {"name": "plain", "version": "1"}
        return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}
    if method == "tools/list":
        return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in sys.argv[1:]]}
    if method == "tools/call":
        with Path(os.environ["EFFECTS"]).open("a") as file:
            file.write(params["name"] + "\n")
        key = hashlib.sha256(os.environ.get("KEY", "").encode()).hexdigest()
        said = {"tool": params["name"], "arguments": params.get("arguments", {}), "key": key}
        return {"content": [{"type": "text", "text": json.dumps(said)}]}
    return {}


for line in sys.stdin:
    request = json.loads(line)
    if "id" in request:
        reply = {
            "jsonrpc": "2.0",
            "id": request["id"],
            "result": answer(request["method"], request.get("params") or {}),
        }
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()
