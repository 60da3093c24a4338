"""Start a channel anew, after what stopped it was mended.

Examples:

    botkit channels restart telegram
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("channel")
async def command(out: Output, channel: str) -> None:
    from botkit.cli.session import operations, whoami

    async with operations() as ops:
        await ops.channels.restart(channel=channel, by=whoami())
    out.result({"channel": channel}, f"{channel} starts anew; see `botkit channels list`.")
