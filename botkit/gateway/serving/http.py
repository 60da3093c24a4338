"""One HTTP request and its answer, on bare ASGI: nothing is wrapped that is not used.

An answer begins as nothing. If the result comes first it is a JSON body; if something has to be said before (progress,
a log line, a question), or it takes long, the answer becomes an event stream that ends with the result.
"""

from __future__ import annotations

__all__ = ["Disconnected", "Http", "Reply"]

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from starlette.types import Receive, Scope, Send

from botkit.gateway.serving.rpc import INVALID_REQUEST, Refusal, encode_lossy, error_message

JSON = b"application/json"
STREAM = b"text/event-stream"
PING_S = 15.0
"""Silence after which a proxy might think that nobody is there."""
_PING = b": ping\r\n\r\n"

Headers = Mapping[str, str]


class Disconnected(Exception):
    """The client went away before its request was complete."""


class Http:
    """A request with its headers by lower-case name."""

    __slots__ = ("_receive", "_send", "doubled", "headers", "method", "path", "query", "scope", "started")

    def __init__(self, scope: Scope, receive: Receive, send: Send):
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.started = False
        self.headers: dict[str, str] = {}
        self.doubled: set[str] = set()
        """Headers that came more than once; the first counts."""
        for raw, value in cast("list[tuple[bytes, bytes]]", scope["headers"]):
            name = raw.decode("latin-1")
            if name in self.headers:
                self.doubled.add(name)
            else:
                self.headers[name] = value.decode("latin-1")
        self._receive = receive
        self._send = send

    def accepts(self, kind: bytes) -> bool:
        """Whether the `Accept` header admits `application/json` or `text/event-stream`; a missing one admits all."""
        accept = self.headers.get("accept")
        if accept is None:
            return True
        wanted = kind.decode()
        family = wanted.partition("/")[0] + "/*"
        return any(part.partition(";")[0].strip().lower() in (wanted, family, "*/*") for part in accept.split(","))

    async def body(self, limit_bytes: int) -> bytes:
        """The whole body.

        Raises:
            Refusal: it is larger than the limit, or packed.
            Disconnected: it never ended.
        """
        if self.headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
            raise Refusal(INVALID_REQUEST, "Packed bodies are not accepted.", status=415)
        too_large = Refusal(INVALID_REQUEST, f"The body is larger than {limit_bytes} bytes.", status=413)
        declared = self.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > limit_bytes:
            raise too_large
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > limit_bytes:
                raise too_large
            parts.append(part)
            if not message.get("more_body"):
                return parts[0] if len(parts) == 1 else b"".join(parts)

    async def gone(self) -> None:
        """Wait until the client has gone. Only after the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def answer(self, status: int, body: bytes = b"", kind: bytes = JSON, headers: Headers | None = None) -> None:
        """The whole answer at once."""
        self.started = True
        lines = [(b"content-length", str(len(body)).encode()), *_lines(headers)]
        if body:
            lines.append((b"content-type", kind))
        await self._send({"type": "http.response.start", "status": status, "headers": lines})
        await self._send({"type": "http.response.body", "body": body})

    async def refuse(self, refusal: Refusal, *, status: int, headers: Headers | None = None) -> None:
        """An error that answers no request in particular."""
        await self.answer(status, encode_lossy(error_message(None, refusal)), headers=headers)

    async def open_stream(self, headers: Headers | None = None) -> None:
        self.started = True
        lines = [
            (b"content-type", STREAM),
            (b"cache-control", b"no-cache, no-transform"),
            (b"x-accel-buffering", b"no"),
            *_lines(headers),
        ]
        await self._send({"type": "http.response.start", "status": 200, "headers": lines})

    async def write(self, part: bytes) -> None:
        await self._send({"type": "http.response.body", "body": part, "more_body": True})

    async def end_stream(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})

    async def ping(self) -> None:
        await self.write(_PING)


def event(message: Any) -> bytes:
    """A message as one event of a stream."""
    return b"event: message\r\ndata: " + encode_lossy(message) + b"\r\n\r\n"


class Reply:
    """The answer to one POST, see above.

    Args:
        headers: of the answer, whichever it becomes.
        streams: whether the client takes an event stream; else what would be said before the result is dropped.
    """

    __slots__ = ("_headers", "_http", "_lock", "_open", "_pinger", "streams")

    def __init__(self, http: Http, *, headers: Headers | None = None, streams: bool = True):
        self._http = http
        self._headers = headers
        self._open = False
        self._lock: asyncio.Lock | None = None
        self._pinger: asyncio.Task[None] | None = None
        self.streams = streams

    async def say(self, message: Any) -> None:
        """Send a notification or a question ahead of the result."""
        if self.streams:
            await self._write(event(message))

    async def finish(self, message: Any, *, status: int = 200, headers: Headers | None = None) -> None:
        """Send the result, and end."""
        if self._open:
            await self._write(event(message))
            await self.close()
        else:
            await self._http.answer(status, encode_lossy(message), headers={**(self._headers or {}), **(headers or {})})

    async def close(self) -> None:
        """End a stream without a result."""
        self.quiet()
        if self._open:
            self._open = False
            await self._http.end_stream()

    @property
    def open(self) -> bool:
        """Whether it has become a stream."""
        return self._open

    def keep_alive(self) -> None:
        """Say from time to time that the work goes on."""
        if self.streams and self._pinger is None:
            self._pinger = asyncio.create_task(self._ping(), name="keep a stream alive")

    def quiet(self) -> None:
        if self._pinger is not None:
            self._pinger.cancel()
            self._pinger = None

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_S)
            await self._write(b": ping\r\n\r\n")

    async def _write(self, part: bytes) -> None:
        if self._lock is None:
            self._lock = asyncio.Lock()
        async with self._lock:  # the pinger must not fall between
            if not self._open:
                self._open = True
                await self._http.open_stream(self._headers)
            await self._http.write(part)


def _lines(headers: Headers | None) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()] if headers else []
