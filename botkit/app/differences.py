"""What differs between two states of the configuration's files."""

from __future__ import annotations

__all__ = ["FileChange", "compare", "texts_on_disk"]

import difflib
from collections.abc import Mapping
from pathlib import Path

from botkit.core.config import SERVERS_LISTING, load_config
from botkit.core.data import Data
from botkit.core.errors import ConfigError


class FileChange(Data, omit_defaults=False):
    path: str
    change: str
    """`added`, `removed` or `changed`."""
    diff: str
    """A unified diff."""


def compare(before: Mapping[str, str], after: Mapping[str, str]) -> list[FileChange]:
    """Files that differ, by path."""
    changes: list[FileChange] = []
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if path.endswith(".py/"):
            continue  # what came of running the file beside it
        if old != new:
            change = "added" if old is None else "removed" if new is None else "changed"
            changes.append(FileChange(path=path, change=change, diff=_diff(path, old or "", new or "")))
    return changes


def texts_on_disk(file: Path, known: Mapping[str, str]) -> dict[str, str]:
    """The files of a project as they are now, also when they cannot be loaded: then those that were known."""
    try:
        return dict(load_config(file).files)
    except ConfigError:
        texts: dict[str, str] = {}
        for path in known:
            if path.endswith("/"):  # a listing, no file
                texts[path] = known[path]
                continue
            try:
                texts[path] = (file.parent / path).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                continue
        return texts


def _diff(path: str, old: str, new: str) -> str:
    name = "workspace/servers (which files there are)" if path == SERVERS_LISTING else path
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), f"running: {name}", f"new: {name}", lineterm="")
    return "\n".join(lines)
