"""What the two HTTP transports share: a peer whose requests are tasks.

To `session.py` and `conversation.py` this is a `wire.Peer` like that of a process. Beneath, each request is a flight of
its own, so what arrives in answer to it belongs to it whatever id it bears, and a question on that stream is asked by
that call, also where several are on their way.
"""

from __future__ import annotations

__all__ = ["Flight", "HttpPeer", "describe"]

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, cast

import httpx2
import msgspec

from botkit.core.clock import Clock
from botkit.core.errors import BotkitError, ToolError, ToolUnavailable
from botkit.gateway.remote.endpoint import Endpoint
from botkit.gateway.remote.guard import Blocked
from botkit.gateway.wire import Exchange, Failure, Inbound, NeverSent, Peer

_META_VERSION = "io.modelcontextprotocol/protocolVersion"
_UNCANCELLED = ("initialize", "server/discover")
_SILENT_S = 5.0
"""A call given up sooner says nothing about the server."""
_SILENCES = 3
_TROUBLES = 3
_PROBE_S = 10.0

_encode = msgspec.json.Encoder().encode


@dataclass(eq=False)
class Flight:
    """One request on its way."""

    exchange: Exchange
    message: dict[str, Any]
    modern: bool
    begun: float
    heard: bool = False
    """Whether the server gave any sign."""
    task: asyncio.Task[None] | None = None

    @property
    def method(self) -> str:
        return self.exchange.method


class HttpPeer(Peer):
    """Implements everything but how a message travels: `_fly` and `_post_quietly` do that.

    Args:
        on_down: called once when the server can no longer be relied on; what is on its way may still be answered.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        client: httpx2.AsyncClient,
        clock: Clock,
        *,
        on_report: Callable[[str], None],
        on_down: Callable[[str], None],
    ):
        super().__init__(self._no_bytes, on_report=on_report)
        self._endpoint = endpoint
        self._client = client
        self._clock = clock
        self._on_down = on_down
        self._flights: dict[int, Flight] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._arriving: Exchange | None = None
        """Whose answer is being read, while one message is handed on."""
        self._silences = 0
        self._troubles = 0
        self.down = ""
        """Why new requests are refused."""

    # What the session asks for.

    def start(self, method: str, params: Mapping[str, Any], *, meta: Mapping[str, Any] | None = None) -> Exchange:
        """Send a request. Raises `ToolUnavailable` when the link is down; nothing was sent."""
        if self._closed is not None or self.down:
            raise NeverSent(str(self._closed or self.down))
        exchange = Exchange(self, next(self._ids), method)
        body = {**params, "_meta": {**(meta or {}), "progressToken": exchange.id}}
        message: dict[str, Any] = {"jsonrpc": "2.0", "id": exchange.id, "method": method, "params": body}
        if self._endpoint.credentials.body and method == "tools/call":
            message["secrets"] = dict(self._endpoint.credentials.body)
        flight = Flight(exchange, message, _META_VERSION in (meta or {}), self._clock.monotonic())
        self._pending[exchange.id] = exchange
        self._flights[exchange.id] = flight
        flight.task = self._spawn(self._flown(flight))
        return exchange

    def send_quietly(self, message: Mapping[str, Any]) -> None:
        """Send what needs no answer; whether it arrives is noticed elsewhere."""
        if message.get("method") == "notifications/cancelled":
            params = cast("Mapping[str, Any]", message.get("params") or {})
            flight = self._flights.get(params.get("requestId", -1))
            if flight is not None and not flight.modern:
                self._spawn(self._cancel(flight, message))
            return
        self._spawn(self._post_quietly(message))

    def forget(self, exchange: Exchange) -> None:
        """No longer wait for an answer. In the modern era closing the stream is how a request is cancelled."""
        super().forget(exchange)
        flight = self._flights.get(exchange.id)
        if flight is None:
            return
        if not flight.heard and self._clock.monotonic() - flight.begun >= _SILENT_S:
            self._silent()
        if flight.task is not None and (flight.modern or flight.method in _UNCANCELLED):
            flight.task.cancel()

    def close(self, reason: str) -> None:
        """Give up everything on its way, at once."""
        super().close(reason)
        for task in self._tasks:
            task.cancel()

    async def closed(self) -> None:
        """Return when nothing of this peer runs any more; call `close` before."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def drained(self) -> None:
        """Return when every request on its way has ended, by itself or by its caller's deadline."""
        while tasks := [one.task for one in self._flights.values() if one.task and one.method in _CALLS]:
            await asyncio.wait(tasks)

    # What a transport does.

    async def _fly(self, flight: Flight) -> bool:
        """Send a request and hand on what comes back until it is answered. True: the answer comes by another way."""
        raise NotImplementedError

    async def _post_quietly(self, message: Mapping[str, Any]) -> None:
        raise NotImplementedError

    # What arrives.

    def _deliver(self, raw: bytes, exchange: Exchange | None) -> None:
        """Hand on one message, which came in answer to `exchange`."""
        self._arriving = exchange
        try:
            self._line(raw)
        finally:
            self._arriving = None

    def _dispatch(self, message: Any) -> None:
        arriving = self._arriving
        if arriving is not None and isinstance(message, dict):
            message = cast("dict[str, Any]", message)
            if "method" not in message and ("result" in message or "error" in message):
                message = {**message, "id": arriving.id}
        super()._dispatch(message)

    def _requested(self, inbound: Inbound) -> None:
        arriving = self._arriving
        if inbound.method == "elicitation/create" and arriving is not None and arriving.method == "tools/call":
            arriving.push(inbound)
        else:
            super()._requested(inbound)

    def _spoiled(self, head: bytes, what: str) -> None:
        arriving = self._arriving
        if arriving is None or arriving.id not in self._pending:
            super()._spoiled(head, what)
            return
        super()._spoiled(b'{"id":%d}' % arriving.id, what)

    # How it goes.

    async def _flown(self, flight: Flight) -> None:
        exchange = flight.exchange
        try:
            if await self._fly(flight):
                return
        except ToolError as error:
            self._fail(exchange, NeverSent(str(error)) if isinstance(error, Blocked) else error)
            if isinstance(error, Blocked):
                self._go_down(str(error))
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            reason = f"It cannot be reached: {describe(error)}."
            self._fail(exchange, NeverSent(reason))
            self._go_down(reason)
        except httpx2.HTTPError as error:
            self._fail(exchange, ToolUnavailable(f"The connection broke: {describe(error)}."))
            self._trouble(f"The connection broke: {describe(error)}.")
        except (ValueError, httpx2.InvalidURL) as error:  # a header or an address that cannot be sent
            self._fail(exchange, NeverSent(f"The request cannot be sent: {type(error).__name__}."))
        finally:
            self._flights.pop(exchange.id, None)
        self._fail(exchange, ToolUnavailable("The server ended its answer before it was complete."))

    async def _authorization(self, *, refused: bool = False) -> dict[str, str]:
        """The `Authorization` header, where its value has to be asked for. Raises `NeverSent` when it cannot be had."""
        if self._endpoint.authorize is None:
            return {}
        try:
            return {"Authorization": await self._endpoint.authorize(refused)}
        except BotkitError as error:
            raise NeverSent(str(error)) from error

    def _fail(self, exchange: Exchange, error: ToolError) -> None:
        """End a request that was not answered. After an answer this does nothing."""
        if self._pending.pop(exchange.id, None) is not None:
            exchange.push(Failure(error))

    def _heard(self, flight: Flight | None = None) -> None:
        self._silences = 0
        if flight is not None:
            flight.heard = True

    def _silent(self) -> None:
        """Several calls in a row got no sign of life: ask once more, with something cheap."""
        self._silences += 1
        if self._silences == _SILENCES:
            self._spawn(self._probe())

    async def _probe(self) -> None:
        try:
            await self.start("ping", {}).result(_PROBE_S)
        except ToolUnavailable:
            return  # seen to already
        except ToolError:
            self._silences = 0  # an error is a sign of life
        except TimeoutError:
            self._go_down("It accepts requests and answers none.")

    def _trouble(self, reason: str) -> None:
        self._troubles += 1
        if self._troubles >= _TROUBLES:
            self._go_down(reason)

    def _go_down(self, reason: str) -> None:
        if not self.down:
            self.down = reason
            self._on_down(reason)

    async def _cancel(self, flight: Flight, message: Mapping[str, Any]) -> None:
        """Handshake era: say it, then stop listening for the answer."""
        try:
            await self._post_quietly(message)
        finally:
            if flight.task is not None:
                flight.task.cancel()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name="remote request")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _no_bytes(self, data: bytes) -> None:
        raise ToolUnavailable("This connection carries messages, not bytes.")


_CALLS = ("tools/call", "tools/list", "prompts/get", "prompts/list", "resources/read", "resources/list",
          "resources/templates/list", "completion/complete")  # fmt: skip


def describe(error: BaseException) -> str:
    """What went wrong, without an address: it may hold a secret."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    words: dict[type[BaseException], str] = {
        httpx2.ConnectTimeout: "no connection within its time",
        httpx2.PoolTimeout: "too many requests are on their way",
        httpx2.RemoteProtocolError: "the server hung up or does not speak HTTP",
        httpx2.ReadError: "the server hung up",
    }
    return words.get(type(error), type(error).__name__)
