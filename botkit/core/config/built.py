"""Graphs described in Python: the file is run once, in a process of its own, and only the JSON it prints is read.

The process has an empty environment, ten seconds, a gigabyte of memory, and ends when its graph is printed. What
came of it is stored with the revision, so a stored revision loads without running anything.
"""

from __future__ import annotations

__all__ = ["Unreadable", "built_graph"]

import subprocess
import sys
from pathlib import Path

import msgspec

_TIMEOUT_S = 30.0
"""Of patience with a loaded machine; the process limits its own working time."""
_MODULE = "botkit.sdk.building"
_REMEMBERED = 64
_graphs: dict[tuple[str, str], str] = {}


class Unreadable(Exception):
    """The file cannot be had. `str(error)` completes the sentence `PATH …`."""

    def __init__(self, reason: str, line: int = 1):
        super().__init__(reason)
        self.line = line
        """Where in the file, when that is known."""


class _Answer(msgspec.Struct):
    graph: msgspec.Raw = msgspec.Raw()
    error: str = ""
    line: int = 1


def built_graph(path: Path, text: str) -> str:
    """The graph that a file describes, as JSON. The same text is run once.

    Raises:
        Unreadable: it failed, with the reason and its line, took too long, or described no workflow.
    """
    key = (str(path), text)
    if key not in _graphs:
        graph = _run(path, text)
        if len(_graphs) >= _REMEMBERED:
            _graphs.clear()
        _graphs[key] = graph
    return _graphs[key]


def _run(path: Path, text: str) -> str:
    command = [sys.executable, "-I", "-B", "-m", _MODULE, path.name]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module; the text comes from the project
            command, input=text.encode(), capture_output=True, timeout=_TIMEOUT_S, env={}, cwd=path.parent, check=False
        )
    except subprocess.TimeoutExpired:
        raise Unreadable("took too long to describe its workflow") from None
    except OSError as error:
        raise Unreadable(f"could not be run: {error.strerror or 'unknown reason'}") from None
    try:
        answer = msgspec.json.decode(done.stdout, type=_Answer)
    except msgspec.DecodeError:
        raise Unreadable("used too much time or memory, or ended by itself") from None
    if answer.error:
        raise Unreadable(f"failed: {answer.error}", answer.line)
    return bytes(answer.graph).decode()
