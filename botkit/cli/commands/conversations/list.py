"""List conversations with something going on lately, the newest first.

Examples:

    botkit conversations list
    botkit conversations list --taken --json
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.options import limit_option
from botkit.cli.output import Output, Table, clock_time


@verb
@click.option("--taken", is_flag=True, help="Only those people speak in.")
@limit_option()
async def command(out: Output, taken: bool, limit: int) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.conversations.list(taken=taken, limit=limit)
    rows = [
        (
            one.conversation,
            one.bot,
            one.person,
            "people" if one.taken_over else "bot",
            one.text,
            clock_time(one.last_at),
        )
        for one in found
    ]
    headings = ("CONVERSATION", "BOT", "WITH", "ANSWERED BY", "LAST", "AT")
    out.result(found, Table(headings, rows, empty="No conversations yet."))
