"""Connect a channel to its platform and say what that answered.

A channel that is off is started for a moment; it takes no messages meanwhile.

Examples:

    botkit channels test telegram
"""

from __future__ import annotations

import click

from botkit.cli.command import EXIT_FAILED, verb
from botkit.cli.output import Output


@verb
@click.argument("channel")
async def command(out: Output, channel: str) -> int:
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.channels.test(channel=channel)
    detail = f": {found.detail}" if found.detail else ""
    out.result(found, f"{found.name} ({found.platform}) is {found.state}{detail}")
    return 0 if found.state in ("ok", "starting") else EXIT_FAILED
