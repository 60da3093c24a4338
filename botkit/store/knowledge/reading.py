"""Reading files in a process of its own, with limits on time and memory: a file may be broken, or made to do harm."""

from __future__ import annotations

__all__ = ["DocumentReader"]

import os
import subprocess
import sys
import threading
from types import TracebackType
from typing import Self

import msgspec

from botkit.store.knowledge.blocks import Block, Unreadable
from botkit.store.knowledge.reading_process import FRAME, Answer

_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "LD_LIBRARY_PATH")
"""Of the environment; no keys."""
_PROGRAM = "from botkit.store.knowledge.reading_process import main; main()"
_ANSWER_LIMIT_BYTES = 512 * 1024 * 1024


class DocumentReader:
    """Starts its process with the first file, and a new one after it had to end it. Not for several threads at once.

    Args:
        timeout_s: for one file.
        memory_bytes: address space of the process.
    """

    def __init__(self, *, timeout_s: float = 60.0, memory_bytes: int = 1536 * 1024 * 1024):
        self._timeout_s = timeout_s
        self._memory_bytes = memory_bytes
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def passages(self, name: str, data: bytes) -> list[Block]:
        """What stands in a file, in order, cut to passages. Raises `Unreadable`."""
        process = self._process = self._process or self._start()
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self._timeout_s, end)
        timer.daemon = True
        timer.start()
        try:
            answer = _ask(process, msgspec.msgpack.encode((name, data)))
        except (OSError, EOFError, msgspec.DecodeError) as error:
            self.close()
            if late.is_set():
                raise Unreadable(f"reading it took longer than {self._timeout_s:g} seconds") from error
            raise Unreadable("reading it ended the reader: it is broken, or takes too much memory") from error
        finally:
            timer.cancel()
        if late.is_set():  # it answered at the very last moment
            self.close()
        if answer.problem:
            raise Unreadable(answer.problem)
        return list(answer.passages)

    def close(self) -> None:
        """End the process. Safe to repeat."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:  # what was still to be sent goes nowhere
                    continue
        process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own program, nothing of the file in its arguments
            [sys.executable, "-I", "-c", _PROGRAM, str(self._memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
            cwd=os.sep,
            start_new_session=True,
        )


def _ask(process: subprocess.Popen[bytes], request: bytes) -> Answer:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(FRAME.pack(len(request)) + request)
    process.stdin.flush()
    head = process.stdout.read(FRAME.size)
    if len(head) < FRAME.size:
        raise EOFError
    (size,) = FRAME.unpack(head)
    if size > _ANSWER_LIMIT_BYTES:
        raise EOFError
    body = process.stdout.read(size)
    if len(body) < size:
        raise EOFError
    return msgspec.msgpack.decode(body, type=Answer)
