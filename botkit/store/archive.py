"""The backup archive: one compressed tar with the database as a SQLite file, the stored files, a manifest.

    botkit.db                    every table, whatever database it came from; secrets stay sealed
    files/ab/cd/{sha256}         stored files
    manifest.json                {"format": 1, "schema": "0001", …, "members": {name: {"bytes", "sha256"}}}

The manifest comes last, so an archive that was cut short has none and is refused.
"""

from __future__ import annotations

__all__ = ["DATABASE_MEMBER", "Manifest", "Member", "read_archive", "write_archive"]

import gzip
import hashlib
import io
import os
import re
import tarfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import IO, cast
from uuid import uuid4

import msgspec

from botkit.core.data import Data, decode, encode
from botkit.core.errors import StoreCorrupt, StoreError

FORMAT = 1
DATABASE_MEMBER = "botkit.db"
_MANIFEST_MEMBER = "manifest.json"
_MEMBER = re.compile(r"botkit\.db|files/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}")
_CHUNK_BYTES = 1 << 20
_MANIFEST_LIMIT_BYTES = 256 << 20


class Member(Data):
    bytes: int
    sha256: str


class Manifest(Data):
    format: int
    schema: str
    """Migration that the database had."""
    database: str
    """Where it came from: `sqlite` or `postgresql`."""
    created_at: int
    """Microseconds, UTC."""
    botkit: str = ""
    """Version that wrote it."""
    key_ids: tuple[str, ...] = ()
    """Master keys without which the secrets in it stay closed."""
    members: dict[str, Member] = {}


def write_archive(target: Path, database: Path, files: Path, manifest: Manifest) -> Manifest:
    """Write it whole or not at all, readable by its owner only. Returns the manifest with its members."""
    temporary = target.with_name(f".{target.name}.{uuid4().hex}")
    members: dict[str, Member] = {}
    try:
        with (
            open(temporary, "xb", opener=_private) as raw,
            gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=6, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w|") as archive,
        ):
            members[DATABASE_MEMBER] = _add(archive, DATABASE_MEMBER, database)
            for path in sorted(files.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*")):
                name = f"files/{path.relative_to(files).as_posix()}"
                with suppress(FileNotFoundError):  # deleted by retention meanwhile
                    members[name] = _add(archive, name, path)
            complete = msgspec.structs.replace(manifest, members=members)
            content = encode(complete)
            info = tarfile.TarInfo(_MANIFEST_MEMBER)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return complete


def read_archive(source: Path, into: Path) -> Manifest:
    """Unpack into an empty directory and check every byte.

    Raises:
        StoreCorrupt: it is damaged, cut short, or holds what no backup holds.
        StoreError: it was made by a newer botkit, or cannot be read.
    """
    found: dict[str, Member] = {}
    manifest: Manifest | None = None
    try:
        with gzip.open(source) as packed:
            with tarfile.open(fileobj=packed, mode="r|") as archive:
                for info in archive:
                    stream = archive.extractfile(info) if info.isfile() else None
                    if stream is None:
                        raise _damaged(source, f"it holds {info.name!r}, which is no file")
                    if info.name == _MANIFEST_MEMBER:
                        if info.size > _MANIFEST_LIMIT_BYTES:
                            raise _damaged(source, "its manifest is too large")
                        manifest = decode(stream.read(), Manifest)
                    elif _MEMBER.fullmatch(info.name) is None:
                        raise _damaged(source, f"it holds {info.name!r}, which no backup holds")
                    else:
                        found[info.name] = _extract(stream, into / info.name)
            while packed.read(_CHUNK_BYTES):
                pass  # to the end, where the checksum of the whole is
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, msgspec.MsgspecError) as error:
        raise _damaged(source, str(error)) from error
    except FileNotFoundError as error:
        raise StoreError(f"there is no archive {source}") from error
    if manifest is None:
        raise _damaged(source, "it ends before its manifest")
    if manifest.format > FORMAT:
        raise StoreError(f"{source} was made by botkit {manifest.botkit}, which is newer; restore it with that version")
    if found != manifest.members:
        raise _damaged(source, "its content differs from its manifest")
    return manifest


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _add(archive: tarfile.TarFile, name: str, path: Path) -> Member:
    with path.open("rb") as file:
        reader = _Hashing(file)
        info = tarfile.TarInfo(name)
        info.size = path.stat().st_size
        archive.addfile(info, cast("IO[bytes]", reader))
        return Member(bytes=info.size, sha256=reader.digest())


def _extract(stream: IO[bytes], target: Path) -> Member:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    size = 0
    with open(target, "xb", opener=_private) as file:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
            file.write(chunk)
            size += len(chunk)
    return Member(bytes=size, sha256=digest.hexdigest())


class _Hashing:
    """Passes bytes on and keeps their hash: what `TarFile.addfile` reads from."""

    def __init__(self, file: IO[bytes]):
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        self._hash.update(chunk)
        return chunk

    def digest(self) -> str:
        return self._hash.hexdigest()


def _damaged(source: Path, reason: str) -> StoreCorrupt:
    return StoreCorrupt(f"the archive {source} is damaged: {reason}. Use another backup; nothing was changed.")
