"""Let an account that was joined with a person stand alone again.

What was done until now stays with the person; rights from bots.yaml end at once.

Examples:

    botkit people unlink team_slack:U0123ABC
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("account", metavar="CHANNEL:USER_ID")
async def command(out: Output, account: str) -> None:
    from botkit.cli.session import operations, whoami

    async with operations() as ops:
        alone = await ops.people.unlink(account=account, by=whoami())
    out.result(alone, f"{account} is {alone.id} now, and nobody else.")
