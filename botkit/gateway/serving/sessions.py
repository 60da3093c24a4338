"""Sessions of the handshake era: who is connected, what they can be asked, and what waits to be told to them.

A session belongs to one credential in one workspace; to everybody else it does not exist. It has no task of its own,
and one that nobody uses is forgotten after half an hour.
"""

from __future__ import annotations

__all__ = ["Session", "Sessions"]

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from botkit.core.access import Grant
from botkit.core.clock import Clock
from botkit.core.ids import short_token
from botkit.gateway.serving.changes import Change, Changes
from botkit.gateway.serving.lifeline import Lifeline
from botkit.gateway.serving.rpc import INVALID_REQUEST, Refusal, as_object
from botkit.gateway.watching import Watching

IDLE_S = 30 * 60.0
LIMIT = 10_000
_SWEEP_S = 60.0
_ASKED_LIMIT = 100
_UNSURE_S = 5.0
"""How long it may take to notice that a client is gone."""
_log = structlog.get_logger("botkit.gateway")


class Session:
    """One client between `initialize` and its end."""

    __slots__ = (
        "_ids",
        "_told",
        "asked",
        "busy",
        "capabilities",
        "credential",
        "ended",
        "id",
        "in_flight",
        "log_level",
        "questions",
        "something",
        "stop_listening",
        "stream",
        "used_at",
        "version",
        "waiting",
        "watched",
        "workspace",
    )

    def __init__(self, session_id: str, grant: Grant, version: str, capabilities: dict[str, Any]):
        self.id = session_id
        self.workspace = grant.workspace
        self.credential = grant.credential
        self.version = version
        self.capabilities = capabilities
        self.log_level = "info"
        """Until the client sets one."""
        self.used_at = 0.0
        self.busy = 0
        """Requests being served and streams open."""
        self.ended = False
        self.stop_listening: Callable[[], None] = lambda: None
        self.in_flight: dict[Any, Lifeline] = {}
        self.stream: Lifeline | None = None
        """The open stream for what belongs to no request."""
        self.questions: dict[str, asyncio.Future[dict[str, Any]]] = {}
        """Requests put to the client, by id."""
        self.asked: dict[str, None] = {}
        """Elicitations by address whose end the client is told of."""
        self.watched: dict[tuple[str, str], str] = {}
        """By server and its own URI: the URI as the client knows it."""
        self.waiting: dict[tuple[str, str], dict[str, Any]] = {}
        self.something = asyncio.Event()
        self._ids = itertools.count(1)
        self._told: tuple[float, dict[tuple[str, str], dict[str, Any]]] = (0.0, {})

    def heard(self, change: Change) -> None:
        """Keep a change until a stream takes it; changes of the same thing are one."""
        params: dict[str, Any] = {}
        if change.kind == "resource":
            uri = self.watched.get((change.server, change.name))
            if uri is None:
                return
            params = {"uri": uri}
        elif change.kind == "asked":
            if change.name not in self.asked:
                return
            del self.asked[change.name]
            params = {"elicitationId": change.name}
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": change.method}
        self.waiting[change.kind, str(params)] = {**message, "params": params} if params else message
        self.something.set()

    def take(self) -> list[dict[str, Any]]:
        """What waits to be told."""
        self.something.clear()
        waiting, self.waiting = self.waiting, {}
        self._told = (asyncio.get_running_loop().time(), waiting)
        return list(waiting.values())

    def take_back(self) -> None:
        """The stream ended: what was told last may not have arrived, and to hear it twice does no harm."""
        at, told = self._told
        if told and asyncio.get_running_loop().time() - at < _UNSURE_S:
            self.waiting = {**told, **self.waiting}
            self.something.set()

    def put(self, request: Mapping[str, Any]) -> tuple[dict[str, Any], asyncio.Future[dict[str, Any]]]:
        """A request to the client with an id of ours, and where its answer will arrive. Undo it with `withdraw`."""
        number = f"botkit-{next(self._ids)}"
        future = self.questions[number] = asyncio.get_running_loop().create_future()
        params = as_object(request.get("params"))
        elicitation: Any = params.get("elicitationId")
        if isinstance(elicitation, str) and len(self.asked) < _ASKED_LIMIT:
            self.asked[elicitation] = None
        return {
            "jsonrpc": "2.0",
            "id": number,
            "method": request["method"],
            "params": params,
        }, future

    def withdraw(self, message: Mapping[str, Any]) -> None:
        self.questions.pop(message["id"], None)

    def answered(self, message: Mapping[str, Any]) -> None:
        """An answer of the client; one to no question of ours is ignored."""
        future = self.questions.get(str(message.get("id")))
        if future is not None and not future.done():
            future.set_result(dict(message))

    def cancel(self, request_id: object) -> None:
        line = self.in_flight.get(request_id) if isinstance(request_id, str | int) else None
        if line is not None:
            line.end("cancelled")

    def end(self, reason: str, watching: Watching) -> None:
        """Cut everything that hangs on it. Safe to repeat."""
        if self.ended:
            return
        self.ended = True
        self.stop_listening()
        for server, uri in self.watched:
            watching.release(server, uri)
        self.watched.clear()
        for line in list(self.in_flight.values()):
            line.end(reason)
        if self.stream is not None:
            self.stream.end(reason)


class Sessions:
    """All sessions of this process, least recently used first."""

    def __init__(
        self, changes: Changes, watching: Watching, clock: Clock, *, limit: int = LIMIT, idle_s: float = IDLE_S
    ):
        self._changes = changes
        self._watching = watching
        self._clock = clock
        self._limit = limit
        self._idle_s = idle_s
        self._sessions: dict[str, Session] = {}
        self._sweeper: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self, grant: Grant, version: str, capabilities: dict[str, Any]) -> Session:
        """A new session. Raises `Refusal` when there are too many and all are in use."""
        if len(self._sessions) >= self._limit:
            self._make_room(grant.credential)
        session = Session(short_token(32), grant, version, capabilities)
        session.stop_listening = self._changes.listen(grant.workspace, session.heard)
        self._sessions[session.id] = session
        self.touch(session)
        if self._sweeper is None or self._sweeper.done():
            self._sweeper = asyncio.create_task(self._sweep(), name="forget idle sessions")
        return session

    def find(self, session_id: str, grant: Grant) -> Session | None:
        """The session, for the credential that opened it."""
        session = self._sessions.get(session_id)
        if session is None or (session.workspace, session.credential) != (grant.workspace, grant.credential):
            return None
        self.touch(session)
        return session

    def close(self, session: Session, reason: str) -> None:
        self._sessions.pop(session.id, None)
        session.end(reason, self._watching)

    async def stop(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        for session in list(self._sessions.values()):
            self.close(session, "stopping")

    def touch(self, session: Session) -> None:
        """It was used just now."""
        session.used_at = self._clock.monotonic()
        if self._sessions.pop(session.id, None) is not None:
            self._sessions[session.id] = session  # to the end: the order is that of use

    def _make_room(self, credential: str) -> None:
        """End the session nobody has used for longest, one of the same client first."""
        idle = [one for one in self._sessions.values() if not one.busy]
        own = next((one for one in idle if one.credential == credential), None)
        victim = own or next(iter(idle), None)
        if victim is None:
            raise Refusal(INVALID_REQUEST, "Too many sessions are open.", status=503)
        self.close(victim, "gone")

    async def _sweep(self) -> None:
        while self._sessions:
            await self._clock.sleep(_SWEEP_S)
            before = self._clock.monotonic() - self._idle_s
            old = [one for one in self._sessions.values() if one.used_at <= before and not one.busy]
            for session in old:
                self.close(session, "gone")
            if old:
                _log.info("sessions_forgotten", number=len(old), left=len(self._sessions))
