"""Where what a model reads came from when somebody else may have written it.

A turn is tainted from the moment it reads such content, and everything that follows from it stays so: later rounds, the
rows of the transcript, a summary of them, bots that are asked for help, nodes of a workflow. A taint is the sources, as
people are shown them: `the tool web__fetch`, `a message of Mallory`. It gives and takes no rights; the gateway asks a
person before calls that a workspace's `taint` names.
"""

from __future__ import annotations

__all__ = ["from_history", "from_summary", "joined", "marked", "source"]

from collections.abc import Iterable
from typing import Any, cast

from botkit.core.journal import TranscriptRow

_SOURCES_LIMIT = 8
_NAME_LIMIT = 60
_MARK = "[holds content of others: "


def source(what: str, name: str = "") -> str:
    """A source as people read it. A name somebody chose stays one short line that ends nothing it stands in."""
    plain = "".join(char if char.isprintable() and char not in "`[]|<>;" else " " for char in name)
    return " ".join(f"{what} {plain}".split())[: len(what) + 1 + _NAME_LIMIT]


def joined(*taints: Iterable[str]) -> tuple[str, ...]:
    """All sources, each once, the first eight of them: one is enough to be tainted."""
    return tuple(dict.fromkeys(one for taint in taints for one in taint))[:_SOURCES_LIMIT]


def from_history(rows: Iterable[TranscriptRow]) -> tuple[str, ...]:
    """The sources of what was said before."""
    return joined(*(_listed(row.data["taint"]) for row in rows if "taint" in row.data))


def _listed(raw: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in cast("list[Any]", raw)) if isinstance(raw, list | tuple) else ()


def marked(summary: str, taint: Iterable[str]) -> str:
    """A summary that says where what it sums up came from. A writer can add sources to it, and remove none."""
    lines = [line for line in summary.splitlines() if not line.startswith(_MARK)]
    sources = joined(from_summary(summary), taint)
    return "\n".join([*lines, f"{_MARK}{'; '.join(sources)}]"] if sources else lines)


def from_summary(summary: str) -> tuple[str, ...]:
    """What `marked` noted."""
    noted = [line for line in summary.splitlines() if line.startswith(_MARK)]
    return joined(*(line.removeprefix(_MARK).rstrip("]").split("; ") for line in noted))
