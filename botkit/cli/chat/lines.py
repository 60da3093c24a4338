"""Lines from standard input without blocking the event loop, from a terminal, a pipe or a file."""

from __future__ import annotations

__all__ = ["read_lines"]

import asyncio
import os
from collections.abc import AsyncGenerator

_CHUNK_BYTES = 65_536
_LINE_LIMIT_BYTES = 1024 * 1024


async def read_lines(descriptor: int = 0) -> AsyncGenerator[str]:
    """Yield lines without their ends until the input ends; none when there is no input.

    What is not UTF-8 is replaced. A line longer than 1 MiB is cut into several. On a terminal the line editing
    is that of the terminal itself, so nothing has to be put back when the program ends.
    """
    rest = b""
    async for chunk in _chunks(descriptor):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LINE_LIMIT_BYTES:
            lines, rest = [*lines, rest], b""
        for line in lines:
            yield _text(line)
    if rest:
        yield _text(rest)


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r")


async def _chunks(descriptor: int) -> AsyncGenerator[bytes]:
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[bytes] = asyncio.Queue()

    def readable() -> None:
        arrived.put_nowait(_read(descriptor))

    try:
        loop.add_reader(descriptor, readable)
    except OSError:
        # Files and /dev/null are always readable, so they cannot be watched; a closed descriptor reads as empty.
        while chunk := await asyncio.to_thread(_read, descriptor):
            yield chunk
        return
    try:
        while chunk := await arrived.get():
            yield chunk
    finally:
        loop.remove_reader(descriptor)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _CHUNK_BYTES)
    except OSError:  # the terminal went away
        return b""
