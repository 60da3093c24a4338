"""Differences in colour."""

from __future__ import annotations

__all__ = ["coloured"]

import click

_COLOURS = {"+": "green", "-": "red", "@": "cyan", "~": "yellow"}


def coloured(diff: str) -> str:
    """Lines of a `diff -u`, or of a list of changes, by what they begin with."""
    return "\n".join(
        click.style(line, fg=_COLOURS[line[0]]) if line[:1] in _COLOURS and line[:3] not in ("+++", "---") else line
        for line in diff.splitlines()
    )
