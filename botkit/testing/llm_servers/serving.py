"""Serve the wire formats on a loopback port, inside the running event loop."""

from __future__ import annotations

__all__ = ["LoopbackServer", "ScriptedResponse"]

import asyncio
import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from botkit.testing.llm_servers.script import Cut, Garbage, Hang, MidStreamError, Trouble
from botkit.testing.llm_servers.wire import Json, Request

_GARBAGE = b'data: {"choices": [{"delta": {"content": "\xff\xfe broken\n\n'


class LoopbackServer:
    """A uvicorn server on a free port of 127.0.0.1 that leaves signals and logging alone."""

    def __init__(self, app: ASGIApp):
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            access_log=False,
            log_config=None,
        )
        config.load()
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)

    async def __aenter__(self) -> Self:
        # `serve()` would take over SIGINT and SIGTERM of the test process; its two halves do not
        await self._server.startup(sockets=[self._socket])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # uvicorn's own shutdown sleeps a tenth of a second, too long for a fixture of every test
        state = self._server.server_state
        for server in self._server.servers:
            server.close()
        for connection in list(state.connections):
            connection.shutdown()
        async with asyncio.timeout(2):
            while state.connections or state.tasks:
                await asyncio.wait(state.tasks) if state.tasks else await asyncio.sleep(0)
        self._socket.close()


@dataclass(slots=True)
class ScriptedResponse:
    """An ASGI response that may go wrong on purpose, and notices when the client hangs up."""

    request: Request
    status: int = 200
    headers: Sequence[tuple[str, str]] = ()
    frames: Sequence[bytes] = ()
    """The body: one chunk per server-sent event, or one chunk in all."""
    trouble: Trouble | None = None
    error_frame: bytes = b""
    closing: asyncio.Event | None = None
    """Set when the server stops, so that nothing hangs past the test."""

    @classmethod
    def of_json(cls, request: Request, status: int, body: Json, **options: Any) -> ScriptedResponse:
        headers = [("content-type", "application/json"), *options.pop("headers", ())]
        return cls(request, status, headers, [json.dumps(body).encode()], **options)

    @classmethod
    def of_events(cls, request: Request, frames: Sequence[bytes], **options: Any) -> ScriptedResponse:
        headers = [("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache")]
        return cls(request, 200, headers, frames, **options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sender = asyncio.create_task(self._send(send), name="fake-llm-send")
        listener = asyncio.create_task(_disconnected(receive), name="fake-llm-listen")
        try:
            await asyncio.wait({sender, listener}, return_when=asyncio.FIRST_COMPLETED)
            self.request.hung_up = not sender.done()
        finally:
            for task in (sender, listener):
                task.cancel()
            outcomes = await asyncio.gather(sender, listener, return_exceptions=True)
            self.request.done.set()
        if isinstance(outcomes[0], Exception):
            raise outcomes[0]

    async def _send(self, send: Send) -> None:
        if isinstance(self.trouble, Hang) and self.trouble.after == 0:
            await self._wait(self.trouble.until)
        start: Message = {
            "type": "http.response.start",
            "status": self.status,
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers],
        }
        await send(start)
        for number, frame in enumerate(self.frames):
            if self.trouble is not None and number == self.trouble.after:
                if isinstance(self.trouble, Cut):
                    return  # no final chunk: uvicorn closes the socket in mid-body
                await self._interfere(self.trouble, send)
                if not isinstance(self.trouble, Hang):
                    break
            await send({"type": "http.response.body", "body": frame, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _interfere(self, trouble: Trouble, send: Send) -> None:
        if isinstance(trouble, Hang):
            await self._wait(trouble.until)
        elif isinstance(trouble, Garbage):
            await send({"type": "http.response.body", "body": _GARBAGE, "more_body": True})
        elif isinstance(trouble, MidStreamError):
            await send({"type": "http.response.body", "body": self.error_frame, "more_body": True})

    async def _wait(self, until: asyncio.Event) -> None:
        events = [until] if self.closing is None else [until, self.closing]
        waits = [asyncio.create_task(event.wait(), name="fake-llm-hang") for event in events]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
