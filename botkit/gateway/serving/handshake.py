"""The handshake era over Streamable HTTP: `initialize`, a session, POSTs that may become streams, a stream for news.

A POST without a session is served too, as a client that only wants an answer sends it: it can not be asked anything.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http
"""

from __future__ import annotations

__all__ = ["Handshake", "Voice"]

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from botkit.core.access import Grant
from botkit.gateway.parking import PARK_S
from botkit.gateway.serving.http import JSON, PING_S, STREAM, Http, Reply, event
from botkit.gateway.serving.lifeline import Credentials, Ended, Lifeline
from botkit.gateway.serving.methods import LEVELS, Caller, Methods
from botkit.gateway.serving.rpc import (
    CANCELLED,
    INTERNAL,
    INVALID_PARAMS,
    INVALID_REQUEST,
    Refusal,
    as_object,
    error_message,
    is_object,
    is_request_id,
    result_message,
    status_of,
)
from botkit.gateway.serving.sessions import Session, Sessions
from botkit.gateway.session import HANDSHAKE_VERSIONS

_BATCHES = ("2025-03-26", "2024-11-05")
"""Revisions in which several messages may come in one body."""
_BATCH_LIMIT = 50
_ASSUMED = "2025-03-26"
"""The revision of a client that says none, by the specification."""


class Voice(Protocol):
    """How a client is spoken to while one of its requests is open."""

    streams: bool

    async def say(self, message: Any) -> None: ...
    def keep_alive(self) -> None: ...


class Handshake:
    """Serves this era."""

    def __init__(self, methods: Methods, sessions: Sessions, credentials: Credentials):
        self._methods = methods
        self._sessions = sessions
        self._credentials = credentials

    # Streamable HTTP

    async def post(self, http: Http, grant: Grant, message: Any) -> None:
        """One message, or several where the revision allows it."""
        if not http.accepts(JSON) and not http.accepts(STREAM):
            await http.refuse(Refusal(INVALID_REQUEST, "Accept application/json and text/event-stream."), status=406)
            return
        first = as_object(message)
        session: Session | None = None
        if first.get("method") == "initialize" and is_request_id(first.get("id")):
            await self._initialize(http, grant, first)
            return
        session_id = http.headers.get("mcp-session-id")
        if session_id is not None:
            session = self._sessions.find(session_id, grant)
            if session is None:
                await http.refuse(Refusal(INVALID_REQUEST, "There is no such session."), status=404)
                return
        version = session.version if session is not None else http.headers.get("mcp-protocol-version", _ASSUMED)
        messages = _messages(message, version)
        if session is None:
            await self._served(http, grant, Session("", grant, version, {}), messages, batch=isinstance(message, list))
            return
        session.busy += 1
        try:
            await self._served(http, grant, session, messages, batch=isinstance(message, list))
        finally:
            session.busy -= 1
            self._sessions.touch(session)

    async def stream(self, http: Http, grant: Grant) -> None:
        """GET: the stream of what belongs to no request. A second one takes the place of the first."""
        session = self._sessions.find(http.headers.get("mcp-session-id", ""), grant)
        if session is None:
            status = 404 if "mcp-session-id" in http.headers else 400
            await http.refuse(Refusal(INVALID_REQUEST, "There is no such session."), status=status)
            return
        if not http.accepts(STREAM):
            await http.refuse(Refusal(INVALID_REQUEST, "Accept text/event-stream."), status=406)
            return
        if session.stream is not None:
            session.stream.end("replaced")
        line = session.stream = Lifeline(self._credentials, grant.credential)
        session.busy += 1
        await http.open_stream({"mcp-session-id": session.id})
        try:
            async with line.held(http, at_once=True):
                while True:
                    await http.write(await _next(session))
        except Ended:
            await http.end_stream()
        finally:
            session.busy -= 1
            self._sessions.touch(session)
            session.take_back()
            if session.stream is line:
                session.stream = None

    async def delete(self, http: Http, grant: Grant) -> None:
        """DELETE: the client ends its session."""
        session = self._sessions.find(http.headers.get("mcp-session-id", ""), grant)
        if session is None:
            await http.refuse(Refusal(INVALID_REQUEST, "There is no such session."), status=404)
            return
        self._sessions.close(session, "cancelled")
        await http.answer(200)

    # What any transport of this era does

    def greet(self, grant: Grant, params: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The version spoken from now on, and the result of `initialize`."""
        wanted: Any = params.get("protocolVersion")
        version = wanted if wanted in HANDSHAKE_VERSIONS else HANDSHAKE_VERSIONS[-1]
        face = self._methods.hello(grant.workspace)
        result: dict[str, Any] = {
            "protocolVersion": version,
            "capabilities": face.capabilities,
            "serverInfo": face.server_info,
        }
        if face.instructions:
            result["instructions"] = face.instructions
        return version, result

    def take(self, session: Session, message: Mapping[str, Any]) -> None:
        """A notification of the client, or its answer to a question."""
        method: Any = message.get("method")
        if method is None:
            session.answered(message)
        elif method == "notifications/cancelled":
            session.cancel(as_object(message.get("params")).get("requestId"))

    async def answer(
        self, session: Session, grant: Grant, request: Mapping[str, Any], voice: Voice, http: Http | None
    ) -> tuple[dict[str, Any], Refusal | None]:
        """The answer to one request, and the refusal it is where it is one."""
        request_id = request["id"]
        line = Lifeline(self._credentials, grant.credential, on_long=voice.keep_alive)
        try:
            async with line.held():
                session.in_flight[request_id] = line
                try:
                    result = await self._result(session, grant, request, voice, line, http)
                finally:
                    session.in_flight.pop(request_id, None)
            return result_message(request_id, result), None
        except Refusal as refusal:
            return error_message(request_id, refusal), refusal
        except Ended as ended:
            reason = "The request was cancelled." if str(ended) == "cancelled" else f"The request ended: {ended}."
            refusal = Refusal(CANCELLED, reason)
            return error_message(request_id, refusal), refusal

    async def _result(
        self,
        session: Session,
        grant: Grant,
        request: Mapping[str, Any],
        voice: Voice,
        line: Lifeline,
        http: Http | None,
    ) -> dict[str, Any]:
        method, params = str(request["method"]), as_object(request.get("params"))
        if method == "ping":
            return {}
        if method == "logging/setLevel":
            return _set_level(session, params)
        if method in ("resources/subscribe", "resources/unsubscribe"):
            return await self._watch(session, grant, method, params)
        token: Any = as_object(params.get("_meta")).get("progressToken")

        async def say(kind: str, news: Mapping[str, Any]) -> None:
            if kind == "notifications/progress":
                if token is None:
                    return
                news = {**news, "progressToken": token}
            await voice.say({"jsonrpc": "2.0", "method": kind, "params": news})

        async def ask(question: Mapping[str, Any]) -> dict[str, Any]:
            return await _ask(session, question, voice, line, http)

        caller = Caller(
            grant,
            "handshake",
            say,
            ask if voice.streams else None,
            session.capabilities if voice.streams else {},
            session.log_level,
        )
        return await self._methods.serve(method, params, caller)

    async def _initialize(self, http: Http, grant: Grant, request: Mapping[str, Any]) -> None:
        params = as_object(request.get("params"))
        version, result = self.greet(grant, params)
        try:
            session = self._sessions.open(grant, version, as_object(params.get("capabilities")))
        except Refusal as refusal:
            await Reply(http).finish(error_message(request["id"], refusal), status=refusal.status)
            return
        await Reply(http).finish(result_message(request["id"], result), headers={"mcp-session-id": session.id})

    async def _served(
        self, http: Http, grant: Grant, session: Session, messages: list[dict[str, Any]], *, batch: bool
    ) -> None:
        requests: list[dict[str, Any]] = []
        for message in messages:
            if "method" in message and "id" in message:
                requests.append(message)
            else:
                self.take(session, message)
        if not requests:
            await http.answer(202)
            return
        headers = {"mcp-session-id": session.id} if session.id else {}
        reply = Reply(http, headers=headers, streams=http.accepts(STREAM) and bool(session.id))
        try:
            if batch:
                await self._serve_all(http, grant, session, requests, reply)
                return
            message, refusal = await self.answer(session, grant, requests[0], reply, http)
            status, more = 200, {}
            if refusal is not None:
                status = status_of(refusal, modern=False)
                more = {"retry-after": str(refusal.retry_after_s)} if refusal.retry_after_s else {}
            await reply.finish(message, status=status, headers=more)
        finally:
            reply.quiet()

    async def _serve_all(
        self, http: Http, grant: Grant, session: Session, requests: list[dict[str, Any]], reply: Reply
    ) -> None:
        """A batch: all at once; the answers in one array, or one by one where a stream was needed."""
        done = await asyncio.gather(*(self.answer(session, grant, one, reply, http) for one in requests))
        answers = [message for message, _ in done]
        if not reply.open:
            await reply.finish(answers)
            return
        for message in answers:
            await reply.say(message)
        await reply.close()

    async def _watch(self, session: Session, grant: Grant, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        uri: Any = params.get("uri")
        if not isinstance(uri, str) or not uri:
            raise Refusal(INVALID_PARAMS, f"{method} needs a uri.")
        watching = self._methods.gateway.fleet.watching
        if method == "resources/unsubscribe":
            for place, watched in list(session.watched.items()):
                if watched == uri:
                    del session.watched[place]
                    watching.release(*place)
            return {}
        place = await self._methods.watch(grant, uri, strict=True)
        if place is not None and (place in session.watched or session.ended or not session.id):
            watching.release(*place)
        elif place is not None:
            session.watched[place] = uri
        return {}


async def _ask(
    session: Session, question: Mapping[str, Any], voice: Voice, line: Lifeline, http: Http | None
) -> dict[str, Any]:
    """Put a question to the client and wait. A client that leaves meanwhile will not answer."""
    message, future = session.put(question)
    leaving = asyncio.ensure_future(http.gone()) if http is not None else None
    try:
        await voice.say(message)
        waiting = {future, leaving} if leaving is not None else {future}
        done, _ = await asyncio.wait(waiting, timeout=PARK_S, return_when=asyncio.FIRST_COMPLETED)
        if future in done:
            return future.result()
        if done:
            line.end("gone")
            await asyncio.sleep(0)
        return {"error": {"code": INTERNAL, "message": "The client did not answer."}}
    finally:
        session.withdraw(message)
        if leaving is not None:
            leaving.cancel()


async def _next(session: Session) -> bytes:
    """What a stream says next: changes, or after a while of silence a comment."""
    try:
        async with asyncio.timeout(PING_S):
            await session.something.wait()
    except TimeoutError:
        return b": ping\r\n\r\n"
    return b"".join(event(message) for message in session.take())


def _set_level(session: Session, params: Mapping[str, Any]) -> dict[str, Any]:
    level: Any = params.get("level")
    if level not in LEVELS:
        raise Refusal(INVALID_PARAMS, f"The level must be one of {', '.join(LEVELS)}.")
    session.log_level = level
    return {}


def _messages(message: Any, version: str) -> list[dict[str, Any]]:
    """The messages of a body. Raises `Refusal` when it holds something else."""
    if isinstance(message, list):
        found: list[Any] = message  # pyright: ignore[reportUnknownVariableType]  # any JSON
        if version not in _BATCHES or not found or len(found) > _BATCH_LIMIT:
            raise Refusal(INVALID_REQUEST, "Send one message in each body.", status=400)
        return [_checked(one) for one in found]
    return [_checked(message)]


def _checked(message: Any) -> dict[str, Any]:
    found = as_object(message)
    method: Any = found.get("method")
    is_call = isinstance(method, str) and ("id" not in found or is_request_id(found["id"]))
    is_answer = "method" not in found and is_request_id(found.get("id")) and ("result" in found or "error" in found)
    if found.get("jsonrpc") != "2.0" or not (is_call or is_answer) or method == "initialize":
        raise Refusal(INVALID_REQUEST, "This is not a JSON-RPC message.", status=400)
    if is_call and not is_object(found.get("params", {})):
        raise Refusal(INVALID_PARAMS, "params must be an object.", status=400)
    return found
