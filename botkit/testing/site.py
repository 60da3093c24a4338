"""An aiohttp application on a loopback port that can vanish and come back, as a platform does."""

from __future__ import annotations

__all__ = ["Loopback", "Site", "cut"]

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import web

_BODY_LIMIT_BYTES = 128 * 1024 * 1024


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
        await asyncio.sleep(0.02)  # until the other side has noticed

    async def come_back(self) -> None:
        """Listen again, on the same port."""
        assert self._runner is not None, "enter it first: `async with …`"
        if self._site is None:
            self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
            await self._site.start()
            self.port = self.port or int(self._runner.addresses[0][1])


class Loopback:
    """The life of a fake platform: what every one of them is around its own world.

        async with Fake() as fake:
            …fake.api_base…
            await fake.wait_for(lambda: fake.sent)

    A fake calls `__init__`, adds its routes to `application`, and overrides the hooks it needs.
    """

    def __init__(self, port: int = 0):
        self.changed = asyncio.Event()
        """Set, and replaced, whenever something happens."""
        self.application = web.Application(client_max_size=_BODY_LIMIT_BYTES)
        self._site = Site(self.application, port)

    @property
    def port(self) -> int:
        return self._site.port

    @property
    def api_base(self) -> str:
        """What a channel's `api_base` must be."""
        return self._site.url

    async def __aenter__(self) -> Self:
        await self._site.__aenter__()
        await self.opened()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.closing()
        await self._site.__aexit__(kind, error, trace)

    async def opened(self) -> None:
        """It listens, and `api_base` is known."""

    async def closing(self) -> None:
        """It ends: let everything held go."""

    def aborted(self) -> None:
        """Its connections are being cut."""

    async def go_offline(self) -> None:
        """Cut every connection and refuse new ones, as when the network is gone."""
        self.aborted()
        await self._site.go_offline()

    async def come_back(self) -> None:
        """Listen again, on the same port."""
        await self._site.come_back()

    def wake(self) -> None:
        """Something happened: whoever waits looks again."""
        event, self.changed = self.changed, asyncio.Event()
        event.set()

    def so_far(self) -> str:
        """What happened until now, for whoever waited in vain."""
        return ""

    async def wait_for(self, found: Callable[[], Any], *, timeout_s: float = 45.0) -> Any:
        """Wait until `found()` is true, asking again whenever something happened; returns its value.

        Raises:
            TimeoutError: with what happened until then.
        """
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            changed = self.changed
            value = found()
            if value:
                return value
            try:
                async with asyncio.timeout_at(deadline):
                    await changed.wait()
            except TimeoutError:
                raise TimeoutError(f"nothing matched in {timeout_s} s; {self.so_far()}") from None


def cut(request: web.Request) -> web.Response:
    """Break the connection of a request; the response is for aiohttp, nobody reads it."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
