"""The gateway: sessions that outlive their connections, replay after a resume, and the ways one ends.

Source: https://docs.discord.com/developers/events/gateway
"""

from __future__ import annotations

__all__ = ["GUILD_MESSAGES", "MESSAGE_CONTENT", "Gateway", "Session"]

import asyncio
import contextlib
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import aiohttp
from aiohttp import web

from botkit.testing.discord.world import APP_ID, MESSAGE_CONTENT_FLAG, World
from botkit.testing.faults import Deliveries

GUILDS = 1 << 0
GUILD_MESSAGES = 1 << 9
MESSAGE_CONTENT = 1 << 15
_PRIVILEGED = {1 << 1: 1 << 14, 1 << 8: 1 << 12, MESSAGE_CONTENT: MESSAGE_CONTENT_FLAG}
"""Intent → the application's flag that allows it."""
_ENDS_SESSION = frozenset({1000, 1001})
"""Codes with which a client gives its session up."""


@dataclass(slots=True)
class Session:
    id: str
    intents: int
    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Every dispatch so far; its sequence number is its place, from 1."""
    line: Line | None = None
    """The connection, while there is one."""
    valid: bool = True


class Line:
    """One WebSocket: writes in order, compressed when the client asked for it."""

    def __init__(self, socket: web.WebSocketResponse, *, compressed: bool):
        self.socket = socket
        self._zlib = zlib.compressobj() if compressed else None
        self.closed_here = False
        """We closed it: what the client answers says nothing about its session."""
        self._waiting: asyncio.Queue[tuple[dict[str, Any] | None, int]] = asyncio.Queue()

    def send(self, payload: dict[str, Any]) -> None:
        self._waiting.put_nowait((payload, 0))

    def close(self, code: int) -> None:
        """After what was sent before."""
        self.closed_here = True
        self._waiting.put_nowait((None, code))

    async def write(self) -> None:
        """Until closed or cancelled."""
        while True:
            payload, code = await self._waiting.get()
            with contextlib.suppress(ConnectionError, RuntimeError):
                if payload is None:
                    await self.socket.close(code=code, message=b"")
                    return
                text = json.dumps(payload)
                if self._zlib is None:
                    await self.socket.send_str(text)
                else:
                    packed = self._zlib.compress(text.encode()) + self._zlib.flush(zlib.Z_SYNC_FLUSH)
                    await self.socket.send_bytes(packed)


class Gateway:
    """All sessions of the one bot.

    Args:
        is_token: whether a token is the bot's.
        address: the gateway's public address, for `resume_gateway_url`.
        changed: called when something arrived or a connection opened or closed.
    """

    def __init__(
        self, world: World, *, is_token: Callable[[str], bool], address: Callable[[], str], changed: Callable[[], None]
    ):
        self.world = world
        self.heartbeat_ms = 41_250
        self.acknowledges = True
        """False: heartbeats are not answered any more."""
        self.sessions: dict[str, Session] = {}
        self.identifies: list[dict[str, Any]] = []
        self.resumes: list[dict[str, Any]] = []
        self.heartbeats = 0
        self.deliveries = Deliveries(self._spread)
        self._is_token = is_token
        self._address = address
        self._changed = changed
        self._lines: set[Line] = set()

    @property
    def connected(self) -> list[Session]:
        return [session for session in self.sessions.values() if session.line is not None]

    # --- what happens -----------------------------------------------------------------------------------

    def dispatch(self, name: str, data: dict[str, Any], *, intent: int = 0) -> None:
        """An event for every session that asked for its kind."""
        self.deliveries.put((name, data, intent))

    def _spread(self, event: tuple[str, dict[str, Any], int]) -> None:
        name, data, intent = event
        for session in self.sessions.values():
            if session.valid and (not intent or session.intents & intent):
                self._push(session, name, self._filtered(session, name, data))
        self._changed()

    def redeliver(self) -> None:
        """The last event of each session once more, under a new number."""
        for session in self.sessions.values():
            if session.events:
                last = session.events[-1]
                self._push(session, last["t"], last["d"])
        self._changed()

    def ask_to_reconnect(self) -> None:
        """Op 7."""
        for session in self.connected:
            self._tell(session, {"op": 7, "d": None})

    def invalidate(self, *, resumable: bool = False) -> None:
        """Op 9 to every connection; the sessions are gone unless `resumable`."""
        for session in list(self.connected):
            session.valid = resumable
            self._tell(session, {"op": 9, "d": resumable})
        self.sessions = {key: session for key, session in self.sessions.items() if session.valid}

    def forget_sessions(self) -> None:
        """A resume will be refused: too long ago, or the server was restarted."""
        for session in self.sessions.values():
            session.valid = False

    def close(self, code: int) -> None:
        """Close every connection with a code."""
        for session in list(self.connected):
            if session.line is not None:
                session.line.close(code)
            session.line = None

    def abort(self) -> None:
        """Cut every connection without a word."""
        for session in self.connected:
            session.line = None

    def _filtered(self, session: Session, name: str, data: dict[str, Any]) -> dict[str, Any]:
        """Without the intent, texts of others in servers are empty unless they mention the bot."""
        if not name.startswith("MESSAGE_") or "guild_id" not in data or session.intents & MESSAGE_CONTENT:
            return data
        mentioned = any(user["id"] == str(APP_ID) for user in data.get("mentions", ()))
        if "content" not in data or mentioned or data["author"]["id"] == str(APP_ID):
            return data
        return data | {"content": "", "attachments": [], "embeds": [], "components": []}

    def _push(self, session: Session, name: str, data: dict[str, Any]) -> None:
        payload = {"op": 0, "t": name, "s": len(session.events) + 1, "d": data}
        session.events.append(payload)
        self._tell(session, payload)

    @staticmethod
    def _tell(session: Session, payload: dict[str, Any]) -> None:
        if session.line is not None:
            session.line.send(payload)

    # --- one connection ---------------------------------------------------------------------------------

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoclose=False)
        await socket.prepare(request)
        line = Line(socket, compressed=request.query.get("compress") == "zlib-stream")
        writing = asyncio.create_task(line.write(), name="fake discord gateway")
        line.send({"op": 10, "d": {"heartbeat_interval": self.heartbeat_ms}})
        session: Session | None = None
        try:
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    break
                session = self._received(line, json.loads(cast("str", message.data)), session)
                self._changed()
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            if session is not None and session.line is line:
                session.line = None
            if session is not None and not line.closed_here and socket.close_code in _ENDS_SESSION:
                self.sessions.pop(session.id, None)
            with contextlib.suppress(ConnectionError):
                await socket.close()
            self._changed()
        return socket

    def _received(self, line: Line, payload: dict[str, Any], session: Session | None) -> Session | None:
        data: Any = payload.get("d")
        match payload.get("op"):
            case 1:
                self.heartbeats += 1
                if self.acknowledges:
                    line.send({"op": 11, "d": None})
            case 2:
                return self._identify(line, data)
            case 6:
                return self._resume(line, data)
            case 3 | 4 | 8:
                pass
            case _:
                line.close(4001)
        return session

    def _identify(self, line: Line, data: dict[str, Any]) -> Session | None:
        self.identifies.append(data)
        if not self._is_token(str(data.get("token", ""))):
            line.close(4004)
            return None
        intents = int(data["intents"])
        if any(intents & intent and not self.world.flags & flag for intent, flag in _PRIVILEGED.items()):
            line.close(4014)
            return None
        session = Session(f"session{len(self.identifies)}", intents, line=line)
        self.sessions[session.id] = session
        unavailable = [{"id": str(guild), "unavailable": True} for guild in self.world.guilds]
        self._push(
            session,
            "READY",
            {
                "v": 10,
                "user": self.world.bot.as_json() | {"verified": True, "mfa_enabled": False, "email": None, "flags": 0},
                "guilds": unavailable,
                "session_id": session.id,
                "session_type": "normal",
                "resume_gateway_url": self._address(),
                "application": {"id": str(APP_ID), "flags": self.world.flags, "flags_new": str(self.world.flags)},
                "private_channels": [],
                "relationships": [],
                "presences": [],
                "user_settings": {},
                "_trace": [],
            },
        )
        if intents & GUILDS:
            for guild in self.world.guilds.values():
                self._push(session, "GUILD_CREATE", self.world.guild_json(guild))
        return session

    def _resume(self, line: Line, data: dict[str, Any]) -> Session | None:
        self.resumes.append(data)
        session = self.sessions.get(str(data.get("session_id", "")))
        if not self._is_token(str(data.get("token", ""))):
            line.close(4004)
            return None
        if session is None or not session.valid:
            line.send({"op": 9, "d": False})
            return None
        seen = int(data.get("seq") or 0)
        if seen > len(session.events):
            line.close(4007)
            return None
        session.line = line
        for payload in session.events[seen:]:
            line.send(payload)
        self._push(session, "RESUMED", {"_trace": []})
        return session
