"""Server processes: started without a shell, with little around them, and never left behind.

A server runs below a launcher (`launcher.py`) that ends it, and everything it started, when botkit closes a pipe or
is killed. Its environment holds a handful of harmless variables and what its configuration names; its standard
error becomes log lines.
"""

from __future__ import annotations

__all__ = ["Command", "Limits", "OnLine", "Process", "minimal_environment", "spawn"]

import asyncio
import codecs
import contextlib
import os
import shutil
import sys
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from botkit.core.data import Data
from botkit.core.errors import ToolUnavailable

_LAUNCHER = str(Path(__file__).with_name("launcher.py"))
_INHERITED = ("HOME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER")
"""What a program needs to find its files and speak the operator's language. No keys, no proxies, no PYTHON*."""
_LINE_CHARS = 2000
"""Longer lines of standard error are cut."""
_TAIL_LINES = 20
"""Last lines of standard error kept to explain a failed start."""
_LAST_WORDS_S = 1.0
"""How long an ended server's pipes may stay open, because something else inherited them."""
_UNREAD_LIMIT_BYTES = 64 * 1024 * 1024
"""Requests a server may leave unread before it counts as hung."""

OnLine = Callable[[str], None]
"""Receives a line of standard error."""


class Limits(Data):
    """Caps of the operating system on one process; 0 means none."""

    memory_bytes: int = 0
    """Address space."""
    cpu_s: int = 0


class Command(Data):
    """What to run. `argv` goes to the kernel as it is; no shell ever reads it."""

    argv: tuple[str, ...]
    env: dict[str, str] = {}
    """Added to the minimal environment."""
    cwd: str = ""
    limits: Limits = Limits()
    grace_s: float = 2.0
    """Seconds between asking and killing."""


def minimal_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The few variables every server gets, and its own."""
    env = {name: value for name in _INHERITED if (value := os.environ.get(name)) is not None}
    return {**env, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", **extra}


class Process(asyncio.SubprocessProtocol):
    """One running server.

    Use `spawn` to make one, `listen` to hear it and `stop` to end it; cancelling `stop` leaves the end to the launcher.
    """

    def __init__(self, on_line: OnLine, grace_s: float):
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[int] = loop.create_future()
        """Exit status; 128 + the signal's number after a signal. Done when all it wrote was read."""
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._on_line = on_line
        self._on_output: Callable[[bytes], None] | None = None
        self._early: list[bytes] = []
        """Output that came before anybody listened."""
        self._on_closed: Callable[[], None] | None = None
        self._grace_s = grace_s
        self._line = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._transport: asyncio.SubprocessTransport | None = None
        self._control = -1
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int:
        """Of the launcher; the server is its child."""
        return self._transport.get_pid() if self._transport else 0

    def listen(self, on_output: Callable[[bytes], None], on_closed: Callable[[], None] = lambda: None) -> None:
        """Have output passed on as it comes, and one call when the server can answer no more.

        What happened since the start is told first, so a server that speaks or dies at once is heard too.
        """
        self._on_output = on_output
        early, self._early = self._early, []
        for data in early:
            on_output(data)
        self._on_closed = on_closed
        if self._closed:
            on_closed()

    def forget(self) -> None:
        """Tell nobody when it ends: that is meant."""
        self._on_closed = None

    @property
    def alive(self) -> bool:
        return not self._closed and not self.exited.done()

    def write(self, data: bytes) -> None:
        """Send bytes to standard input without waiting.

        Raises:
            ToolUnavailable: the process is gone or has stopped reading.
        """
        pipe = self._stdin
        if pipe is None or pipe.is_closing() or not self.alive:
            raise ToolUnavailable("The server's process has ended.")
        if pipe.get_write_buffer_size() + len(data) > _UNREAD_LIMIT_BYTES:
            raise ToolUnavailable("The server has stopped reading its requests.")
        pipe.write(data)

    async def stop(self) -> int:
        """End the server: close its input, wait, SIGTERM, wait, SIGKILL to all it started. Repeating is safe."""
        if (pipe := self._stdin) is not None:
            pipe.close()
        if not await self._ended_within(self._grace_s):
            self._tell(b"T")
            if not await self._ended_within(self._grace_s):
                self._hang_up()
        # From here the launcher works alone: its own grace, then SIGKILL until nothing is left.
        if not await self._ended_within(self._grace_s + 10) and self._transport is not None:
            self._transport.kill()
        return await self.exited

    def kill(self) -> None:
        """Have the launcher end everything now, without waiting for it."""
        self._hang_up()

    async def _ended_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.shield(self.exited)
        return self.exited.done()

    @property
    def _stdin(self) -> asyncio.WriteTransport | None:
        if self._transport is None:
            return None
        return cast("asyncio.WriteTransport | None", self._transport.get_pipe_transport(0))

    def _tell(self, word: bytes) -> None:
        with contextlib.suppress(OSError):
            if self._control >= 0:
                os.write(self._control, word)

    def _hang_up(self) -> None:
        if self._control >= 0:
            os.close(self._control)
            self._control = -1

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd != 1:
            self._feed_lines(self._decoder.decode(data))
        elif self._on_output is not None:
            self._on_output(data)
        else:
            self._early.append(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 2:
            self._feed_lines(self._decoder.decode(b"", final=True) + "\n")
        elif fd == 1:
            self._close()

    def process_exited(self) -> None:
        self._hang_up()
        # Its last words may still be in the pipes; `connection_lost` comes when they were read.
        self._timer = asyncio.get_running_loop().call_later(_LAST_WORDS_S, self._finish)

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish()

    def _finish(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        code = self._transport.get_returncode() if self._transport else None
        if not self.exited.done():
            self.exited.set_result(-1 if code is None else code)
        self._close()
        if self._transport is not None:
            self._transport.close()

    def _close(self) -> None:
        if not self._closed:
            self._closed = True
            if self._on_closed is not None:
                self._on_closed()

    def _feed_lines(self, text: str) -> None:
        *lines, rest = (self._line + text).split("\n")
        if len(rest) > _LINE_CHARS:
            lines.append(rest)
            rest = ""
        self._line = rest
        for line in lines:
            line = line.rstrip()[:_LINE_CHARS]
            if line:
                self.tail.append(line)
                self._on_line(line)


async def spawn(command: Command, on_line: OnLine = lambda _: None) -> Process:
    """Start a program below the launcher, in a session of its own.

    Raises:
        ToolUnavailable: the program or its folder does not exist, or the system refuses another process.
    """
    env = minimal_environment(command.env)
    _check(command, env)
    limits = command.limits
    caps = [f"memory={limits.memory_bytes}"] if limits.memory_bytes else []
    caps += [f"cpu={limits.cpu_s}"] if limits.cpu_s else []
    reading, writing = os.pipe()
    process = Process(on_line, command.grace_s)
    argv = [sys.executable, "-I", "-S", _LAUNCHER, str(reading), str(command.grace_s), ",".join(caps) or "-", "--"]
    try:
        await asyncio.get_running_loop().subprocess_exec(
            lambda: process,
            *argv,
            *command.argv,
            env=env,
            cwd=command.cwd or None,
            pass_fds=(reading,),
            start_new_session=True,
        )
    except BaseException as error:
        os.close(writing)
        if isinstance(error, OSError | ValueError):
            raise ToolUnavailable(f"{command.argv[0]} cannot be started: {error}.") from error
        raise
    finally:
        os.close(reading)
    process._control = writing  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # made here, of one piece
    return process


def _check(command: Command, env: Mapping[str, str]) -> None:
    """Say now what the launcher could only say with a number."""
    if command.cwd and not Path(command.cwd).is_dir():
        raise ToolUnavailable(f"The folder {command.cwd}, in which {command.argv[0]} should start, does not exist.")
    program = Path(command.cwd or ".", command.argv[0]) if "/" in command.argv[0] else None
    if not (os.access(program, os.X_OK) if program else shutil.which(command.argv[0], path=env.get("PATH"))):
        raise ToolUnavailable(f"The program {command.argv[0]} was not found; install it or put its folder into PATH.")
