"""The one place where HTTP clients for upstreams are made: guard, limits, timeouts, and what is never sent.

No proxies or credentials of the environment, no cookies, no redirects that nobody looked at, no compressed answers
(a few bytes could become gigabytes). A secret that belongs into the query is added beneath the client, so that no log
line and no trace of a request ever holds it.
"""

from __future__ import annotations

__all__ = ["LIMIT_BYTES", "USER_AGENT", "Query", "open_client", "read_capped", "send_following"]

import ssl
from collections.abc import Iterable, Mapping
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import cast

import httpcore2
import httpx2

from botkit import __version__
from botkit.core.errors import ToolUnavailable
from botkit.gateway.remote.guard import Blocked, Guard

USER_AGENT = f"botkit/{__version__}"
LIMIT_BYTES = 16 * 1024 * 1024
"""Longest answer, and longest single event of a stream."""
_CONNECT_S = 10.0
_WRITE_S = 30.0
_KEEP_S = 60.0
_ADDRESSES = 3
"""So many addresses of a name are tried."""
_REDIRECTS = 3

Query = Mapping[str, str]


class _Backend(httpcore2.AsyncNetworkBackend):
    """Connects to addresses the guard has checked. Source: httpcore's network backend interface."""

    def __init__(self, guard: Guard):
        self._guard = guard
        self._plain = cast("httpcore2.AsyncNetworkBackend", httpcore2.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        failure: Exception | None = None
        try:
            addresses = await self._guard.addresses(host, port)
        except Blocked:
            raise
        except ToolUnavailable as error:
            raise httpcore2.ConnectError(str(error)) from error
        for address in addresses[:_ADDRESSES]:
            try:
                return await self._plain.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        assert failure is not None
        raise failure

    async def sleep(self, seconds: float) -> None:
        await self._plain.sleep(seconds)


class _Transport(httpx2.AsyncHTTPTransport):
    def __init__(self, guard: Guard, connections: int, query: Query):
        super().__init__(verify=_tls(), trust_env=False)
        self._query = dict(query)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=_tls(),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=_KEEP_S,
            network_backend=_Backend(guard),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if not self._query:
            return await super().handle_async_request(request)
        secret = httpx2.Request(
            request.method,
            request.url.copy_merge_params(self._query),
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        return await super().handle_async_request(secret)


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """One for all: reading the certificates takes milliseconds and megabytes."""
    return httpx2.create_ssl_context(trust_env=False)


def open_client(
    guard: Guard, *, headers: Mapping[str, str] | None = None, query: Query | None = None, connections: int = 32
) -> httpx2.AsyncClient:
    """A client; close it. It waits for answers without end: the caller has the deadline.

    Args:
        headers: sent with every request; they and what a request names itself are all that is sent.
        query: secret parameters added to every request, invisible above.
        connections: most of them at once.
    """
    return httpx2.AsyncClient(
        transport=_Transport(guard, connections, query or {}),
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **(headers or {})},
        timeout=httpx2.Timeout(connect=_CONNECT_S, read=None, write=_WRITE_S, pool=_CONNECT_S),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=False,
    )


async def send_following(client: httpx2.AsyncClient, request: httpx2.Request) -> httpx2.Response:
    """Send, and follow redirects that keep method, scheme, host and port. The response is a stream: close it.

    Any other redirect is returned as it is: a server that sends us elsewhere does not take its credentials along.
    """
    for _ in range(_REDIRECTS):
        response = await client.send(request, stream=True)
        target = response.headers.get("location")
        keeps_method = response.status_code in (307, 308) or (
            request.method == "GET" and response.status_code in (301, 302, 303)
        )
        if not target or not keeps_method:
            return response
        url = request.url.join(target)
        if (url.scheme, url.host, url.port) != (request.url.scheme, request.url.host, request.url.port):
            return response
        await response.aclose()
        request = client.build_request(request.method, url, content=request.content, headers=request.headers)
    return await client.send(request, stream=True)


async def read_capped(response: httpx2.Response, limit_bytes: int = LIMIT_BYTES) -> bytes | None:
    """The body, or None when it is longer than the limit or packed although that was not asked for."""
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        return None
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_raw():
        size += len(part)
        if size > limit_bytes:
            return None
        parts.append(part)
    return b"".join(parts)
