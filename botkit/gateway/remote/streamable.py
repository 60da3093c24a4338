"""Streamable HTTP, in both eras: each message a POST, each answer JSON or a stream of events.

Handshake era: a session id, a GET stream for what the server says unasked, and streams that are taken up again with
`Last-Event-ID`. A session that the server has forgotten (404) is opened anew beneath the caller, and the request it
turned away is sent again: it was never looked at. A request whose stream broke is never repeated.

Modern era: no session; version and names are mirrored in headers; changes are told on the stream of
`subscriptions/listen`, which is kept open; closing a stream cancels its request.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http
Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports#streamable-http
"""

from __future__ import annotations

__all__ = ["StreamablePeer"]

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, cast

import httpx2
import msgspec

from botkit.core.errors import ToolError, ToolUnavailable
from botkit.gateway.remote.answers import RETRY_S, Position, content_type, pause, refusal, rpc_error, says_expired
from botkit.gateway.remote.headers import mirrored
from botkit.gateway.remote.http import LIMIT_BYTES, read_capped, send_following
from botkit.gateway.remote.peer import Flight, HttpPeer
from botkit.gateway.wire import Exchange, NeverSent, RpcError, SpoiledAnswer

MODERN_VERSION = "2026-07-28"
HEADER_MISMATCH = -32020
_CHANGED = "notifications/tools/list_changed"
_RESUMES = 3
"""Attempts in a row to take up a broken stream again."""
_ERROR_BYTES = 64 * 1024
_DELETE_S = 2.0
_RENEW_S = 30.0
_LASTING_S = 5.0
"""A stream of news that ended sooner is opened again after a longer pause than the last time."""
_encode = msgspec.json.Encoder().encode


class StreamablePeer(HttpPeer):
    """A `Peer` over Streamable HTTP."""

    refused_status = 0
    """HTTP status with which `initialize` was turned away; 400, 404 and 405 hint at the older transport."""
    _session_id = ""
    _version = ""
    _hello: Mapping[str, Any] | None = None
    """Parameters of `initialize`, for opening a session anew."""
    _opened: asyncio.Task[None] | None = None
    """Says `initialized`; other requests wait for it."""
    _watching: asyncio.Task[None] | None = None
    _renewing: asyncio.Lock | None = None

    @property
    def stateful(self) -> bool:
        """Whether the server keeps something for this connection."""
        return bool(self._session_id)

    def start(self, method: str, params: Mapping[str, Any], *, meta: Mapping[str, Any] | None = None) -> Exchange:
        if method == "initialize":
            self._hello, self._session_id, self._version = dict(params), "", ""
            self._stop_watching()
        return super().start(method, params, meta=meta)

    def send_quietly(self, message: Mapping[str, Any]) -> None:
        if message.get("method") == "notifications/initialized":
            self._opened = self._spawn(self._initialized(message))
        else:
            super().send_quietly(message)

    async def end_session(self) -> None:
        """Tell the server that its session is over."""
        if not self._session_id:
            return
        with contextlib.suppress(httpx2.HTTPError, ToolError, TimeoutError):
            async with asyncio.timeout(_DELETE_S):
                request = self._client.build_request("DELETE", self._endpoint.url, headers=await self._headers())
                response = await self._client.send(request, stream=True)
                await response.aclose()

    # Requests

    async def _fly(self, flight: Flight) -> bool:
        if flight.method == "subscriptions/listen":
            await self._listen(flight)
            return False
        if flight.method not in ("initialize", "server/discover") and self._opened is not None:
            await asyncio.shield(self._opened)
        for attempt in (1, 2):
            session = self._session_id
            response = await self._post(flight.message, await self._headers(flight))
            self._heard(flight)
            try:
                again = await self._answered_by(response, flight, session=session, last=attempt == 2)
            finally:
                await response.aclose()
            if not again:
                break
        return False

    async def _answered_by(self, response: httpx2.Response, flight: Flight, *, session: str, last: bool) -> bool:
        """Read one response. True: send the request again, it was not looked at."""
        status, exchange = response.status_code, flight.exchange
        if 200 <= status < 300:
            self._troubles = 0
            if flight.method == "initialize":
                self._session_id = response.headers.get("mcp-session-id", "")
            kind = content_type(response)
            if kind == "text/event-stream":
                await self._read_stream(response, flight)
            elif kind == "application/json":
                await self._read_json(response, exchange)
            else:
                self._fail(exchange, RpcError(0, f"The server answered with {kind or 'nothing'} instead of JSON."))
            return False
        body = await read_capped(response, _ERROR_BYTES) if status >= 400 else b""
        if session and not last and says_expired(status, body):
            await self._renew(session)
            return True
        if status == 401 and not last and self._endpoint.authorize is not None:
            await self._authorization(refused=True)
            return True
        if status >= 400 and (error := rpc_error(body)) is not None:
            self._deliver(_encode({"jsonrpc": "2.0", "id": exchange.id, "error": error}), exchange)
            if error.get("code") == HEADER_MISMATCH and self.on_notification is not None:
                self.on_notification(_CHANGED, {})  # the arguments' headers come from a definition that is out of date
            return False
        self._turned_away(response, flight)
        return False

    def _turned_away(self, response: httpx2.Response, flight: Flight) -> None:
        """Fail a request that got a status and no message."""
        if flight.method == "initialize":
            self.refused_status = response.status_code
        error = refusal(response, flight.method)
        self._fail(flight.exchange, error)
        if response.status_code >= 500:
            self._trouble(str(error))

    async def _read_json(self, response: httpx2.Response, exchange: Exchange) -> None:
        body = await read_capped(response)
        if body is None:
            self._fail(exchange, self._too_large())
        else:
            self._deliver(body, exchange)

    async def _read_stream(self, response: httpx2.Response, flight: Flight) -> None:
        """Hand on events until the answer came; take the stream up again where the server offers that."""
        exchange, position = flight.exchange, Position()
        failures = 0
        while True:
            try:
                before = position.last_id
                await self._read_events(response, exchange, position)
                failures = 0 if position.last_id != before else failures + 1
            except httpx2.HTTPError:
                failures += 1
                if not position.last_id or failures > _RESUMES:
                    raise
            finally:
                await response.aclose()
            if exchange.id not in self._pending or not position.last_id or failures > _RESUMES:
                return
            await self._clock.sleep(position.retry_s)
            try:
                response = await self._get({"Last-Event-ID": position.last_id})
            except httpx2.HTTPError as error:
                raise ToolUnavailable("The connection broke and could not be taken up again.") from error
            if response.status_code != 200:
                await response.aclose()
                raise ToolUnavailable(f"The connection broke, and the server answers HTTP {response.status_code} now.")

    async def _read_events(self, response: httpx2.Response, exchange: Exchange | None, position: Position) -> None:
        if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            raise ToolUnavailable("The server packs its answers although that was not asked for.")
        events = httpx2.EventSource(response, max_event_size=LIMIT_BYTES)
        try:
            async for event in events:
                position.note(event)
                if event.data and event.event == "message":
                    self._deliver(event.data.encode("utf-8", "replace"), exchange)
                if exchange is not None and exchange.id not in self._pending:
                    return
        except httpx2.SSEError as error:
            if exchange is None:
                raise
            self._fail(exchange, self._too_large())
            raise ToolUnavailable("The server sent an event that is too large.") from error

    def _too_large(self) -> RpcError:
        return SpoiledAnswer(0, f"The server's answer is longer than {LIMIT_BYTES} bytes, or packed.")

    # Sessions of the handshake era

    def _dispatch(self, message: Any) -> None:
        arriving = self._arriving
        if arriving is not None and arriving.method == "initialize" and isinstance(message, dict):
            result: Any = cast("dict[str, Any]", message).get("result")
            if isinstance(result, dict):
                self._version = str(cast("dict[str, Any]", result).get("protocolVersion") or "")
        super()._dispatch(message)

    async def _initialized(self, message: Mapping[str, Any]) -> None:
        await self._post_quietly(message)
        self._stop_watching()
        if self.down or self._closed is not None:
            return
        self._watching = self._spawn(self._watch())

    async def _renew(self, expired: str) -> None:
        """Open a session anew, once for all who noticed that it expired."""
        self._renewing = self._renewing or asyncio.Lock()
        async with self._renewing:
            if self._session_id != expired or self._hello is None:
                return
            self._report("forgot our session; it is opened anew")
            try:
                await self.start("initialize", self._hello).result(_RENEW_S)
            except (ToolError, TimeoutError) as error:
                self._go_down("Its session expired and it opens no new one.")
                raise NeverSent("The session expired and the server opens no new one.") from error
            self.notify("notifications/initialized", {})
            assert self._opened is not None
            await self._opened
            if self.on_notification is not None:
                self.on_notification(_CHANGED, {})

    async def _watch(self) -> None:
        """Handshake era: the stream on which the server speaks unasked."""
        position, failures = Position(), 0
        while not self.down:
            try:
                response = await self._get({"Last-Event-ID": position.last_id} if position.last_id else {})
                try:
                    if response.status_code in (400, 401, 403, 404, 405, 501):
                        return  # it has none, or the next request will find out what is wrong
                    if response.status_code == 200 and content_type(response) == "text/event-stream":
                        begun = self._clock.monotonic()
                        await self._read_events(response, None, position)
                        failures = 0 if self._clock.monotonic() - begun >= _LASTING_S else failures
                finally:
                    await response.aclose()
            except (httpx2.HTTPError, ToolError):
                pass  # requests notice by themselves whether the server is gone
            failures += 1
            await self._clock.sleep(pause(failures, position.retry_s))

    def _stop_watching(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None

    # Changes in the modern era

    async def _listen(self, flight: Flight) -> None:
        """Keep the stream of changes open. What was missed in between is asked for."""
        failures = 0
        while not self.down and flight.exchange.id in self._pending:
            try:
                response = await self._post(flight.message, await self._headers(flight))
                self._heard(flight)
                try:
                    if response.status_code in (400, 401, 403, 404, 405):
                        return
                    if response.status_code == 200 and content_type(response) == "text/event-stream":
                        if failures and self.on_notification is not None:
                            self.on_notification(_CHANGED, {})
                        begun = self._clock.monotonic()
                        await self._read_events(response, None, Position())
                        failures = 0 if self._clock.monotonic() - begun >= _LASTING_S else failures
                finally:
                    await response.aclose()
            except (httpx2.HTTPError, ToolError):
                pass
            failures += 1
            await self._clock.sleep(pause(failures, RETRY_S))

    # HTTP

    async def _post_quietly(self, message: Mapping[str, Any]) -> None:
        with contextlib.suppress(httpx2.HTTPError, ToolError):
            response = await self._post(message, await self._headers())
            await response.aclose()

    async def _post(self, message: Mapping[str, Any], headers: Mapping[str, str]) -> httpx2.Response:
        request = self._client.build_request(
            "POST",
            self._endpoint.url,
            content=_encode(message),
            headers={**headers, "Content-Type": "application/json"},
        )
        return await send_following(self._client, request)

    async def _get(self, headers: Mapping[str, str]) -> httpx2.Response:
        everything = {**await self._headers(), **headers, "Accept": "text/event-stream"}
        return await send_following(
            self._client, self._client.build_request("GET", self._endpoint.url, headers=everything)
        )

    async def _headers(self, flight: Flight | None = None) -> dict[str, str]:
        headers = {"Accept": "application/json, text/event-stream"}
        if flight is not None and flight.modern:
            params = flight.message["params"]
            schema = self._endpoint.schema_of(str(params.get("name"))) if flight.method == "tools/call" else None
            headers |= mirrored(flight.method, params, MODERN_VERSION, schema)
        elif flight is None or flight.method != "initialize":
            if self._session_id:
                headers["Mcp-Session-Id"] = self._session_id
            if self._version:
                headers["MCP-Protocol-Version"] = self._version
        return headers | await self._authorization()
