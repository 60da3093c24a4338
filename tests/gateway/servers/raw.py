"""A handshake-era MCP server written by hand, so that it can do everything a server should not.

    python raw.py [--option …]

Options: `mirrored`, `exit-at-start`, `mute`, `hang-list`, `bad-tools`, `no-list`, `paged`, `noise`, `fail-once=FILE`.
Each tool of `TOOLS` does what its name says. Side effects are lines in the file `$EFFECTS`.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

OPTIONS: dict[str, str] = {}
for _option in sys.argv[1:]:
    _key, _, _value = _option.lstrip("-").partition("=")
    OPTIONS[_key] = _value
OUT = sys.stdout.buffer
MIRRORED: dict[str, Any] = {
    "region": {"type": "string", "x-mcp-header": "Region"},
    "count": {"type": "integer", "x-mcp-header": "Count"},
    "deep": {"type": "object", "properties": {"on": {"type": "boolean", "x-mcp-header": "On"}}},
}
LOCK = threading.Lock()
ANSWERS: dict[str, threading.Event] = {}
REPLIES: dict[str, Any] = {}
CANCELLED: dict[Any, threading.Event] = {}
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
TOOLS = [
    {"name": "echo", "description": "Give the text back.", "inputSchema": TEXT, "x-unknown": {"kept": True}},
    *(
        {"name": name, "description": f"Test tool {name}.", "inputSchema": {"type": "object"}}
        for name in (
            *("meta", "env", "slow", "late", "progress", "ask", "ask_twice", "crash", "effect_then_crash", "garbage"),
            *("bad_json", "not_an_object", "huge", "gigantic", "deep", "wrong_id", "string_id", "invalid_utf8"),
            *("control", "many", "blocks", "empty", "leak", "fail", "rpc_error", "grow", "sample", "effect", "flood"),
            *("stderr", "structured"),
        )
    ),
]


def send(message: dict[str, Any] | bytes) -> None:
    raw = message if isinstance(message, bytes) else json.dumps(message).encode()
    with LOCK:
        OUT.write(raw + b"\n")
        OUT.flush()


def complain(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def text(value: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": value if isinstance(value, str) else json.dumps(value)}]}


def effect(line: str) -> None:
    with Path(os.environ["EFFECTS"]).open("a") as file:
        file.write(line + "\n")


def ask(request_id: Any, number: int) -> Any:
    key = f"{request_id}-q{number}"
    ANSWERS[key] = threading.Event()
    schema = {"type": "object", "properties": {"size": {"type": "string"}}}
    params = {"message": f"Which size {number}?", "requestedSchema": schema}
    send({"jsonrpc": "2.0", "id": key, "method": "elicitation/create", "params": params})
    ANSWERS[key].wait()
    return REPLIES[key]


def call(request: dict[str, Any]) -> None:
    request_id, params = request["id"], request["params"]
    name, arguments = params["name"], params.get("arguments", {})
    token = params.get("_meta", {}).get("progressToken")
    result: Any = text("done")
    match name:
        case "echo":
            result = {**text(arguments["text"]), "x-unknown": {"kept": [1, None]}}
        case "meta":
            result = text({key: value for key, value in params.get("_meta", {}).items() if key != "progressToken"})
        case "env":
            result = text(dict(os.environ))
        case "slow":
            CANCELLED[request_id].wait()
            effect("cancelled")
            return
        case "late":
            CANCELLED[request_id].wait()
        case "progress" | "flood":
            for step in range(3 if name == "progress" else 20_000):
                progress = {"progressToken": token, "progress": step + 1, "total": 3, "message": f"step {step + 1}"}
                send({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress})
        case "ask":
            result = text(ask(request_id, 1))
        case "ask_twice":
            result = text([ask(request_id, 1), ask(request_id, 2)])
        case "crash":
            os._exit(3)
        case "effect_then_crash":
            effect("happened")
            complain("about to fall")
            os._exit(4)
        case "effect":
            effect(json.dumps(params.get("_meta", {}).get("io.botkit/idempotency-key")))
        case "garbage":
            for line in (
                b"not json",
                b"",
                b"[]",
                b"3",
                b'{"jsonrpc": "2.0"}',
                b'{"id": 999, "result": {}}',
                b"\xff\xfe",
            ):
                send(line)
        case "bad_json":
            send(b'{"jsonrpc": "2.0", "id": %d, "result": {"content": [' % request_id)
            return
        case "not_an_object":
            result = ["surprise"]
        case "huge":
            result = text("x" * 10_000_000)
        case "gigantic":
            result = text("x" * 20_000_000)
        case "deep":
            depth = arguments.get("depth", 100_000)
            nested = b"[" * depth + b"1" + b"]" * depth
            head = b'{"jsonrpc": "2.0", "id": %d, "result": {"content": [], "structuredContent": ' % request_id
            send(head + nested + b"}}")
            return
        case "wrong_id":
            send({"jsonrpc": "2.0", "id": request_id + 1000, "result": result})
            return
        case "string_id":
            request_id = str(request_id)
        case "invalid_utf8":
            send(
                b'{"jsonrpc": "2.0", "id": %d, "result": {"content": [{"type": "text", "text": "a\xff\xfeb"}]}}'
                % request_id
            )
            return
        case "control":
            result = text("\x1b[31mred\x1b[0m\x00\x08 ok\ttab\nline \u202eevil\u202c \U000e0041hidden")
        case "many":
            result = {"content": [{"type": "text", "text": str(n)} for n in range(5000)]}
        case "blocks":
            image = {"type": "image", "data": base64.b64encode(b"x" * 90).decode(), "mimeType": "image/png"}
            result = {"content": [image, {"type": "future", "x": 1}, {"text": "no type"}, "plain", None]}
        case "empty":
            result = {}
        case "leak":
            value = os.environ.get("TOKEN", "") or params["_meta"]["io.botkit/secrets"]["TOKEN"]
            encoded = base64.b64encode(f"user:{value}".encode()).decode()
            result = {**text(f"{value} {encoded}"), "structuredContent": {value: [value]}, "isError": True}
            progress = {"progressToken": token, "progress": 1, "message": f"using {value}"}
            send({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress})
            complain(f"debug {value}")
        case "mirror":
            result = text(arguments)
        case "fail":
            result = {**text("The printer is on fire."), "isError": True}
        case "rpc_error":
            send({"jsonrpc": "2.0", "id": request_id, "error": {"code": -32603, "message": "Broken inside", "data": 1}})
            return
        case "structured":
            result = {"structuredContent": {"answer": 42}}
        case "grow":
            TOOLS.append({"name": "grown", "description": "New.", "inputSchema": {"type": "object"}})
            send({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
        case "sample":
            ANSWERS["s1"] = threading.Event()
            send({"jsonrpc": "2.0", "id": "s1", "method": "sampling/createMessage", "params": {}})
            ANSWERS["s1"].wait()
            result = text(REPLIES["s1"])
        case "stderr":
            for number in range(1000):
                complain(f"line {number}")
        case _:
            send({"jsonrpc": "2.0", "id": request_id, "error": {"code": -32602, "message": f"Unknown tool {name}"}})
            return
    send({"jsonrpc": "2.0", "id": request_id, "result": result})


def list_tools(request: dict[str, Any]) -> None:
    if "hang-list" in OPTIONS:
        return
    tools: list[Any] = TOOLS
    result: dict[str, Any] = {"tools": tools}
    if "mirrored" in OPTIONS:
        mirror = {"name": "mirror", "inputSchema": {"type": "object", "properties": MIRRORED}}
        result = {"tools": [mirror]}
    if "bad-tools" in OPTIONS:
        endless: dict[str, Any] = {"type": "object", "properties": {"x": {"$ref": "http://169.254.169.254/schema"}}}
        bad: list[Any] = [None, {}, {"name": ""}, {"name": "a b"}, {"name": "x" * 200}, TOOLS[0]]
        bad += [{"name": "ref", "inputSchema": endless}, {"name": "array", "inputSchema": {"type": "array"}}]
        bad += [
            {"name": "text", "inputSchema": "no"},
            {"name": "wrong", "inputSchema": {"type": "object", "required": 1}},
        ]
        bad += [{"name": "big", "description": "x" * 100_000}, {"name": "ok.dotted", "description": "a\u202eb"}]
        result = {"tools": [*tools[:1], *bad, {"name": "bare"}]}
    elif "no-list" in OPTIONS:
        result = {"tools": "none"}
    elif "paged" in OPTIONS:
        page = int(request.get("params", {}).get("cursor", "0"))
        result = (
            {"tools": tools[page : page + 5], "nextCursor": str(page + 5)}
            if page + 5 < len(tools)
            else {"tools": tools[page:]}
        )
    send({"jsonrpc": "2.0", "id": request["id"], "result": result})


def main() -> None:
    if "exit-at-start" in OPTIONS:
        complain("cannot find my configuration")
        sys.exit(9)
    if "fail-once" in OPTIONS and not Path(OPTIONS["fail-once"]).exists():
        Path(OPTIONS["fail-once"]).touch()
        sys.exit(5)
    if "mute" in OPTIONS:
        time.sleep(600)
    if "noise" in OPTIONS:
        send(b"Welcome to my server!\n\x1b[1mstarting\x1b[0m")
    for line in sys.stdin:
        message = json.loads(line)
        method, request_id = message.get("method"), message.get("id")
        if method == "initialize":
            result: dict[str, Any] = {
                "protocolVersion": OPTIONS.get("version", "2025-06-18"),
                "capabilities": {"tools": {"listChanged": True}},
                "serverInfo": {"name": "raw", "version": "1"},
            }
            send({"jsonrpc": "2.0", "id": request_id, "result": result})
        elif method == "tools/list":
            list_tools(message)
        elif method == "tools/call":
            CANCELLED[request_id] = threading.Event()
            threading.Thread(target=call, args=(message,), daemon=True).start()
        elif method == "notifications/cancelled":
            CANCELLED.get(message["params"]["requestId"], threading.Event()).set()
        elif method is None and request_id in ANSWERS:
            REPLIES[request_id] = message.get("result", message.get("error"))
            ANSWERS[request_id].set()
        elif request_id is not None:
            send({"jsonrpc": "2.0", "id": request_id, "error": {"code": -32601, "message": "Method not found"}})


if __name__ == "__main__":
    main()
