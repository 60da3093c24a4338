"""Show what was said in a conversation, and by whom: people, bots, members of a team, tools.

Examples:

    botkit conversations show telegram:4711
    botkit conversations show slack:C0123:1712.34 --limit 20 --json
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.options import limit_option
from botkit.cli.output import Output, Table, clock_time


@verb
@click.argument("conversation")
@limit_option()
async def command(out: Output, conversation: str, limit: int) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.conversations.show(conversation=conversation, limit=limit)
    rows = [(clock_time(one.at), one.speaker, one.role, " ".join(one.text.split())) for one in found]
    out.result(found, Table(("AT", "WHO", "AS", "SAID"), rows, empty="Nothing was said yet."))
