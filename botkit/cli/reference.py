"""`python -m botkit.cli.reference`: writes docs/cli.md from the commands themselves."""

from __future__ import annotations

__all__ = ["reference"]

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from botkit.cli.overview import SECTIONS
from botkit.cli.root import FolderGroup, root

_HEAD = """\
# Command line

This page is generated from the commands themselves: `python -m botkit.cli.reference`.

Every command has `--help` with examples, `--json` for programs, and `--debug` for a traceback when something
fails. The result goes to standard output, everything else to standard error. Exit codes: **0** done, **1** failed,
**2** bad usage or configuration, **130** interrupted.

A command acts through the process that owns `BOTKIT_HOME` (`botkit dev`, `botkit run`, an open `botkit chat`) over
its control socket; when none runs it opens the database itself for a moment.
"""


def reference() -> str:
    """The page, in Markdown."""
    order = [name for _, names in SECTIONS for name in names]
    context = click.Context(root, info_name="botkit")
    names = sorted(root.list_commands(context), key=lambda name: (order.index(name) if name in order else 99, name))
    return "\n".join([_HEAD, *(line for name in names for line in _section(root, context, name, 2))])


def _section(group: click.Group, context: click.Context, name: str, level: int) -> Iterator[str]:
    command = group.get_command(context, name)
    assert command is not None
    here = click.Context(command, info_name=name, parent=context)
    yield f"{'#' * level} {here.command_path}\n"
    if isinstance(command, click.Group):
        yield f"{command.help}\n"
        if isinstance(command, FolderGroup) and (itself := command.itself) is not None:
            yield from _page(itself, click.Context(itself, info_name=name, parent=context))
        for inner in command.list_commands(here):
            yield from _section(command, here, inner, level + 1)
        return
    yield from _page(command, here)


def _page(command: click.Command, here: click.Context) -> Iterator[str]:
    yield f"```\n{' '.join(['Usage:', here.command_path, *command.collect_usage_pieces(here)])}\n```\n"
    yield from _description(command.help or "")
    shown = [parameter for parameter in command.get_params(here) if not {"--help", "--debug"} & set(parameter.opts)]
    rows = [record for parameter in shown if (record := parameter.get_help_record(here))]
    yield "| option | |\n|---|---|"
    yield from (f"| `{names}` | {text} |" for names, text in rows)
    yield ""


def _description(text: str) -> Iterator[str]:
    """Prose as it is, indented examples as code."""
    code = False
    for line in text.splitlines():
        if line.startswith("    ") != code and line:
            code = not code
            yield "```sh" if code else "```"
        yield line.removeprefix("    ") if code else line
    if code:
        yield "```"
    yield ""


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/cli.md")
    target.write_text(reference(), encoding="utf-8")
