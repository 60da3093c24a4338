"""A client that costs little, so that what is measured is the other side: HTTP/1.1 over bare streams.

Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
"""

from __future__ import annotations

__all__ = ["Line", "Target", "calls_per_second", "free_port"]

import asyncio
import json
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_MODERN = "2026-07-28"
_META = {
    "io.modelcontextprotocol/protocolVersion": _MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass(frozen=True)
class Target:
    """Where to call a tool."""

    name: str
    url: str
    tool: str
    token: str = ""
    modern: bool = True
    """False: as a client of the handshake era, after `initialize`."""


class Line:
    """One connection to one target."""

    def __init__(self, target: Target):
        self.target = target
        self.session = ""
        parts = urlsplit(target.url)
        self._host, self._port, self._path = parts.hostname or "", parts.port or 80, parts.path
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def hello(self) -> None:
        """Begin a session, where the target keeps them."""
        params = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "bench", "version": "1"},
        }
        await self.send({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
        await self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    async def call(self) -> None:
        """Call the tool. Raises `RuntimeError` for any answer but the right one."""
        params: dict[str, Any] = {"name": self.target.tool, "arguments": {"text": "hello"}}
        headers = ""
        if self.target.modern:
            params["_meta"] = _META
            headers = f"mcp-protocol-version: {_MODERN}\r\nmcp-method: tools/call\r\nmcp-name: {self.target.tool}\r\n"
        raw = await self.send({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}, headers)
        if b'"hello"' not in raw:
            raise RuntimeError(f"{self.target.name} answered {raw[:300]!r}")

    async def send(self, message: dict[str, Any], headers: str = "") -> bytes:
        """POST a message; the body of the answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        body = json.dumps(message).encode()
        if self.target.token:
            headers += f"authorization: Bearer {self.target.token}\r\n"
        if self.session:
            headers += f"mcp-session-id: {self.session}\r\nmcp-protocol-version: 2025-06-18\r\n"
        head = (
            f"POST {self._path} HTTP/1.1\r\nhost: {self._host}:{self._port}\r\ncontent-type: application/json\r\n"
            f"accept: application/json, text/event-stream\r\ncontent-length: {len(body)}\r\n{headers}\r\n"
        )
        writer.write(head.encode() + body)
        found: dict[str, str] = {}
        status = await reader.readline()
        while (line := await reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            found[name.lower()] = value.strip()
        if not status.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4")):
            await self.close()
            raise RuntimeError(f"{self.target.name} answered {status!r}")
        self.session = found.get("mcp-session-id", self.session)
        if found.get("transfer-encoding") == "chunked":
            return await _chunks(reader)
        return await reader.readexactly(int(found.get("content-length", "0")))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts: list[bytes] = []
    while size := int(await reader.readline() or b"0", 16):
        parts.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return b"".join(parts)


async def calls_per_second(target: Target, *, lines: int, seconds: float) -> float:
    """How many calls are answered by so many clients at once. A connection that breaks is opened again.

    Raises:
        RuntimeError: more calls failed than succeeded.
    """
    clients = [Line(target) for _ in range(lines)]
    done = failed = 0

    async def work(line: Line, end: float) -> None:
        nonlocal done, failed
        while time.monotonic() < end:
            try:
                await line.call()
                done += 1
            except (OSError, EOFError, RuntimeError):
                failed += 1
                await line.close()

    try:
        for line in clients:
            if not target.modern:
                await line.hello()
            await line.call()
        begun = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for line in clients:
                group.create_task(work(line, begun + seconds))
        if failed > done:
            raise RuntimeError(f"{target.name} refused {failed} of {failed + done} calls")
        return done / (time.monotonic() - begun)
    finally:
        for line in clients:
            await line.close()
