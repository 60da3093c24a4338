"""What commands there are: a scan of `commands/` that imports none of them.

A file is a command, a folder a group of commands. Both are named by their file, with `_` read as `-`, and
summarised by the first line of their docstring.
"""

from __future__ import annotations

__all__ = ["COMMANDS", "COMMANDS_PACKAGE", "Entry", "scan"]

import os
from typing import NamedTuple

COMMANDS = os.path.join(os.path.dirname(__file__), "commands")  # noqa: PTH118, PTH120 - pathlib would double the start-up time
COMMANDS_PACKAGE = "botkit.cli.commands"


class Entry(NamedTuple):
    name: str
    """As typed."""
    module: str
    """Name of the file or folder."""
    summary: str
    folder: str
    """Where its commands are, when it is a group; empty otherwise."""


def scan(folder: str = COMMANDS) -> list[Entry]:
    """The commands in a folder, by name."""
    entries: list[Entry] = []
    with os.scandir(folder) as found:
        for item in found:
            if item.name.startswith(("_", ".")):
                continue
            if item.name.endswith(".py"):
                module = item.name[:-3]
                entries.append(Entry(module.replace("_", "-"), module, _summary(item.path), ""))
            elif item.is_dir():
                summary = _summary(f"{item.path}/__init__.py")
                entries.append(Entry(item.name.replace("_", "-"), item.name, summary, item.path))
    return sorted(entries)


def _summary(path: str) -> str:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - see COMMANDS
        return file.readline().strip().strip('"').rstrip(".")
