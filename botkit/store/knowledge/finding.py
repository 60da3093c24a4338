"""Which files a source has: folders, files and patterns below the project's folder, and nothing outside of it."""

from __future__ import annotations

__all__ = ["FoundFile", "find_files"]

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from botkit.core.knowledge import KnowledgeSource
from botkit.store.knowledge.documents import KINDS

_FILES_LIMIT = 200_000


@dataclass(frozen=True, slots=True)
class FoundFile:
    path: Path
    size: int
    changed_ns: int


def find_files(source: KnowledgeSource) -> dict[str, FoundFile]:
    """Files by their path below the root. Hidden ones and links out of the project are left out, and in folders also
    those of a kind that is not read."""
    root = Path(source.root).resolve()
    found: dict[str, FoundFile] = {}
    for pattern in source.paths:
        for path, named in _matches(root, pattern):
            if len(found) >= _FILES_LIMIT:
                return found
            if named or path.suffix.lower() in KINDS:
                _add(root, path, found)
    return found


def _matches(root: Path, pattern: str) -> Iterator[tuple[Path, bool]]:
    """(file, whether its very name was written)."""
    if pattern.startswith("/") or ".." in pattern.split("/"):
        return
    if any(mark in pattern for mark in "*?["):
        yield from ((path, False) for path in sorted(root.glob(pattern)) if not _is_hidden(path, root))
        return
    path = root / pattern
    if not path.is_dir():
        yield path, True
        return
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from ((Path(folder, name), False) for name in sorted(files) if not name.startswith("."))


def _is_hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _add(root: Path, path: Path, found: dict[str, FoundFile]) -> None:
    try:
        if path.is_symlink() and not path.resolve().is_relative_to(root):
            return
        status = path.stat()
    except OSError:
        return
    if path.is_file():
        name = path.relative_to(root).as_posix().encode("utf-8", "replace").decode()
        found[name] = FoundFile(path, status.st_size, status.st_mtime_ns)
