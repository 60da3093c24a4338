"""The reader's own process: takes files on stdin, answers passages on stdout, opens nothing and keeps nothing.

    request    4 bytes length, MessagePack [name, data]
    answer     4 bytes length, MessagePack {"passages": […]} or {"problem": "…"}

What it reads may be made by people who mean harm. It has no keys in its environment, writes no files, and a library
that runs wild takes this process down and no other.
"""

from __future__ import annotations

__all__ = ["FRAME", "Answer", "main"]

import itertools
import logging
import struct
import sys
import warnings
from contextlib import suppress
from typing import BinaryIO

import msgspec

from botkit.core.data import Data
from botkit.store.knowledge.blocks import Block, Unreadable
from botkit.store.knowledge.chunks import chunked
from botkit.store.knowledge.documents import read_document

FRAME = struct.Struct(">I")
_PASSAGE_LIMIT = 100_000
"""Of one file."""


class Answer(Data):
    passages: tuple[Block, ...] = ()
    problem: str = ""


def _answer(name: str, data: bytes) -> Answer:
    try:
        found = tuple(itertools.islice(chunked(read_document(name, data)), _PASSAGE_LIMIT + 1))
    except Unreadable as error:
        return Answer(problem=str(error))
    except (MemoryError, RecursionError):
        return Answer(problem="reading it takes more memory than there is for one file")
    except Exception as error:  # a library's fault over one file ends that file, not the reading
        return Answer(problem=f"it cannot be read: {type(error).__name__}")
    if len(found) > _PASSAGE_LIMIT:
        return Answer(problem=f"it has more than {_PASSAGE_LIMIT} passages; cut it into files")
    return Answer(passages=found)


def _limit(memory_bytes: int) -> None:
    """Limits that the system keeps. Where it cannot, the parent's time limit remains."""
    with suppress(ImportError):
        import resource

        for which, most in (
            (resource.RLIMIT_AS, memory_bytes),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CORE, 0),
        ):
            with suppress(ValueError, OSError):
                resource.setrlimit(which, (most, most))


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def main() -> None:
    _limit(int(sys.argv[1]))
    logging.disable()
    warnings.simplefilter("ignore")
    source, target = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # a library that prints does not speak to our parent
    with suppress(EOFError, BrokenPipeError):
        while True:
            (size,) = FRAME.unpack(_exactly(source, FRAME.size))
            name, data = msgspec.msgpack.decode(_exactly(source, size), type=tuple[str, bytes])
            answer = msgspec.msgpack.encode(_answer(name, data))
            target.write(FRAME.pack(len(answer)) + answer)
            target.flush()
