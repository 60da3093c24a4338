"""End a run: at once when it waits, at its next safe point when it works.

Examples:

    botkit runs cancel run_0192f3
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("run")
async def command(out: Output, run: str) -> None:
    from botkit.cli.session import operations, whoami

    async with operations() as ops:
        found = await ops.runs.cancel(run=run, by=whoami())
    ended = "is cancelled" if found.state == "cancelled" else "ends at its next safe point"
    out.result(found, f"Run {found.id} {ended}.")
