"""The owner's side of the control socket."""

from __future__ import annotations

__all__ = ["ControlServer"]

import asyncio
import os
import socket
import struct
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import structlog

from botkit.app.control.wire import LINE_LIMIT_BYTES, Reply, Request, find_operation, to_wire
from botkit.core.data import decode, encode
from botkit.core.errors import BotkitError

_log = structlog.get_logger("botkit.control")


class ControlServer:
    """Answers commands of the same user.

    Args:
        operations: an object whose attributes are groups of operations; its annotations name their classes.
    """

    def __init__(self, path: Path, operations: object):
        self.path = path
        self._operations = operations
        self._connections: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None]:
        """Serve until the block ends. Call it as the owner of the home: a socket left by a dead process is
        replaced."""
        self.path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(str(self.path))
        finally:
            os.umask(before)
        server = await asyncio.start_unix_server(self._connected, sock=listener, limit=LINE_LIMIT_BYTES)
        try:
            yield
        finally:
            server.close()
            for task in tuple(self._connections):
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)
            self.path.unlink(missing_ok=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            if _same_user(writer.get_extra_info("socket")):
                await _Connection(self._operations, reader, writer).serve()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the command ended; what it asked for is done or stopped
        except asyncio.CancelledError:
            # Shutdown: asyncio reports a cancelled connection handler as an error, so it must end normally.
            pass
        finally:
            self._connections.discard(task)
            writer.close()


class _Connection:
    def __init__(self, operations: object, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._operations = operations
        self._reader = reader
        self._writer = writer
        self._running: dict[int, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                while line := await self._read_line():
                    self._take(decode(line, Request), group)
                for task in self._running.values():
                    task.cancel()
        except* (msgspec.MsgspecError, ConnectionError) as broken:
            _log.warning("control_connection_dropped", reason=str(broken.exceptions[0]))

    async def _read_line(self) -> bytes:
        try:
            return await self._reader.readline()
        except ValueError:  # longer than LINE_LIMIT_BYTES
            return b""

    def _take(self, request: Request, group: asyncio.TaskGroup) -> None:
        if request.op:
            task = group.create_task(self._answer(request))
            self._running[request.id] = task
            task.add_done_callback(lambda _: self._running.pop(request.id, None))
        elif request.id in self._running:
            self._running[request.id].cancel()

    async def _answer(self, request: Request) -> None:
        try:
            operation = find_operation(type(self._operations), request.op)
            group, _, name = request.op.partition(".")
            answer = getattr(getattr(self._operations, group), name)(**operation.decode_args(request.args))
            if operation.streams:
                await self._stream(request.id, answer)
                result: Any = None
            else:
                result = await answer
            await self._write(Reply(id=request.id, kind="result", value=msgspec.Raw(encode(result))))
        except BotkitError as error:
            await self._write(Reply(id=request.id, kind="error", error=to_wire(error)))
        except msgspec.ValidationError as error:
            await self._write(Reply(id=request.id, kind="error", error=to_wire(BotkitError(f"{request.op}: {error}"))))
        except ConnectionError:
            raise
        except Exception as error:
            _log.exception("control_operation_failed", op=request.op)
            failure = BotkitError(
                f"{request.op} failed ({type(error).__name__}); the log of the running botkit says why"
            )
            await self._write(Reply(id=request.id, kind="error", error=to_wire(failure)))

    async def _stream(self, request_id: int, items: AsyncIterator[Any]) -> None:
        try:
            async for item in items:
                await self._write(Reply(id=request_id, kind="item", value=msgspec.Raw(encode(item))))
        finally:
            close = getattr(items, "aclose", None)
            if close is not None:
                await close()

    async def _write(self, reply: Reply) -> None:
        self._writer.write(encode(reply) + b"\n")
        await self._writer.drain()


def _same_user(connection: socket.socket) -> bool:
    """Whether the other end runs as us or as root. The file mode says so already; this also holds where a
    backup or a careless `chmod` opened the folder."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:  # macOS: the file mode alone
        return True
    _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i")))
    return uid in (0, os.getuid())
