"""Remote servers for tests: the SDK's in a process of its own, and one written by hand that can misbehave."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.gateway.support import SERVERS

__all__ = [
    "Answering",
    "Handmade",
    "Response",
    "Seen",
    "error",
    "event",
    "handmade",
    "result",
    "sdk_server",
    "serving",
    "stream",
]


@asynccontextmanager
async def sdk_server(kind: str, effects: Path) -> AsyncGenerator[str]:
    """The SDK's server over `http`, `json`, `stateless` or `sse`; gives its address without the path."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SERVERS / "remote.py"),
        kind,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "EFFECTS": str(effects)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stdin.close()
        await process.wait()


@asynccontextmanager
async def serving(app: Any) -> AsyncGenerator[str]:
    """An ASGI app on a free port of this machine; gives its address."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(64)
    config = uvicorn.Config(app, log_level="error", ws="none", lifespan="off", timeout_graceful_shutdown=1)
    running = uvicorn.Server(config)
    running.install_signal_handlers = lambda: None  # pyright: ignore[reportAttributeAccessIssue]  # not ours to take
    task = asyncio.create_task(running.serve(sockets=[listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        running.should_exit = running.force_exit = True
        await task


@dataclass
class Seen:
    """One request as the server got it."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    message: dict[str, Any]

    @property
    def rpc(self) -> str:
        return str(self.message.get("method", ""))


Answering = Callable[[Seen], "Awaitable[Response | None] | Response | None"]


@dataclass
class Handmade:
    """A handshake-era server whose every answer a test can replace.

    `answers` maps a JSON-RPC method (or `GET`, `DELETE`) to a function of the request; one that returns None
    leaves the answer to the default.
    """

    modern: bool = False
    sessions: bool = True
    answers: dict[str, Answering] = field(default_factory=dict[str, Answering])
    seen: list[Seen] = field(default_factory=list[Seen])
    live: set[str] = field(default_factory=set[str])
    tools: list[dict[str, Any]] = field(
        default_factory=lambda: [
            {"name": "echo", "description": "Echo.", "inputSchema": {"type": "object"}},
            {"name": "headers", "description": "Give the headers back.", "inputSchema": {"type": "object"}},
        ]
    )
    url: str = ""

    def calls(self, rpc: str = "tools/call") -> list[Seen]:
        return [one for one in self.seen if one.rpc == rpc]

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self._serve, methods=["GET", "POST", "DELETE"])])

    async def _serve(self, request: Request) -> Response:
        body = await request.body()
        message: Any = msgspec.json.decode(body) if body else {}
        seen = Seen(request.method, request.url.path, request.url.query, dict(request.headers), message)
        self.seen.append(seen)
        special = self.answers.get(seen.rpc or request.method)
        if special is not None:
            answer = special(seen)
            if isinstance(answer, Awaitable):
                answer = await answer
            if answer is not None:
                return answer
        return self._default(seen)

    def _default(self, seen: Seen) -> Response:
        if seen.method == "GET":
            return Response(status_code=405)
        if seen.method == "DELETE":
            self.live.discard(seen.headers.get("mcp-session-id", ""))
            return Response(status_code=200)
        if "id" not in seen.message or "method" not in seen.message:
            return Response(status_code=202)
        if seen.rpc == "server/discover":
            return self._discover(seen)
        if seen.rpc == "initialize":
            headers: dict[str, str] = {}
            if self.sessions:
                session = f"session-{len(self.calls('initialize'))}"
                self.live.add(session)
                headers["Mcp-Session-Id"] = session
            hello = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {"listChanged": True}}}
            return result(seen, hello, headers)
        if self.sessions and not self.modern and seen.headers.get("mcp-session-id") not in self.live:
            return Response(status_code=404)
        if seen.rpc == "tools/list":
            return result(seen, {"tools": self.tools})
        if seen.rpc == "tools/call":
            shown = {**seen.headers, "?": seen.query, "secrets": seen.message.get("secrets")}
            return result(seen, {"content": [{"type": "text", "text": msgspec.json.encode(shown).decode()}]})
        return result(seen, {})

    def _discover(self, seen: Seen) -> Response:
        if not self.modern:
            return error(seen, -32601, "Method not found", 404)
        hello: dict[str, Any] = {
            "supportedVersions": ["2026-07-28"],
            "capabilities": {"tools": {}},
            "resultType": "complete",
        }
        return result(seen, hello)


def result(seen: Seen, value: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"jsonrpc": "2.0", "id": seen.message["id"], "result": value}, headers=headers)


def error(seen: Seen, code: int, message: str, status: int = 200) -> Response:
    body = {"jsonrpc": "2.0", "id": seen.message.get("id"), "error": {"code": code, "message": message}}
    return JSONResponse(body, status_code=status)


def event(data: Any, **fields: object) -> bytes:
    """One server-sent event."""
    lines = [f"{key}: {value}" for key, value in fields.items()]
    text = data if isinstance(data, str) else msgspec.json.encode(data).decode()
    return ("\n".join([*lines, f"data: {text}"]) + "\n\n").encode()


def stream(*events: bytes, then: asyncio.Event | None = None) -> Response:
    """A stream of events that ends, or stays open until `then` is set."""

    async def parts() -> AsyncIterator[bytes]:
        for one in events:
            yield one
        if then is not None:
            await then.wait()

    return StreamingResponse(parts(), media_type="text/event-stream")


@asynccontextmanager
async def handmade(**fields: Any) -> AsyncGenerator[Handmade]:
    server = Handmade(**fields)
    async with serving(server.app()) as base:
        server.url = f"{base}/mcp"
        yield server
