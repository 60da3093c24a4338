"""List messages that bots will say later, the next first.

Examples:

    botkit schedules list
    botkit schedules list --bot desk --json
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.options import limit_option
from botkit.cli.output import Output, Table, clock_time


@verb
@click.option("--bot", default="", help="Only of this bot.")
@limit_option()
async def command(out: Output, bot: str, limit: int) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.schedules.list(bot=bot, limit=limit)
    rows = [(one.key, clock_time(one.at), one.cron, one.to, one.text[:60]) for one in found]
    out.result(found, Table(("KEY", "AT", "AGAIN", "TO", "TEXT"), rows, empty="No message waits."))
