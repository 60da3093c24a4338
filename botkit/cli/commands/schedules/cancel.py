"""Take back a message that waits for its time.

KEY is as `botkit schedules list` shows it.

Examples:

    botkit schedules cancel desk/reminder-7
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("key")
async def command(out: Output, key: str) -> None:
    from botkit.cli.session import operations, whoami

    async with operations() as ops:
        gone = await ops.schedules.cancel(key=key, by=whoami())
    out.result(gone, f"Taken back: {gone.key}.")
