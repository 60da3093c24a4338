"""Names and texts the commands that add servers share."""

from __future__ import annotations

__all__ = ["command_of", "how_it_runs", "name_of_package", "name_of_url", "show_added"]

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

if TYPE_CHECKING:
    from botkit.app.operations.mcp import ServerChange
    from botkit.cli.output import Output

_FILLERS = ("mcp", "api", "www", "server", "com", "net", "org", "io", "dev", "app")


def name_of_url(url: str) -> str:
    """`https://mcp.example.com/mcp` → `example`. Raises `click.UsageError` when nothing is left."""
    labels = [label for label in (urlsplit(url).hostname or "").split(".") if label not in _FILLERS]
    return _name(labels[0] if labels and not labels[0].isdigit() else "", url)


def name_of_package(spec: str) -> str:
    """`npm:@modelcontextprotocol/server-memory@1.0` → `memory`. Raises `click.UsageError` when nothing is left."""
    package = re.sub(r"(?<=.)@[^@/]*$", "", spec.partition(":")[2] or spec).rpartition("/")[2]
    return _name(re.sub(r"^(mcp-server|server|mcp)-|-(mcp-server|server|mcp)$", "", package), spec)


def command_of(spec: str) -> list[str]:
    """The command line of a package, or the program itself.

    Raises:
        click.UsageError: an unknown kind of package.
    """
    kind, colon, package = spec.partition(":")
    if not colon or "/" in kind:
        return [spec]
    if kind == "npm" and package:
        return ["npx", "-y", package]
    if kind == "pypi" and package:
        return ["uvx", package]
    raise click.UsageError(f"{spec!r}: write npm:PACKAGE, pypi:PACKAGE or the name of a program")


def show_added(out: Output, change: ServerChange) -> None:
    """What was written, and what is left to do."""
    lines = [f"{change.name} is in {', '.join(change.files)}.", how_it_runs(change)]
    lines += [f"Store its secret: botkit secrets set {name}" for name in change.missing_secrets]
    if not change.workspaces:
        lines.append(f"No workspace offers it yet: add it to `servers` of one. Try it: botkit mcp test {change.name}")
    if change.url:
        block = {"mcpServers": {change.workspaces[0]: {"type": "http", "url": change.url, "headers": _HEADERS}}}
        lines += ["MCP clients reach the workspace with this block:", json.dumps(block, indent=2)]
    out.result(change, lines)


def how_it_runs(change: ServerChange) -> str:
    return "It runs." if change.applied else "It runs after `botkit apply`, or when botkit starts."


_HEADERS = {"Authorization": "Bearer <a token of `botkit token create`>"}


def _name(raw: str, source: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", raw.lower()).strip("-")[:32]
    if not name or not name[0].isalpha():
        raise click.UsageError(f"no name can be made from {source!r}; give one with --name")
    return name
