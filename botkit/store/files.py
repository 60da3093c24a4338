"""Files on disk, by content."""

from __future__ import annotations

__all__ = ["DiskFiles", "make_private"]

import asyncio
import errno
import hashlib
import os
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from botkit.core.clock import Clock
from botkit.core.errors import LimitReached, NotFound, StoreError, StoreFull

_ID = re.compile(r"file_([0-9a-f]{64})")
_BUFFER_BYTES = 1 << 20


class DiskFiles:
    """Implements `botkit.core.stores.FileStore`: `{root}/ab/cd/{sha256}`.

    An id names content, never a place: whatever a caller passes in, only 64 hexadecimal digits become a path.
    A file appears whole or not at all.
    """

    def __init__(self, root: Path, clock: Clock):
        self._root = root
        self._clock = clock

    async def put(self, data: AsyncIterator[bytes] | bytes, *, limit_bytes: int) -> tuple[str, int, str]:
        """Store once by content: (file id, size, sha256).

        Raises:
            LimitReached: it is larger than `limit_bytes`; nothing is kept.
            StoreFull: the disk is full; nothing is kept.
        """
        upload = _Upload(self._root, limit_bytes)
        try:
            if isinstance(data, bytes):
                upload.add(data)
            else:
                async for chunk in data:
                    upload.add(chunk)
                    if upload.buffered >= _BUFFER_BYTES:
                        await asyncio.to_thread(upload.flush)
            return await asyncio.to_thread(upload.finish, self._clock.now().timestamp())
        except OSError as error:
            raise _translate(error, self._root) from error
        finally:
            await asyncio.to_thread(upload.discard)

    async def read(self, file_id: str) -> bytes:
        path = self._path(file_id)
        try:
            return await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError as error:
            raise NotFound("there is no such file; it may have been deleted by retention", file=file_id) from error
        except OSError as error:
            raise _translate(error, self._root) from error

    async def delete(self, file_id: str) -> bool:
        """False when it was not there."""
        try:
            path = self._path(file_id)
            await asyncio.to_thread(path.unlink)
        except (NotFound, FileNotFoundError):
            return False
        except OSError as error:
            raise _translate(error, self._root) from error
        return True

    async def older_than(self, before: int) -> Sequence[str]:
        """Ids of files that were stored before that time (microseconds), and not again since."""
        return await asyncio.to_thread(self._older_than, before / 1_000_000)

    def _older_than(self, before_s: float) -> Sequence[str]:
        places = self._root.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*")
        return [f"file_{place.name}" for place in places if place.stat().st_mtime < before_s]

    def _path(self, file_id: str) -> Path:
        match = _ID.fullmatch(file_id)
        if match is None:
            raise NotFound("there is no such file", file=file_id)
        return _place(self._root, match[1])


class _Upload:
    """A file on its way in, under a name nobody can ask for."""

    def __init__(self, root: Path, limit_bytes: int):
        self._root = root
        self._limit_bytes = limit_bytes
        self._temporary = root / "tmp" / uuid4().hex
        self._file: BinaryIO | None = None
        self._hash = hashlib.sha256()
        self._chunks: list[bytes] = []
        self._size = 0
        self.buffered = 0

    def add(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size > self._limit_bytes:
            raise LimitReached(
                f"the file is larger than {self._limit_bytes} bytes", limit="file_limit_bytes", value=self._limit_bytes
            )
        self._chunks.append(chunk)
        self.buffered += len(chunk)

    def flush(self) -> None:
        if self._file is None:
            make_private(self._root, self._temporary.parent)
            self._file = self._temporary.open("xb")
        for chunk in self._chunks:
            self._hash.update(chunk)
            self._file.write(chunk)
        self._chunks.clear()
        self.buffered = 0

    def finish(self, now_s: float) -> tuple[str, int, str]:
        self.flush()
        assert self._file is not None
        self._file.flush()
        os.fsync(self._file.fileno())
        digest = self._hash.hexdigest()
        target = _place(self._root, digest)
        make_private(self._root, target.parent)
        self._temporary.chmod(0o600)
        os.utime(self._temporary, (now_s, now_s))
        self._temporary.replace(target)
        _sync_directory(target.parent)
        return f"file_{digest}", self._size, digest

    def discard(self) -> None:
        """Remove what is left; quiet after `finish`."""
        if self._file is not None:
            self._file.close()
            with suppress(FileNotFoundError):
                self._temporary.unlink()


def _place(root: Path, digest: str) -> Path:
    return root / digest[:2] / digest[2:4] / digest


def make_private(root: Path, directory: Path) -> None:
    """`mkdir -p` below and with `root`, each of it for the owner only."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    for part in reversed([directory, *directory.parents][: len(directory.relative_to(root).parts)]):
        part.mkdir(mode=0o700, exist_ok=True)


def _sync_directory(path: Path) -> None:
    """Make a rename survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _translate(error: OSError, root: Path) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(f"{root} could not grow: {error.strerror}. Free some space on that disk and try again.")
    return StoreError(f"{root} cannot be used: {error}. Check its owner and mode.")
