"""Give an account to a person, with everything that was done as that account when it stood alone.

People do this themselves with /link, where both sides confirm it.

Examples:

    botkit people link ada team_slack:U0123ABC
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("person")
@click.argument("account", metavar="CHANNEL:USER_ID")
async def command(out: Output, person: str, account: str) -> None:
    from botkit.cli.session import operations, whoami

    async with operations() as ops:
        found = await ops.people.link(person=person, account=account, by=whoami())
    out.result(found, f"{account} is {found.name} now.")
