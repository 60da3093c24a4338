"""An adapter that serves browsers, on a loopback port without the rest of botkit."""

from __future__ import annotations

__all__ = ["BASE_PATH", "Served"]

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import Receive, Scope, Send

from botkit.sdk import ServesHttp

BASE_PATH = "/api/bots/webhook/web/site/"


class _Server(uvicorn.Server):
    """Signals are the test runner's."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class Served:
    """Serves whichever adapter is `adapter` at the moment, under `BASE_PATH`; 503 while there is none."""

    def __init__(self) -> None:
        self.adapter: ServesHttp | None = None
        self.requests = 0
        self._server = _Server(
            uvicorn.Config(
                self._answer,
                interface="asgi3",
                host="127.0.0.1",
                port=0,
                lifespan="off",
                log_level="error",
                timeout_graceful_shutdown=1,
            )
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}{BASE_PATH}"

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:
            if self._task.done():
                self._task.result()
            await asyncio.sleep(0.01)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.adapter is not None:
            self.adapter.closing()
        self._server.should_exit = True
        if self._task is not None:
            await self._task

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests += 1
        path = str(scope["path"])
        if self.adapter is None or not path.startswith(BASE_PATH):
            await send({"type": "http.response.start", "status": 503, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        scope["path_params"] = {"path": path.removeprefix(BASE_PATH)}
        await self.adapter.serve(scope, receive, send)
