"""The first HTTP transport of MCP (2024-11-05): one long stream for everything the server says, POSTs for the rest.

The stream's first event names the address to POST to; it must be of the same origin. When the stream ends the
connection is over and with it what was on its way.

Source: https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse
"""

from __future__ import annotations

__all__ = ["SsePeer"]

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

import httpx2
import msgspec

from botkit.core.errors import ToolError, ToolUnavailable
from botkit.gateway.remote.http import LIMIT_BYTES, send_following
from botkit.gateway.remote.peer import Flight, HttpPeer, describe
from botkit.gateway.wire import NeverSent

_encode = msgspec.json.Encoder().encode


class SsePeer(HttpPeer):
    """A `Peer` over HTTP+SSE. Call `open` before the first request."""

    stateful = True
    """Each stream is a session of its own."""
    _post_url: httpx2.URL | None = None
    _opened: asyncio.Task[None] | None = None

    async def open(self, timeout_s: float) -> None:
        """Open the stream and learn where to send.

        Raises:
            ToolUnavailable: it cannot be opened, or names another origin.
        """
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._spawn(self._read(ready))
        try:
            async with asyncio.timeout(timeout_s):
                await ready
        except TimeoutError:
            raise ToolUnavailable(f"The server opened no stream within {timeout_s:g} seconds.") from None

    def send_quietly(self, message: Mapping[str, Any]) -> None:
        if message.get("method") == "notifications/initialized":
            self._opened = self._spawn(self._post_quietly(message))
        else:
            self._spawn(self._post_quietly(message))

    async def _read(self, ready: asyncio.Future[None]) -> None:
        reason = "It closed its stream."
        try:
            request = self._client.build_request(
                "GET", self._endpoint.url, headers={**await self._authorization(), "Accept": "text/event-stream"}
            )
            response = await send_following(self._client, request)
            try:
                if response.status_code != 200:
                    raise ToolUnavailable(f"The server answered with HTTP {response.status_code}.")
                await self._read_events(response, ready)
            finally:
                await response.aclose()
        except ToolError as error:
            reason = str(error)
        except httpx2.HTTPError as error:
            reason = f"It cannot be reached: {describe(error)}."
        if not ready.done():
            ready.set_exception(ToolUnavailable(reason))
        self._go_down(reason)
        self.close(reason)

    async def _read_events(self, response: httpx2.Response, ready: asyncio.Future[None]) -> None:
        if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            raise ToolUnavailable("The server packs its answers although that was not asked for.")
        async for event in httpx2.EventSource(response, max_event_size=LIMIT_BYTES):
            self._heard()
            if event.event == "endpoint" and self._post_url is None:
                base = response.request.url
                url = base.join(event.data.strip())
                if (url.scheme, url.host, url.port) != (base.scheme, base.host, base.port):
                    raise ToolUnavailable("The server wants its messages sent elsewhere, which is not done.")
                self._post_url = url
                if not ready.done():
                    ready.set_result(None)
            elif event.event == "message" and event.data:
                self._deliver(event.data.encode("utf-8", "replace"), None)

    async def _fly(self, flight: Flight) -> bool:
        if flight.method != "initialize" and self._opened is not None:
            await asyncio.shield(self._opened)
        for attempt in (1, 2):
            response = await self._post(flight.message)
            await response.aclose()
            status = response.status_code
            if status == 401 and attempt == 1 and self._endpoint.authorize is not None:
                await self._authorization(refused=True)
                continue
            if status >= 500:
                raise ToolUnavailable(f"The server answered with HTTP {status}.")
            if status >= 300:
                raise NeverSent(f"The server answered with HTTP {status}.")
            break
        return True

    async def _post_quietly(self, message: Mapping[str, Any]) -> None:
        with contextlib.suppress(httpx2.HTTPError, ToolError):
            response = await self._post(message)
            await response.aclose()

    async def _post(self, message: Mapping[str, Any]) -> httpx2.Response:
        assert self._post_url is not None
        headers = {**await self._authorization(), "Content-Type": "application/json"}
        request = self._client.build_request("POST", self._post_url, content=_encode(message), headers=headers)
        return await send_following(self._client, request)
