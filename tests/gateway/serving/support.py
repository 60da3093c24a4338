"""A door on a real port, with the gateway of `tests.gateway.support` behind it, and clients to knock at it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal, cast

import httpx
import httpx2
import mcp
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from starlette.applications import Starlette

from botkit.app.http.server import HttpServer, bind
from botkit.gateway.keys import EnvironmentKeys
from botkit.gateway.serving import Door, DoorSettings
from botkit.testing.access import FakeAuthenticator
from tests.gateway.support import Bench

__all__ = ["MODERN", "TOKEN", "ClientKind", "House", "opened"]

TOKEN = "mwt_ada"
MODERN = "2026-07-28"
ClientKind = Literal["modern", "legacy", "sse"]
HOSTS = ("127.0.0.1", "localhost")


class House:
    """A workspace `main` behind a door; `TOKEN` is an administrator's."""

    def __init__(self, bench: Bench, *, page: int = 0):
        self.bench = bench
        self.tokens = FakeAuthenticator()
        self.tokens.admit(TOKEN, "main")
        settings = DoorSettings(is_our_host=lambda host: host.rpartition(":")[0] in HOSTS)
        self.door = Door(
            bench.gateway,
            self.tokens,
            keys=EnvironmentKeys("22" * 32),
            call_log=bench.log,
            clock=bench.clock,
            settings=settings,
        )
        self.origin = ""

    @property
    def url(self) -> str:
        return f"{self.origin}/ws/main"

    @asynccontextmanager
    async def opened(self, trusted_proxies: tuple[str, ...] = ()) -> AsyncGenerator[House]:
        app, listener = Starlette(routes=self.door.routes()), bind("127.0.0.1", 0, search=False)
        server = HttpServer(app, listener, trusted_proxies=trusted_proxies)
        self.origin = server.url
        async with server.serving():
            try:
                yield self
            finally:
                await self.door.stop()

    def http(self, token: str = TOKEN, **headers: str) -> httpx.AsyncClient:
        """A plain HTTP client that says who it is and what it takes."""
        given = {"accept": "application/json, text/event-stream", **headers}
        if token:
            given["authorization"] = f"Bearer {token}"
        return httpx.AsyncClient(headers=given, base_url=self.origin, timeout=60)

    @asynccontextmanager
    async def client(self, kind: ClientKind, token: str = TOKEN, **options: Any) -> AsyncGenerator[mcp.Client]:
        """The official SDK as a client of one era, or over HTTP+SSE."""
        headers = {"authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
            transport: Any = (
                sse_client(f"{self.url}/sse", headers=headers)
                if kind == "sse"
                else streamable_http_client(self.url, http_client=http)
            )
            mode: Any = MODERN if kind == "modern" else "legacy"
            async with mcp.Client(transport, mode=mode, **options) as client:
                yield client

    async def rpc(self, http: httpx.AsyncClient, method: str, params: Any = None, **headers: str) -> httpx.Response:
        """A request of the handshake era."""
        body: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": method}
        if params is not None:
            body["params"] = params
        return await http.post("/ws/main", json=body, headers=headers)

    async def modern(self, http: httpx.AsyncClient, method: str, params: Any = None, **headers: str) -> httpx.Response:
        """A request of the modern era, with all that belongs to it; `headers` replace the right ones."""
        body, sent = envelope(method, params)
        return await http.post("/ws/main", json=body, headers={**sent, **headers})


def envelope(
    method: str, params: Any = None, *, capabilities: dict[str, Any] | None = None, request_id: Any = 1
) -> tuple[dict[str, Any], dict[str, str]]:
    """Body and headers of a modern request."""
    params = cast("dict[str, Any]", params or {})
    meta: dict[str, Any] = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": capabilities or {},
        **params.get("_meta", {}),
    }
    given: dict[str, Any] = {**params, "_meta": meta}
    headers: dict[str, str] = {"mcp-protocol-version": MODERN, "mcp-method": method}
    name = given.get("name") or given.get("uri")
    if name:
        headers["mcp-name"] = name
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": given}, headers


async def events(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """The messages of an event stream as they come."""
    async for line in response.aiter_lines():
        if line.startswith("data: "):
            yield cast("dict[str, Any]", json.loads(line[6:]))


async def initialized(http: httpx.AsyncClient, version: str = "2025-11-25", **capabilities: Any) -> str:
    """Say hello in the handshake era. Returns the session's id, which the client sends from now on."""
    params = {"protocolVersion": version, "capabilities": capabilities, "clientInfo": {"name": "t", "version": "1"}}
    response = await http.post("/ws/main", json={"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
    assert response.status_code == 200, response.text
    http.headers["mcp-session-id"] = response.headers["mcp-session-id"]
    http.headers["mcp-protocol-version"] = response.json()["result"]["protocolVersion"]
    return response.headers["mcp-session-id"]


@asynccontextmanager
async def opened(bench: Bench) -> AsyncGenerator[House]:
    async with House(bench).opened() as house:
        yield house


class Heard:
    """Notifications that a client received, to wait for."""

    def __init__(self) -> None:
        self.methods: list[str] = []
        self._more = asyncio.Event()

    async def __call__(self, message: Any) -> None:
        method = getattr(message, "method", None) or getattr(getattr(message, "root", None), "method", "")
        self.methods.append(str(method))
        self._more.set()

    async def wait_for(self, method: str) -> None:
        async with asyncio.timeout(45):
            while method not in self.methods:
                self._more.clear()
                await self._more.wait()
