"""An aiohttp application on a loopback port that can vanish and come back, as a platform does."""

from __future__ import annotations

__all__ = ["Site"]

import asyncio
from types import TracebackType
from typing import Self

from aiohttp import web


class Site:
    """Serves while entered. `port` stays the same over `go_offline` and `come_back`; 0 picks a free one."""

    def __init__(self, application: web.Application, port: int = 0):
        self.port = port
        self._application = application
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._runner = web.AppRunner(self._application, handle_signals=False, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await self.come_back()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def go_offline(self) -> None:
        """Cut every connection and refuse new ones."""
        if self._site is not None:
            await self._site.stop()
            self._site = None
        if self._runner is not None and self._runner.server is not None:
            for connection in list(self._runner.server.connections):
                if connection.transport is not None:
                    connection.transport.abort()
        await asyncio.sleep(0)

    async def come_back(self) -> None:
        """Listen again, on the same port."""
        assert self._runner is not None, "enter the site first"
        if self._site is None:
            self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
            await self._site.start()
            self.port = self.port or int(self._runner.addresses[0][1])
