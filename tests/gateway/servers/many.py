"""A handshake-era server with everything beside tools: resources, prompts, completion, logs, sampling, roots.

python many.py [--name=NAME]
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

NAME = next((option[7:] for option in sys.argv[1:] if option.startswith("--name=")), "many")
OUT = sys.stdout
LOCK = threading.Lock()
ANSWERS: dict[Any, tuple[threading.Event, list[Any]]] = {}
LEVELS = ["debug", "info", "notice", "warning", "error"]
STATE: dict[str, Any] = {"level": "debug", "watched": set(), "prompts": 1, "hello": {}}
TOOLS = ["log", "sample", "roots", "url", "touch", "more_prompts", "hello", "crash"]
CAPABILITIES = {
    "tools": {},
    "resources": {"subscribe": True, "listChanged": True},
    "prompts": {"listChanged": True},
    "completions": {},
    "logging": {},
}


def send(message: dict[str, Any]) -> None:
    with LOCK:
        OUT.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        OUT.flush()


def ask(method: str, params: Any) -> Any:
    key = f"{NAME}-{len(ANSWERS)}"
    ANSWERS[key] = (threading.Event(), [])
    send({"id": key, "method": method, "params": params})
    ANSWERS[key][0].wait()
    return ANSWERS[key][1][0]


def call(request: dict[str, Any]) -> None:
    name, result = request["params"]["name"], "done"
    match name:
        case "log":
            for level in ("debug", "info", "error"):
                if LEVELS.index(level) >= LEVELS.index(STATE["level"]):
                    send({"method": "notifications/message", "params": {"level": level, "data": {"from": NAME}}})
        case "sample":
            result = ask("sampling/createMessage", {"messages": [], "maxTokens": 1})
        case "roots":
            result = ask("roots/list", {})
        case "url":
            params = {"mode": "url", "message": "Log in", "url": "https://example.com/in", "elicitationId": "e1"}
            result = ask("elicitation/create", params)
            send({"method": "notifications/elicitation/complete", "params": {"elicitationId": "e1"}})
        case "touch":
            for uri in STATE["watched"]:
                send({"method": "notifications/resources/updated", "params": {"uri": uri}})
        case "more_prompts":
            STATE["prompts"] += 1
            send({"method": "notifications/prompts/list_changed"})
        case "crash":
            os._exit(3)
        case "hello":
            result = STATE["hello"]
        case _:
            pass
    text = result if isinstance(result, str) else json.dumps(result)
    send({"id": request["id"], "result": {"content": [{"type": "text", "text": text}]}})


def answer(request: dict[str, Any]) -> dict[str, Any]:
    params = request.get("params", {})
    match request["method"]:
        case "initialize":
            STATE["hello"] = params["capabilities"]
            info = {"name": NAME, "version": "9", "title": "Many things", "x-kept": 1}
            return {
                "protocolVersion": "2025-11-25",
                "capabilities": CAPABILITIES,
                "serverInfo": info,
                "instructions": f"Ask {NAME}.",
            }
        case "tools/list":
            return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in TOOLS]}
        case "resources/list":
            icons = [{"src": "https://example.com/i.png", "sizes": ["48x48"]}]
            shared = {"uri": "file:///shared.txt", "name": "shared", "icons": icons}
            if "cursor" not in params:
                return {"resources": [shared, {"uri": f"{NAME}://own", "name": "own"}], "nextCursor": "2"}
            return {"resources": [{"uri": f"{NAME}://second-page", "name": "second"}, {"name": "no uri"}, 3]}
        case "resources/templates/list":
            return {"resourceTemplates": [{"uriTemplate": "note://{id}/of/" + NAME, "name": "note"}]}
        case "resources/read":
            uri = params["uri"]
            return {"contents": [{"uri": uri, "text": f"{NAME} reads {uri}", "x-kept": 1}], "_meta": {"m": 1}}
        case "resources/subscribe":
            STATE["watched"].add(params["uri"])
        case "resources/unsubscribe":
            STATE["watched"].discard(params["uri"])
        case "prompts/list":
            return {"prompts": [{"name": f"greet{n or ''}", "title": "Greet"} for n in range(STATE["prompts"])]}
        case "prompts/get":
            text = f"{NAME} greets {params['arguments']['who']}"
            return {"messages": [{"role": "user", "content": {"type": "text", "text": text}}]}
        case "completion/complete":
            return {"completion": {"values": [f"{NAME}:{params['ref']['name']}:{params['argument']['value']}"]}}
        case "logging/setLevel":
            STATE["level"] = params["level"]
        case _:
            pass
    return {}


for line in sys.stdin:
    message = json.loads(line)
    if "method" not in message:
        event, kept = ANSWERS[message["id"]]
        kept.append(message.get("result", message.get("error")))
        event.set()
    elif message["method"] == "server/discover":
        send({"id": message["id"], "error": {"code": -32601, "message": "Method not found"}})
    elif message["method"] == "tools/call":
        threading.Thread(target=call, args=(message,), daemon=True).start()
    elif "id" in message:
        send({"id": message["id"], "result": answer(message)})
