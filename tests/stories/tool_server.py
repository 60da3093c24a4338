"""Runs a template's sample server without the SDK it is written for: it starts at once, and may be started often.

    python -S tool_server.py FILE

Tools, results and files are the sample's own; what the SDK does around them is here, in a few lines. That the sample
runs with the SDK is proven where it is not started a hundred times.
"""

from __future__ import annotations

import inspect
import json
import runpy
import sys
import types
from collections.abc import Callable
from typing import Any

Tool = Callable[..., Any]
_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}


class ToolError(Exception):
    """What a tool says when it cannot."""


class Context:
    """What a tool learns of the request."""

    def __init__(self, meta: dict[str, Any]):
        self.request_context = types.SimpleNamespace(meta=meta)

    def __class_getitem__(cls, item: Any) -> type[Context]:
        return cls


class MCPServer:
    """Its tools, over standard input and output."""

    def __init__(self, name: str, **about: Any):
        self._name = name
        self._tools: dict[str, Tool] = {}

    def tool(self) -> Callable[[Tool], Tool]:
        def added(function: Tool) -> Tool:
            self._tools[function.__name__] = function
            return function

        return added

    def run(self) -> None:
        for raw in sys.stdin:
            message = json.loads(raw)
            if "id" not in message or "method" not in message:
                continue
            reply: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
            try:
                reply["result"] = self._answer(message["method"], message.get("params") or {})
            except NotImplementedError:
                reply["error"] = {"code": -32601, "message": "unknown method"}
            sys.stdout.write(json.dumps(reply) + "\n")
            sys.stdout.flush()

    def _answer(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        match method:
            case "initialize":
                info = {"name": self._name, "version": "1"}
                return {
                    "protocolVersion": params["protocolVersion"],
                    "capabilities": {"tools": {}},
                    "serverInfo": info,
                }
            case "tools/list":
                return {"tools": [_described(name, tool) for name, tool in self._tools.items()]}
            case "tools/call":
                return self._call(self._tools[params["name"]], params)
            case "ping":
                return {}
            case _:
                raise NotImplementedError(method)

    def _call(self, tool: Tool, params: dict[str, Any]) -> dict[str, Any]:
        given: dict[str, Any] = dict(params.get("arguments") or {})
        if "ctx" in inspect.signature(tool).parameters:
            given["ctx"] = Context(params.get("_meta") or {})
        try:
            result = tool(**given)
        except ToolError as error:
            return {"content": [{"type": "text", "text": str(error)}], "isError": True}
        return {"content": [{"type": "text", "text": json.dumps(result)}], "structuredContent": result}


def _described(name: str, tool: Tool) -> dict[str, Any]:
    parameters = [one for one in inspect.signature(tool).parameters.values() if one.name != "ctx"]
    properties = {one.name: {"type": _TYPES[str(one.annotation).split(" |")[0]]} for one in parameters}
    required = [one.name for one in parameters if one.default is inspect.Parameter.empty]
    schema = {"type": "object", "properties": properties, "required": required}
    return {"name": name, "description": tool.__doc__, "inputSchema": schema}


def main() -> None:
    """Run the file of the command line as if its SDK were this module."""
    pretended = types.ModuleType("mcp.server.mcpserver")
    pretended.MCPServer, pretended.Context = MCPServer, Context  # type: ignore[attr-defined]
    errors = types.ModuleType("mcp.server.mcpserver.exceptions")
    errors.ToolError = ToolError  # type: ignore[attr-defined]
    sys.modules |= {one.__name__: one for one in (pretended, errors)}
    sys.modules |= {name: types.ModuleType(name) for name in ("mcp", "mcp.server")}
    runpy.run_path(sys.argv[1], run_name="__main__")


if __name__ == "__main__":
    main()
