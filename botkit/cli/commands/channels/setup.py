"""Say what is still to be done before a channel works, in order, and print what to paste there.

Examples:

    botkit channels setup telegram
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("channel")
async def command(out: Output, channel: str) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.channels.setup(channel=channel)
    steps = [f"{number}. {step}" for number, step in enumerate(found.steps, 1)]
    pasted = ["", *found.document.splitlines()] if found.document else []
    out.result(found, [f"{found.name} ({found.platform}):", *steps, *pasted])
