"""Where the files of a configuration come from: the project's folder, or texts stored with a revision."""

from __future__ import annotations

__all__ = ["SERVERS_LISTING", "WORKFLOWS_FOLDER", "DiskSource", "Source", "TextSource", "Unreadable", "join_path"]

import fnmatch
import os
import posixpath
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from botkit.core.config.built import Unreadable, built_graph
from botkit.core.config.parse import MAX_BYTES

SERVERS_FOLDER = "workspace/servers"
SERVERS_LISTING = "workspace/servers/"
"""Key under which a revision keeps the names of hosted servers, one per line. Not a file: it ends in `/`."""
WORKFLOWS_FOLDER = "workspace/workflows"
"""Beside `refund.py` a revision keeps what came of running it, under `workspace/workflows/refund.py/`."""


class Source(Protocol):
    """Reads project files by paths relative to the project, with forward slashes."""

    def read(self, path: str) -> str:
        """The file's text.

        Raises:
            Unreadable: it is missing, too large, not a file, not UTF-8, or outside of the project.
        """
        ...

    def match(self, pattern: str) -> list[str]:
        """Paths of files that fit a pattern with `*`, sorted."""
        ...

    def exists(self, path: str) -> bool | None:
        """Whether there is such a file; None when this source cannot know."""
        ...

    def hosted(self) -> list[str]:
        """Names of the Python files in `workspace/servers/`, sorted."""
        ...

    def build(self, path: str) -> str:
        """The graph, as JSON, that a Python file describes.

        Raises:
            Unreadable: it failed, with the reason and its line.
        """
        ...


def join_path(base_file: str, target: str) -> str | None:
    """`target` as seen from `base_file`, relative to the project. None: it leads out of the project."""
    if target.startswith("/") or "\\" in target or "\x00" in target:
        return None
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(base_file), target))
    return None if joined == ".." or joined.startswith("../") else joined


class DiskSource:
    """Files under a folder. Symbolic links may not lead out of it."""

    def __init__(self, root: Path):
        self._root = root.resolve()

    def read(self, path: str) -> str:
        full = self._inside(path)
        try:
            return _decode(_read_regular(full))
        except FileNotFoundError:
            raise Unreadable("does not exist") from None
        except (OSError, ValueError) as error:
            raise Unreadable(f"cannot be read: {getattr(error, 'strerror', None) or 'bad path'}") from None

    def match(self, pattern: str) -> list[str]:
        found = (p for p in self._root.glob(pattern) if p.is_file())
        return sorted(p.relative_to(self._root).as_posix() for p in found)

    def exists(self, path: str) -> bool | None:
        try:
            return self._inside(path).is_file()
        except (Unreadable, OSError, ValueError):
            return False

    def hosted(self) -> list[str]:
        try:
            return sorted(p.name for p in (self._root / SERVERS_FOLDER).glob("*.py") if _is_server(p))
        except OSError:
            return []

    def build(self, path: str) -> str:
        return built_graph(self._inside(path), self.read(path))

    def _inside(self, path: str) -> Path:
        try:
            full = (self._root / path).resolve()
        except (OSError, RuntimeError, ValueError):
            raise Unreadable("is not a path this machine can follow") from None
        if not full.is_relative_to(self._root):
            raise Unreadable("leads out of the project")
        return full


class TextSource:
    """Texts by path, as `Config.files` keeps them."""

    def __init__(self, files: Mapping[str, str]):
        self._files = files

    def read(self, path: str) -> str:
        if path not in self._files or path.endswith("/"):
            raise Unreadable("is not part of this revision")
        text = self._files[path]
        if len(text) > MAX_BYTES:
            raise Unreadable(f"is larger than {MAX_BYTES} bytes")
        return text

    def match(self, pattern: str) -> list[str]:
        return sorted(path for path in self._files if _fits(path, pattern))

    def exists(self, path: str) -> bool | None:
        return True if path in self._files else None

    def hosted(self) -> list[str]:
        return sorted(self._files.get(SERVERS_LISTING, "").split())

    def build(self, path: str) -> str:
        try:
            return self._files[f"{path}/"]
        except KeyError:
            raise Unreadable("was not run when this revision was stored") from None


def _fits(path: str, pattern: str) -> bool:
    """As `Path.glob` without `**`: a star does not cross folders."""
    ours, theirs = path.split("/"), pattern.split("/")
    return len(ours) == len(theirs) and all(map(fnmatch.fnmatchcase, ours, theirs))


def _is_server(path: Path) -> bool:
    return not path.name.startswith(("_", ".")) and path.is_file()


def _read_regular(path: Path) -> bytes:
    # O_NONBLOCK: opening a pipe would otherwise wait for its writer
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise Unreadable("is not a file")
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise Unreadable(f"is larger than {MAX_BYTES} bytes")
    return data


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable(f"is not UTF-8: byte {data[error.start]:#04x} on line {line}") from None
