"""A server reached over HTTP, as something an upstream supervises."""

from __future__ import annotations

__all__ = ["RemoteLink"]

import asyncio
from urllib.parse import urlsplit

from botkit.core.errors import ToolUnavailable
from botkit.gateway.link import LinkHooks
from botkit.gateway.remote.endpoint import Endpoint
from botkit.gateway.remote.guard import Guard, Resolver, resolve
from botkit.gateway.remote.http import open_client
from botkit.gateway.remote.sse import SsePeer
from botkit.gateway.remote.streamable import StreamablePeer
from botkit.gateway.session import Era, Session, open_session

_OLDER = (400, 404, 405)
"""Answers to `initialize` after which the specification says to try the older transport."""
_LAST_ANSWERS_S = 120.0
"""How long answers to what is on its way are waited for after the link was given up."""


class RemoteLink:
    """Connections to one endpoint, for one set of credentials."""

    pid = 0

    def __init__(self, endpoint: Endpoint, hooks: LinkHooks, *, resolver: Resolver = resolve):
        self._endpoint = endpoint
        self._hooks = hooks
        guard = Guard.of(urlsplit(endpoint.url).hostname or "", allow_private=endpoint.allow_private, resolver=resolver)
        self._client = open_client(
            guard,
            headers={**endpoint.headers, **endpoint.credentials.headers},
            query=endpoint.credentials.query,
            connections=endpoint.connections,
        )
        self._peer: StreamablePeer | SsePeer | None = None
        self._ours = False
        self._ending: asyncio.Task[None] | None = None

    @property
    def stateful(self) -> bool:
        return self._peer is not None and self._peer.stateful

    @property
    def alive(self) -> bool:
        return self._peer is not None and not self._peer.down

    async def open(self, era: Era | None, timeout_s: float) -> Session:
        if self._endpoint.transport == "sse":
            return await self._open_sse(timeout_s)
        peer = self._peer = StreamablePeer(
            self._endpoint, self._client, self._hooks.clock, on_report=self._hooks.on_report, on_down=self._down
        )
        try:
            return await open_session(peer, era=era, timeout_s=timeout_s, capabilities=self._hooks.capabilities)
        except ToolUnavailable as error:
            if peer.refused_status not in _OLDER:
                raise ToolUnavailable(peer.down or str(error)) from error
            peer.close("It is tried over the older transport.")
            try:
                return await self._open_sse(timeout_s)
            except ToolUnavailable:
                raise error from None  # what the newer transport said tells more

    async def _open_sse(self, timeout_s: float) -> Session:
        peer = self._peer = SsePeer(
            self._endpoint, self._client, self._hooks.clock, on_report=self._hooks.on_report, on_down=self._down
        )
        await peer.open(timeout_s)
        return await open_session(peer, era="handshake", timeout_s=timeout_s, capabilities=self._hooks.capabilities)

    async def bury(self) -> str:
        """Other calls may still get their answers: the connections close when those came, or their time is up."""
        self._ending = self._ending or asyncio.create_task(self._end_slowly(), name="remote link ends")
        return self._peer.down if self._peer is not None and self._peer.down else "it is out of reach"

    async def stop(self) -> None:
        self._ours = True
        if self._ending is not None:
            self._ending.cancel()
            await asyncio.gather(self._ending, return_exceptions=True)
        await self._end()

    async def _end_slowly(self) -> None:
        try:
            if self._peer is not None:
                async with asyncio.timeout(_LAST_ANSWERS_S):
                    await self._peer.drained()
        except TimeoutError:
            pass
        await self._end()

    async def _end(self) -> None:
        peer = self._peer
        if peer is not None:
            if isinstance(peer, StreamablePeer) and not peer.down and not self._client.is_closed:
                await peer.end_session()
            peer.close("The connection to the server was closed.")
            await peer.closed()
        await self._client.aclose()

    def _down(self, reason: str) -> None:
        if not self._ours:
            self._hooks.on_closed()
