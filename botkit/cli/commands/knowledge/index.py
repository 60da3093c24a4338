"""Bring the index of the knowledge up to what the files hold now.

Bots do this by themselves when they look something up; this tells what changed. Without SOURCE: all of them.

Examples:

    botkit knowledge index
    botkit knowledge index shop --json
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output, Table


@verb
@click.argument("source", nargs=-1)
async def command(out: Output, source: tuple[str, ...]) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.knowledge.index(sources=list(source))
    rows = [
        (name, one.added, one.changed, one.removed, one.unchanged, one.unreadable, one.embedded, one.notice)
        for name, one in found.items()
    ]
    headings = ("SOURCE", "ADDED", "CHANGED", "REMOVED", "UNCHANGED", "UNREADABLE", "VECTORS", "NOTICE")
    out.result(found, Table(headings, rows, empty="bots.yaml has no `knowledge:` yet."))
