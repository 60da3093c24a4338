"""List the files of the knowledge, and why some cannot be read.

Examples:

    botkit knowledge list
    botkit knowledge list shop --json
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
        found = await ops.knowledge.list(sources=list(source))
    rows = [(one.source, one.file, one.passages, one.problem) for one in found]
    out.result(found, Table(("SOURCE", "FILE", "PASSAGES", "PROBLEM"), rows, empty="No files."))
