"""List channels, how they are and why.

Examples:

    botkit channels list
    botkit channels list --json
"""

from __future__ import annotations

from botkit.cli.command import verb
from botkit.cli.output import Output, Table, clock_time


@verb
async def command(out: Output) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.channels.list()
    rows = [
        (c.name, c.platform, c.state, clock_time(c.since), c.parts_pending, c.parts_unknown, c.detail) for c in found
    ]
    columns = ("CHANNEL", "PLATFORM", "STATE", "SINCE", "PENDING", "UNKNOWN", "DETAIL")
    out.result(found, Table(columns, rows))
