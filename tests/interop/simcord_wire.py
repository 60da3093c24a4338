"""`simcord`, a Discord that nobody here wrote, behind a wire: its rules and its events over HTTP and a gateway.

Its own client speaks to it in memory; here any bot may, by the address of this server.
"""

from __future__ import annotations

__all__ = ["SimcordWire"]

import asyncio
import io
import json
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from aiohttp import BodyPartReader, WSMsgType, web

from botkit.testing.site import Loopback

_PREFIX = "/api/v10"


@dataclass
class _File:
    """An upload, as simcord reads one."""

    filename: str
    fp: io.BytesIO
    description: str | None = None


class SimcordWire(Loopback):
    """Serves one `simcord.Env`.

    Args:
        env: running, with a client that only keeps it alive.
    """

    def __init__(self, env: Any):
        super().__init__()
        self._router = import_module("simcord.http.router")
        self._serializers = import_module("simcord.backend.serializers")
        self._backend: Any = env.backend
        self._lines: list[web.WebSocketResponse] = []
        self._number = 0
        self.asked: list[str] = []
        """`METHOD /path` of every request."""
        self._backend.subscribers.append(self._happened)
        self._events: list[dict[str, Any]] = []
        self.application.router.add_route("*", _PREFIX + "/{path:.+}", self._rest)
        self.application.router.add_get("/gateway/", self._gateway)

    # --- REST -------------------------------------------------------------------------------------------

    async def _rest(self, request: web.Request) -> web.Response:
        path = request.raw_path.removeprefix(_PREFIX).partition("?")[0]
        self.asked.append(f"{request.method} {path}")
        if path == "/gateway/bot":
            limit = {"total": 1000, "remaining": 999, "reset_after": 1, "max_concurrency": 1}
            url = self.api_base.replace("http", "ws") + "/gateway/"
            return _json({"url": url, "shards": 1, "session_start_limit": limit}, 200)
        body, files = await _read(request)
        try:
            found: Any = self._router.dispatch(
                self._backend, request.method, path, json=body, params=dict(request.query), files=files
            )
        except Exception as error:
            if not hasattr(error, "to_json"):
                raise
            refusal: Any = error
            return _json(refusal.to_json(), refusal.status)
        self.wake()
        return web.Response(status=204) if found is None else _json(found, 200)

    # --- gateway ----------------------------------------------------------------------------------------

    def _happened(self, name: str, data: Any) -> None:
        self._number += 1
        text = json.dumps({"op": 0, "t": name, "s": self._number, "d": data}, default=str)
        self._events.append(json.loads(text))
        self.wake()

    async def _gateway(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 45_000}})
        writing: asyncio.Task[None] | None = None
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            payload: dict[str, Any] = json.loads(str(message.data))  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
            if payload["op"] == 1:
                await socket.send_json({"op": 11, "d": None})
            elif payload["op"] == 2:
                await socket.send_json({"op": 0, "t": "READY", "s": 0, "d": self._ready()})
                writing = asyncio.create_task(self._write(socket))
        if writing is not None:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
        return socket

    async def _write(self, socket: web.WebSocketResponse) -> None:
        told = 0
        while True:
            changed = self.changed
            while told < len(self._events):
                await socket.send_json(self._events[told])
                told += 1
            await changed.wait()

    def _ready(self) -> dict[str, Any]:
        user: dict[str, Any] = dict(self._serializers.user_payload(self._backend.bot_user))
        return {
            "v": 10,
            "user": user,
            "guilds": [],
            "session_id": "simcord",
            "resume_gateway_url": self.api_base.replace("http", "ws") + "/gateway/",
            "application": {"id": user["id"], "flags": 1 << 18, "flags_new": str(1 << 18)},
        }


async def _read(request: web.Request) -> tuple[Any, list[_File]]:
    if request.content_type != "multipart/form-data":
        return (json.loads(await request.read()) if request.can_read_body else None), []
    body: Any = None
    files: list[_File] = []
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        data = bytes(await part.read())
        if part.name == "payload_json":
            body = json.loads(data)
        else:
            files.append(_File(part.filename or "", io.BytesIO(data)))
    return body, files


def _json(value: Any, status: int) -> web.Response:
    return web.Response(
        body=json.dumps(value, default=str).encode(), status=status, headers={"Content-Type": "application/json"}
    )
