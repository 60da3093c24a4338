"""A tool server whose effects are counted from outside: each call of `record` is one line in `$LEDGER`.

Written by hand in a few lines, so that it starts at once and shares no code with what it proves.
"""

from __future__ import annotations

import json
import os
import sys

TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
TOOLS = [
    {"name": "look", "description": "Read something.", "inputSchema": TEXT},
    {"name": "record", "description": "Write something down.", "inputSchema": TEXT},
]


def answer(method: str, params: dict[str, object]) -> dict[str, object]:
    if method == "initialize":
        info = {"name": "ledger", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": info}
    if method == "tools/list":
        return {"tools": TOOLS}
    if method == "tools/call":
        arguments = params["arguments"]
        assert isinstance(arguments, dict)
        if params["name"] == "record":
            line = json.dumps({"text": arguments["text"], "meta": params.get("_meta")}) + "\n"
            handle = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(handle, line.encode())
            os.fsync(handle)
            os.close(handle)
        return {"content": [{"type": "text", "text": f"{params['name']}: {arguments['text']}"}]}
    return {}


for raw in sys.stdin:
    message = json.loads(raw)
    if "id" not in message or "method" not in message:
        continue
    known = message["method"] in ("initialize", "tools/list", "tools/call", "ping")
    reply: dict[str, object] = {"jsonrpc": "2.0", "id": message["id"]}
    if known:
        reply["result"] = answer(message["method"], message.get("params") or {})
    else:
        reply["error"] = {"code": -32601, "message": "unknown method"}
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()
