"""JSON-RPC with a server over its standard input and output: lines of JSON as plain dicts, both directions.

Why not the SDK's stdio client: it starts the process itself, with an environment and an end of its own making; it
grows its line buffer without limit; invalid UTF-8 ends its connection; and its typed session drops fields it does
not know. Here a message is decoded once into a dict and handed on as it is. The methods of the protocol are
`session.py`'s business.

Nothing a server sends can raise here. What is not understood is reported and, where it can be told which request
it meant to answer, that request fails with the reason instead of waiting for its deadline.

Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports#stdio
"""

from __future__ import annotations

__all__ = [
    "LINE_LIMIT_BYTES",
    "Answer",
    "Exchange",
    "ExchangeEvent",
    "Failure",
    "Inbound",
    "NeverSent",
    "Notice",
    "Peer",
    "RpcError",
    "SpoiledAnswer",
]

import asyncio
import itertools
import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from botkit.core.errors import ToolError, ToolUnavailable

LINE_LIMIT_BYTES = 16 * 1024 * 1024
"""Longest message accepted from a server; a longer one is skipped as it arrives."""
_PROGRESS_LIMIT = 200
"""Progress notices of one request waiting to be read; more are dropped, they are only news."""
_REMEMBERED = 256
"""Abandoned requests whose late answer is told from one to a request that never was."""
_HEAD_BYTES = 256
_NOT_CANCELLED = ("initialize", "server/discover")
"""The specification forbids to cancel these."""
_ID = re.compile(rb'"id"\s*:\s*"?(\d{1,15})"?\s*[,}]')

METHOD_NOT_FOUND = -32601
INTERNAL_ERROR = -32603

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class RpcError(ToolError):
    """The server answered with a JSON-RPC error. `str()` is its message, shortened."""

    code = "rpc"

    def __init__(self, number: int, message: str, data: object = None):
        super().__init__(message[:2000])
        self.number = number
        self.data = data


class NeverSent(ToolUnavailable):
    """The request did not reach the server, or was turned away at its door: it had no effect."""


class SpoiledAnswer(RpcError):
    """An answer came and could not be read, so what it said is lost."""

    code = "spoiled_answer"


@dataclass(frozen=True, slots=True)
class Answer:
    """The server's result; the request is over."""

    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """No result will come; the request is over."""

    error: ToolError


@dataclass(frozen=True, slots=True)
class Notice:
    """News about a request: `notifications/progress`, and log messages where it is clear whose they are."""

    params: Mapping[str, Any]
    method: str = "notifications/progress"


class Inbound:
    """A request of the server to us. Answer it once, with `respond` or `refuse`; later answers are ignored."""

    def __init__(self, peer: Peer, request_id: object, method: str, params: Mapping[str, Any]):
        self._peer = peer
        self._id = request_id
        self._answered = False
        self.method = method
        self.params = params

    def respond(self, result: Mapping[str, Any]) -> None:
        self._send({"result": result})

    def refuse(self, number: int, message: str) -> None:
        self._send({"error": {"code": number, "message": message}})

    def _send(self, body: dict[str, Any]) -> None:
        if not self._answered:
            self._answered = True
            self._peer.send_quietly({"jsonrpc": "2.0", "id": self._id, **body})


ExchangeEvent = Answer | Failure | Notice | Inbound


class Exchange:
    """One request on its way. Read `next()` until an `Answer` or a `Failure` comes."""

    def __init__(self, peer: Peer, request_id: int, method: str):
        self._peer = peer
        self._events: asyncio.Queue[ExchangeEvent] = asyncio.Queue()
        self.id = request_id
        self.method = method
        self.over = False
        self.wants_log = False
        """Whether log messages of the server that belong to this request are asked for."""
        self.parked = False
        """Waits for a person; whoever asks meanwhile is another call."""

    async def next(self) -> ExchangeEvent:
        """The next event. Cancelling this loses nothing; call `abandon` to end the request."""
        return await self._events.get()

    async def result(self, timeout_s: float) -> dict[str, Any]:
        """Wait for the answer, passing over notices.

        Raises:
            RpcError: the server answered with an error.
            ToolUnavailable: the connection ended first.
            TimeoutError: nothing came in time; the request was abandoned.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    event = await self.next()
                    if isinstance(event, Answer):
                        return event.result
                    if isinstance(event, Failure):
                        raise event.error
        except BaseException:
            self.abandon("the caller stopped waiting")
            raise

    def abandon(self, reason: str) -> None:
        """Stop waiting, and tell the server. A late answer is dropped. Safe to repeat and after the end."""
        if not self.over:
            self.over = True
            self._peer.forget(self)
            if self.method not in _NOT_CANCELLED:
                self._peer.notify("notifications/cancelled", {"requestId": self.id, "reason": reason})

    def push(self, event: ExchangeEvent) -> None:
        """Deliver an event; called by whoever reads the connection."""
        if isinstance(event, Notice) and self._events.qsize() >= _PROGRESS_LIMIT:
            return
        if isinstance(event, Answer | Failure):
            self.over = True
        self._events.put_nowait(event)


class Peer:
    """One side of a connection.

    Args:
        write: sends bytes; may raise `ToolUnavailable`.
        on_request: a request of the server; refused when nobody handles it.
        on_notification: method and parameters, progress excepted.
        on_report: one sentence about something odd the server sent, for the log.
    """

    def __init__(
        self,
        write: Callable[[bytes], None],
        *,
        on_request: Callable[[Inbound], None] | None = None,
        on_notification: Callable[[str, Mapping[str, Any]], None] | None = None,
        on_report: Callable[[str], None] | None = None,
        limit_bytes: int = LINE_LIMIT_BYTES,
    ):
        self._write = write
        self.on_request = on_request
        self.on_notification = on_notification
        self._on_report = on_report
        self._limit_bytes = limit_bytes
        self._pending: dict[int, Exchange] = {}
        self._abandoned: deque[tuple[int, bool]] = deque(maxlen=_REMEMBERED)
        """Id, and whether a late answer is to be expected."""
        self._ids = itertools.count(1)
        self._parts: list[bytes] = []
        self._size = 0
        self._skipping = False
        self._closed: ToolError | None = None
        self.strays = 0
        """Answers that belonged to no request."""

    # Sending

    def start(self, method: str, params: Mapping[str, Any], *, meta: Mapping[str, Any] | None = None) -> Exchange:
        """Send a request. Its id is its progress token.

        Raises:
            ToolUnavailable: nothing was sent.
        """
        if self._closed is not None:
            raise ToolUnavailable(str(self._closed))
        exchange = Exchange(self, next(self._ids), method)
        body = dict(params)
        body["_meta"] = {**(meta or {}), "progressToken": exchange.id}
        line = _encode({"jsonrpc": "2.0", "id": exchange.id, "method": method, "params": body}) + b"\n"
        self._pending[exchange.id] = exchange
        try:
            self._write(line)
        except BaseException:
            del self._pending[exchange.id]
            raise
        return exchange

    def notify(self, method: str, params: Mapping[str, Any]) -> None:
        """Send a notification; a dead connection is no matter."""
        self.send_quietly({"jsonrpc": "2.0", "method": method, "params": params})

    def send_quietly(self, message: Mapping[str, Any]) -> None:
        """Send a message whose loss needs no answer: the connection's end is noticed elsewhere."""
        try:
            self._write(_encode(message) + b"\n")
        except ToolUnavailable:
            return

    def forget(self, exchange: Exchange) -> None:
        """No longer wait for an answer."""
        if self._pending.pop(exchange.id, None) is not None:
            self._abandoned.append((exchange.id, exchange.method in _NOT_CANCELLED))

    def close(self, reason: str) -> None:
        """Fail everything that waits; later requests fail at once."""
        self._closed = self._closed or ToolUnavailable(reason)
        pending = list(self._pending.values())
        self._pending.clear()
        for exchange in pending:
            exchange.push(Failure(ToolUnavailable(reason)))

    # Receiving

    def feed(self, data: bytes) -> None:
        """Take bytes as they come and handle every complete line."""
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            line = data[start:end]
            start = end + 1
            if self._skipping:
                self._skipping = False
            elif self._size + len(line) > self._limit_bytes:
                self._too_long(line)
            else:
                self._line(b"".join([*self._parts, line]) if self._parts else line)
            self._parts.clear()
            self._size = 0
        rest = data[start:] if start else data
        if rest and not self._skipping:
            self._parts.append(rest)
            self._size += len(rest)
            if self._size > self._limit_bytes:
                self._too_long(b"")
                self._skipping = True
                self._parts.clear()
                self._size = 0

    def _too_long(self, line: bytes) -> None:
        head = b"".join([*self._parts[:1], line])[:_HEAD_BYTES]
        self._spoiled(head, f"is longer than {self._limit_bytes} bytes")

    def _line(self, raw: bytes) -> None:
        raw = raw.strip()
        if not raw:
            return
        try:
            message = _decode(raw)
        except (msgspec.DecodeError, ValueError, RecursionError):
            try:
                # Control characters inside strings, invalid UTF-8, NaN: wrong, but readable.
                message = json.loads(raw.decode("utf-8", "replace"), strict=False)
            except (ValueError, RecursionError) as error:
                kind = "is nested too deeply" if isinstance(error, RecursionError) else "is not JSON"
                self._spoiled(raw[:_HEAD_BYTES], kind)
                return
        for one in cast("list[Any]", message) if isinstance(message, list) else (message,):
            self._dispatch(one)

    def _dispatch(self, message: Any) -> None:
        if not isinstance(message, dict):
            self._report("sent JSON that is not a message")
            return
        message = cast("dict[str, Any]", message)
        method, request_id = message.get("method"), message.get("id")
        params = message.get("params")
        params = cast("dict[str, Any]", params) if isinstance(params, dict) else {}
        if isinstance(method, str):
            if request_id is not None:
                self._requested(Inbound(self, request_id, method, params))
            elif method == "notifications/progress":
                self._progressed(params)
            elif self.on_notification is not None:
                self.on_notification(method, params)
        elif "result" in message or "error" in message:
            self._answered(request_id, message)
        else:
            self._report("sent a message that is neither request nor answer")

    def _requested(self, inbound: Inbound) -> None:
        if inbound.method == "ping":
            inbound.respond({})
        elif self.on_request is not None:
            self.on_request(inbound)
        else:
            inbound.refuse(METHOD_NOT_FOUND, f"{inbound.method[:100]} is not offered by this client")

    def _progressed(self, params: Mapping[str, Any]) -> None:
        exchange = self._pending.get(_as_id(params.get("progressToken")))
        if exchange is not None:
            exchange.push(Notice(params))

    def _answered(self, request_id: object, message: Mapping[str, Any]) -> None:
        number = _as_id(request_id)
        exchange = self._pending.pop(number, None)
        if exchange is None and self._closed is not None:
            return  # last words: servers answer what was open when they are told to stop
        if exchange is None:
            if (number, False) in self._abandoned:
                self._report("answered after the call had been given up; the answer was dropped")
            elif (number, True) not in self._abandoned:  # a slow starter may well answer our first question late
                self.strays += 1
                self._report("answered a request that was never made")
            return
        if "error" in message:
            exchange.push(Failure(_error(message["error"])))
        elif isinstance(result := message["result"], dict):
            exchange.push(Answer(cast("dict[str, Any]", result)))
        else:
            exchange.push(Failure(SpoiledAnswer(INTERNAL_ERROR, "The server's answer is not an object.")))

    def _spoiled(self, head: bytes, what: str) -> None:
        """A message that cannot be read: fail the request it answers, if that much can be told."""
        self._report(f"sent a line that {what}")
        found = _ID.search(head)
        exchange = self._pending.pop(int(found[1]), None) if found else None
        if exchange is not None:
            exchange.push(Failure(SpoiledAnswer(INTERNAL_ERROR, f"The server's answer {what}.")))

    def _report(self, sentence: str) -> None:
        if self._on_report is not None:
            self._on_report(sentence)


def _as_id(value: object) -> int:
    """Our ids are numbers; some servers give them back as text. -1 for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return -1


def _error(error: Any) -> RpcError:
    if not isinstance(error, dict):
        return RpcError(INTERNAL_ERROR, f"The server reported an error: {str(error)[:500]}")
    error = cast("dict[str, Any]", error)
    number = error.get("code")
    message = str(error.get("message") or "The server reported an error without a message.")
    return RpcError(number if isinstance(number, int) else INTERNAL_ERROR, message, error.get("data"))
