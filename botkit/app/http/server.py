"""uvicorn as a guest of our task group: it serves a socket we bound and stops when we say so."""

from __future__ import annotations

__all__ = ["HttpServer", "bind"]

import asyncio
import errno
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette

from botkit.core.errors import BotkitError

_BACKLOG = 2048
_TRIES = 50


def bind(host: str, port: int, *, search: bool) -> socket.socket:
    """Listen on an address.

    Args:
        search: take the next free port when this one is busy (`dev`).

    Raises:
        BotkitError: the port is busy, or the address is not of this machine.
    """
    for candidate in range(port, port + (_TRIES if search and port else 1)):
        try:
            return _listen(host, candidate)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and search:
                continue
            raise BotkitError(_why(host, candidate, error), port=candidate) from error
    raise BotkitError(f"ports {port} to {port + _TRIES - 1} are all in use; set BOTKIT_PORT to a free one", port=port)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where the protocol is named; with it, an answer whose head and body
    # are written apart waits forty milliseconds for an acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use: stop what listens there, or set BOTKIT_PORT to a free port"
    if error.errno == errno.EACCES:
        return f"this user may not listen on port {port}: use a port above 1023, with a proxy in front"
    return f"cannot listen on {host}:{port}: {error.strerror or error}; check BOTKIT_HOST"


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config):
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals belong to the process, which drains everything in order."""
        yield


class HttpServer:
    """Serves one app on one bound socket."""

    def __init__(self, app: Starlette, listener: socket.socket, *, trusted_proxies: tuple[str, ...] = ()):
        self._listener = listener
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            proxy_headers=bool(trusted_proxies),
            forwarded_allow_ips=list(trusted_proxies),
            timeout_graceful_shutdown=3,
            timeout_keep_alive=75,
            h11_max_incomplete_event_size=64 * 1024,
        )
        self._server = _Server(config)

    @property
    def url(self) -> str:
        """Where this machine reaches it."""
        bound: tuple[str, int] = self._listener.getsockname()[:2]
        host, port = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bound[0], bound[0]), bound[1]  # noqa: S104 - compared, not bound
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None]:
        """Answer requests until the block ends; then open ones get three seconds."""
        task = asyncio.create_task(self._server.serve(sockets=[self._listener]), name="http")
        try:
            up = asyncio.create_task(self._server.up.wait())
            await asyncio.wait((task, up), return_when=asyncio.FIRST_COMPLETED)
            up.cancel()
            if task.done():
                task.result()
            yield
        finally:
            self._server.should_exit = True
            await task
            self._listener.close()
