"""How payloads reach the app: over Socket Mode, or posted and signed; what was not answered comes again."""

from __future__ import annotations

__all__ = ["Delivery", "Outbox"]

import asyncio
import contextlib
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from botkit.core.clock import Clock


@dataclass(slots=True)
class Delivery:
    """One payload on its way."""

    id: str
    kind: str
    """`events_api`, `interactive` or `slash_commands`."""
    payload: dict[str, Any]
    attempts: int = 0
    answered: bool = False


@dataclass(slots=True)
class _Line:
    socket: web.WebSocketResponse
    waiting: asyncio.Queue[dict[str, Any] | None] = field(default_factory=asyncio.Queue[dict[str, Any] | None])


class Outbox:
    """Everything the app has to hear of, in order, until it answered.

    Args:
        changed: called when something was answered or a connection opened or closed.
    """

    def __init__(self, clock: Clock, changed: Callable[[], None]):
        self.clock = clock
        self.deliveries: list[Delivery] = []
        self.connections = 0
        self.request_url = ""
        """Post to this address instead of a socket (`mode: events`)."""
        self.signing_secret = ""
        self.posted: list[tuple[str, int]] = []
        """(delivery id, status) of every post."""
        self.frozen = False
        """Sockets are half open: nothing goes in or out."""
        self._changed = changed
        self._lines: list[_Line] = []
        self._again = asyncio.Event()

    @property
    def unanswered(self) -> list[Delivery]:
        return [delivery for delivery in self.deliveries if not delivery.answered]

    @property
    def connected(self) -> bool:
        return bool(self._lines)

    def put(self, kind: str, payload: dict[str, Any]) -> Delivery:
        delivery = Delivery(f"envelope{len(self.deliveries) + 1}", kind, payload)
        self.deliveries.append(delivery)
        self._send(delivery)
        return delivery

    def redeliver(self) -> None:
        """The last payload once more, as Slack does when it is not sure."""
        last = self.deliveries[-1]
        self.put(last.kind, last.payload)

    def ask_to_reconnect(self, reason: str = "refresh_requested") -> None:
        for line in self._lines:
            line.waiting.put_nowait({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink"}})

    def close(self) -> None:
        """End every connection."""
        for line in self._lines:
            line.waiting.put_nowait(None)
        self._lines = []

    def _send(self, delivery: Delivery) -> None:
        self._again.set()
        if not self._lines or self.request_url:
            return
        delivery.attempts += 1
        envelope: dict[str, Any] = {
            "envelope_id": delivery.id,
            "type": delivery.kind,
            "payload": delivery.payload,
            "accepts_response_payload": delivery.kind != "events_api",
        }
        if delivery.kind == "events_api":
            envelope |= {"retry_attempt": delivery.attempts - 1, "retry_reason": "timeout" * (delivery.attempts > 1)}
        self._lines[-1].waiting.put_nowait(envelope)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """A Socket Mode connection: hello, then what is unanswered, then what comes."""
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        line = _Line(socket)
        writing = asyncio.create_task(self._write(line), name="fake slack socket")
        self._lines.append(line)
        self.connections += 1
        info = {"app_id": "A01"}
        line.waiting.put_nowait({"type": "hello", "num_connections": len(self._lines), "connection_info": info})
        for delivery in self.unanswered:
            self._send(delivery)
        self._changed()
        try:
            async for message in socket:
                if self.frozen:
                    continue
                if message.type is aiohttp.WSMsgType.PING:
                    await socket.pong(cast("bytes", message.data))
                    continue
                if message.type is not aiohttp.WSMsgType.TEXT:
                    break
                self._answered(str(json.loads(cast("str", message.data)).get("envelope_id", "")))
        finally:
            if line in self._lines:
                self._lines.remove(line)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            self._changed()
        return socket

    def _answered(self, number: str) -> None:
        for delivery in self.deliveries:
            if delivery.id == number:
                delivery.answered = True
        self._changed()

    async def _write(self, line: _Line) -> None:
        while True:
            envelope = await line.waiting.get()
            if self.frozen:
                continue
            with contextlib.suppress(ConnectionError, RuntimeError):
                if envelope is None:
                    await line.socket.close()
                    return
                await line.socket.send_json(envelope)

    # --- posts ------------------------------------------------------------------------------------------

    def signed(self, body: bytes, *, timestamp: str = "") -> dict[str, str]:
        """The headers of a request of Slack's."""
        stamp = timestamp or str(int(self.clock.now().timestamp()))
        base = b"v0:" + stamp.encode("utf-8", "surrogateescape") + b":" + body
        digest = hmac.new(self.signing_secret.encode(), base, hashlib.sha256).hexdigest()
        return {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={digest}"}

    @staticmethod
    def body_of(delivery: Delivery) -> tuple[bytes, str]:
        """(body, content type): events are JSON, presses a form with JSON in it, commands a form."""
        match delivery.kind:
            case "events_api":
                return json.dumps(delivery.payload).encode(), "application/json"
            case "interactive":
                form = {"payload": json.dumps(delivery.payload)}
            case _:
                form = delivery.payload
        return urlencode(form).encode(), "application/x-www-form-urlencoded"

    async def post_all(self, retry_s: float) -> None:
        """Post what is unanswered to `request_url`, in order, until cancelled."""
        async with aiohttp.ClientSession() as session:
            while True:
                self._again.clear()
                waiting = self.unanswered
                if not waiting or not self.request_url:
                    await self._again.wait()
                    continue
                delivery = waiting[0]
                delivery.attempts += 1
                body, kind = self.body_of(delivery)
                headers = {**self.signed(body), "Content-Type": kind}
                if delivery.attempts > 1:
                    headers |= {"x-slack-retry-num": str(delivery.attempts - 1), "x-slack-retry-reason": "http_error"}
                status = 0
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.post(self.request_url, data=body, headers=headers) as answer:
                        await answer.read()
                        status = answer.status
                self.posted.append((delivery.id, status))
                if status == 200:
                    self._answered(delivery.id)
                else:
                    self._changed()
                    await self.clock.sleep(retry_s)
