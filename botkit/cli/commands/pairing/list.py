"""List pairing codes that were given out, the newest first.

Examples:

    botkit pairing list
"""

from __future__ import annotations

from botkit.cli.command import verb
from botkit.cli.output import Output, Table, clock_time


@verb
async def command(out: Output) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.pairing.list()
    rows = [(c.code, c.state, c.channel, c.name or c.user_id, clock_time(c.expires_at)) for c in found]
    out.result(found, Table(("CODE", "STATE", "CHANNEL", "WHO", "EXPIRES"), rows, empty="Nobody asked to be let in."))
