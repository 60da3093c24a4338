"""What was measured: figures, the run they come from, and the page they are written to."""

from __future__ import annotations

__all__ = ["RESULTS", "Figure", "Run", "load_results", "render", "save_results", "this_run", "write_page"]

import os
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

RESULTS = Path(__file__).parent / "results.json"
"""The newest run of each suite; what the page is rendered from."""

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

_PACKAGES = ("dbos", "langgraph", "langgraph-checkpoint-sqlite", "uvloop", "litellm")


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table."""

    what: str
    measured: str
    """With its unit."""
    must: str = ""
    """The budget; empty: shown for comparison."""
    aim: str = ""
    ok: bool | None = None
    """Whether the budget is kept; None where there is none."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One suite, once."""

    at: str
    """Day, ISO 8601."""
    machine: str
    versions: str
    figures: tuple[Figure, ...]


def this_run(figures: Sequence[Figure]) -> Run:
    """To be called right after measuring: the load that is noted is that of the last minutes."""
    return Run(
        at=datetime.now(UTC).date().isoformat(),
        machine=f"{os.cpu_count()} cores {platform.machine()}, {platform.system()}, load {os.getloadavg()[1]:.1f}",
        versions=", ".join(
            [
                f"CPython {platform.python_version()}",
                f"SQLite {sqlite3.sqlite_version}",
                *(f"{name} {found}" for name in _PACKAGES if (found := _version(name))),
            ]
        ),
        figures=tuple(figures),
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def load_results(path: Path = RESULTS) -> dict[str, Run]:
    """Suite → its newest run."""
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Run]) if path.exists() else {}


def save_results(results: Mapping[str, Run], path: Path = RESULTS) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")


def render(results: Mapping[str, Run]) -> str:
    """The table, and where each part of it was measured."""
    lines = ["| what | must | aim | measured | |", "|---|---|---|---|---|"]
    for run in results.values():
        for figure in run.figures:
            mark = "" if figure.ok is None else "kept" if figure.ok else "**missed**"
            lines.append(f"| {figure.what} | {figure.must} | {figure.aim} | {figure.measured} | {mark} |")
    lines.append("")
    for name, run in results.items():
        lines.append(f"- `{name}`: {run.at}, {run.machine}; {run.versions}.")
    return "\n".join(lines)


def write_page(page: Path, results: Mapping[str, Run]) -> None:
    """Put the table between the page's markers. Raises `ValueError` when they are not there."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no `{BEGIN}` … `{END}`")
    page.write_text(f"{before}{BEGIN}\n{render(results)}\n{END}{after}", encoding="utf-8")
