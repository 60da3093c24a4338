"""A tool server that costs next to nothing, so that a gateway's own cost shows: `python mcp_upstream.py PORT`.

It speaks the handshake era as plain JSON over bare ASGI. Below `/hang` it takes requests and never answers.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import uvicorn

ECHO = {
    "name": "echo",
    "description": "Give the text back.",
    "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
}


def answer(message: dict[str, Any]) -> dict[str, Any] | None:
    """The result of a request, or None for a method that is not known."""
    params: dict[str, Any] = message.get("params") or {}
    if message["method"] == "initialize":
        info = {"name": "upstream", "version": "1"}
        version = params.get("protocolVersion", "2025-06-18")
        return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
    if message["method"] == "tools/list":
        return {"tools": [ECHO]}
    if message["method"] == "tools/call":
        return {"content": [{"type": "text", "text": params["arguments"]["text"]}]}
    return {} if message["method"] == "ping" else None


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = b""
    while True:
        event = await receive()
        body += event.get("body", b"")
        if not event.get("more_body"):
            break
    if scope["path"].startswith("/hang"):
        await asyncio.Event().wait()
    message: dict[str, Any] = json.loads(body) if body else {}
    status, raw = 405, b""
    if scope["method"] == "POST" and "id" not in message:
        status = 202
    elif scope["method"] == "POST":
        result = answer(message)
        said = {"result": result} if result is not None else {"error": {"code": -32601, "message": "unknown"}}
        status, raw = 200, json.dumps({"jsonrpc": "2.0", "id": message["id"], **said}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(raw)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": raw})


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
