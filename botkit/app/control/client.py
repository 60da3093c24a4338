"""A command's side of the control socket."""

from __future__ import annotations

__all__ = ["ControlClient", "connect"]

import asyncio
import itertools
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

from botkit.app.control.wire import LINE_LIMIT_BYTES, Operation, Reply, Request, find_operation, from_wire
from botkit.core.data import decode, encode
from botkit.core.errors import BotkitError

T = TypeVar("T")


class ControlClient:
    """One connection; any number of operations at a time over it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._reader = reader
        self._writer = writer
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Queue[Reply | None]] = {}
        self._ended = False

    def proxy(self, operations: type[T]) -> T:
        """An object with the groups and methods of `operations` that runs them on the other side."""
        return cast("T", _Proxy(self, operations))

    async def read(self) -> None:
        """Hand out replies until the other side closes; run it as a task."""
        try:
            while line := await self._reader.readline():
                reply = decode(line, Reply)
                queue = self._waiting.get(reply.id)
                if queue is not None:
                    queue.put_nowait(reply)
        except (ConnectionError, ValueError):
            pass  # said to whoever waits, below
        finally:
            self._ended = True
            for queue in self._waiting.values():
                queue.put_nowait(None)

    async def call(self, path: str, operation: Operation, values: dict[str, Any]) -> Any:
        async with aclosing(self._exchange(path, operation, values)) as replies:
            return await anext(replies)

    async def stream(self, path: str, operation: Operation, values: dict[str, Any]) -> AsyncGenerator[Any]:
        async with aclosing(self._exchange(path, operation, values)) as replies:
            async for value in replies:
                yield value

    async def _exchange(self, path: str, operation: Operation, values: dict[str, Any]) -> AsyncGenerator[Any]:
        request_id = next(self._ids)
        queue = self._waiting[request_id] = asyncio.Queue()
        done = False
        try:
            await self._send(Request(id=request_id, op=path, args=operation.encode_args(values)))
            while not done:
                reply = None if self._ended and queue.empty() else await queue.get()
                if reply is None:
                    raise BotkitError("the running botkit ended before it answered; ask again")
                done = reply.kind != "item"
                if reply.error is not None:
                    raise from_wire(reply.error)
                if not (done and operation.streams):
                    yield operation.decode(reply.value)
        finally:
            del self._waiting[request_id]
            if not done:
                await self._send(Request(id=request_id))

    async def _send(self, request: Request) -> None:
        with suppress(ConnectionError):  # whoever waits for the answer learns that the other side is gone
            self._writer.write(encode(request) + b"\n")
            await self._writer.drain()


class _Proxy:
    def __init__(self, client: ControlClient, operations: type, group: str = ""):
        self._client = client
        self._operations = operations
        self._group = group

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if not self._group:
            return _Proxy(self._client, self._operations, name)
        path = f"{self._group}.{name}"
        operation = find_operation(self._operations, path)

        def invoke(**values: Any) -> Any:
            exchange = self._client.stream if operation.streams else self._client.call
            return exchange(path, operation, values)

        return invoke


@asynccontextmanager
async def connect(path: Path) -> AsyncGenerator[ControlClient | None]:
    """A connection to the owner of this socket, or None when nobody listens there."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(path), limit=LINE_LIMIT_BYTES)
    except (FileNotFoundError, ConnectionRefusedError):
        yield None
        return
    except PermissionError as error:
        raise BotkitError(f"{path} belongs to another user: run this command as the user that runs botkit") from error
    client = ControlClient(reader, writer)
    task = asyncio.create_task(client.read())
    try:
        yield client
    finally:
        writer.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
