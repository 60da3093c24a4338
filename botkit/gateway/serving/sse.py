"""HTTP+SSE, the transport of 2024-11-05: one stream is the session, and POSTs beside it carry what the client says.

    GET  /ws/{slug}/sse                    → event: endpoint, data: messages?session_id=…
    POST /ws/{slug}/messages?session_id=…  → 202; the answer comes on the stream

Deprecated by the protocol, and still what many client configurations contain.

Source: https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse
"""

from __future__ import annotations

__all__ = ["OldStreams"]

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from botkit.core.access import Grant
from botkit.core.ids import short_token
from botkit.gateway.serving.changes import Changes
from botkit.gateway.serving.handshake import Handshake
from botkit.gateway.serving.http import PING_S, Http, event
from botkit.gateway.serving.lifeline import Credentials, Ended, Lifeline
from botkit.gateway.serving.rpc import INVALID_REQUEST, Refusal, as_object, error_message, is_request_id, result_message
from botkit.gateway.serving.sessions import Session
from botkit.gateway.watching import Watching

_LIMIT = 5_000
_BACKLOG = 1_000
"""Messages a client may leave unread before its stream ends."""
_PARALLEL = 64
"""Requests of one client at once."""


class OldStreams:
    """All open streams of this kind."""

    def __init__(self, handshake: Handshake, changes: Changes, watching: Watching, credentials: Credentials):
        self._handshake = handshake
        self._changes = changes
        self._watching = watching
        self._credentials = credentials
        self._open: dict[str, _Stream] = {}

    async def stream(self, http: Http, grant: Grant, base: str) -> None:
        """GET: open a stream. `base` is the path beside which messages are posted."""
        if len(self._open) >= _LIMIT:
            await http.refuse(Refusal(INVALID_REQUEST, "Too many streams are open."), status=503)
            return
        session = Session(short_token(32), grant, "2024-11-05", {})
        line = Lifeline(self._credentials, grant.credential)
        stream = self._open[session.id] = _Stream(session, line)
        session.stop_listening = self._changes.listen(grant.workspace, stream.heard)
        try:
            await http.open_stream()
            async with line.held(http, at_once=True):
                await http.write(f"event: endpoint\r\ndata: {base}/messages?session_id={session.id}\r\n\r\n".encode())
                while True:
                    await http.write(await stream.next())
        except Ended:
            await http.end_stream()
        finally:
            del self._open[session.id]
            session.end("gone", self._watching)
            await stream.stop()

    async def post(self, http: Http, grant: Grant, message: Any) -> None:
        """POST: what the client says."""
        given = parse_qs(http.query.decode("latin-1")).get("session_id", [""])[0]
        stream = self._open.get(given)
        if stream is None or (stream.session.workspace, stream.session.credential) != (
            grant.workspace,
            grant.credential,
        ):
            await http.refuse(Refusal(INVALID_REQUEST, "There is no such session."), status=404)
            return
        found = as_object(message)
        if found.get("jsonrpc") != "2.0" or ("method" in found and "id" in found and not is_request_id(found["id"])):
            await http.refuse(Refusal(INVALID_REQUEST, "This is not a JSON-RPC message."), status=400)
            return
        if "method" not in found or "id" not in found:
            self._handshake.take(stream.session, found)
        elif found["method"] == "initialize":
            self._initialize(stream, grant, found)
        elif not stream.begin(self._answer(stream, grant, found)):
            await http.refuse(Refusal(INVALID_REQUEST, "Too many requests are open."), status=503)
            return
        await http.answer(202)

    def _initialize(self, stream: _Stream, grant: Grant, request: Mapping[str, Any]) -> None:
        params = as_object(request.get("params"))
        version, result = self._handshake.greet(grant, params)
        stream.session.version = version
        stream.session.capabilities = as_object(params.get("capabilities"))
        stream.send(result_message(request["id"], result))

    async def _answer(self, stream: _Stream, grant: Grant, request: Mapping[str, Any]) -> None:
        if not isinstance(request["method"], str):
            stream.send(error_message(request["id"], Refusal(INVALID_REQUEST, "The method is not a text.")))
            return
        message, _ = await self._handshake.answer(stream.session, grant, request, stream, None)
        stream.send(message)


class _Stream:
    """One client: its session, what waits to be sent, and its requests under way. A `Voice`."""

    def __init__(self, session: Session, line: Lifeline):
        self.session = session
        self.streams = True
        self._line = line
        self._waiting: list[Any] = []
        self._something = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def say(self, message: Any) -> None:
        self.send(message)

    def send(self, message: Any) -> None:
        if len(self._waiting) >= _BACKLOG:
            self._line.end("gone")
            return
        self._waiting.append(message)
        self._something.set()

    def keep_alive(self) -> None:
        """The stream is kept alive anyway."""

    def heard(self, change: Any) -> None:
        self.session.heard(change)
        for message in self.session.take():
            self.send(message)

    def begin(self, work: Any) -> bool:
        """Start to answer a request; False: too many are open."""
        if len(self._tasks) >= _PARALLEL:
            work.close()
            return False
        task = asyncio.create_task(work, name="answer on a stream")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def next(self) -> bytes:
        try:
            async with asyncio.timeout(PING_S):
                await self._something.wait()
        except TimeoutError:
            return b": ping\r\n\r\n"
        self._something.clear()
        waiting, self._waiting = self._waiting, []
        return b"".join(event(message) for message in waiting)

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
