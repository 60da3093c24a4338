"""The text of `botkit --help`, made without importing anything."""

from __future__ import annotations

__all__ = ["SECTIONS", "overview"]

from botkit.cli.tree import Entry, scan

SECTIONS = (
    ("Begin", ("init", "dev", "chat", "run")),
    ("Configure", ("check", "schema", "explain", "diff", "apply", "rollback", "secrets", "mcp", "channels")),
    ("Share", ("workspace", "token", "member")),
    ("Operate", ("approvals", "pairing", "doctor", "backup", "restore", "data")),
    ("Look", ("runs", "logs", "analytics", "usage", "budgets")),
)
"""The order of the page; what is not named here follows under "More"."""


def overview(program: str) -> str:
    """Usage, every command with its summary, and where to go next."""
    entries = {entry.name: entry for entry in scan()}
    width = max(len(name) for name in entries) + 2
    lines = [
        f"Usage: {program} [OPTIONS] COMMAND [ARGS]...",
        "",
        "  Chat channels, durable runs and a governed tool gateway in one process.",
    ]
    for title, names in SECTIONS:
        lines += _section(title, [entries.pop(name) for name in names if name in entries], width)
    lines += _section("More", list(entries.values()), width)
    lines += [
        "",
        "Options:",
        f"  {'--version':<{width + 2}}Show the version and exit.",
        f"  {'-h, --help':<{width + 2}}Show this text, or that of a command, and exit.",
        "",
        f"Start with `{program} dev`: it needs no key and no network, and says where to look.",
        "",
    ]
    return "\n".join(lines)


def _section(title: str, entries: list[Entry], width: int) -> list[str]:
    if not entries:
        return []
    return ["", f"{title}:", *(f"  {entry.name:<{width}}  {entry.summary}" for entry in entries)]
