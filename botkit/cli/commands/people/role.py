"""Grant a person roles beside those of bots.yaml, in place of what was granted before; none takes them back.

Examples:

    botkit people role ada developer
    botkit people role ada
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("person")
@click.argument("roles", nargs=-1, metavar="[ROLE]...")
async def command(out: Output, person: str, roles: tuple[str, ...]) -> None:
    from botkit.cli.session import operations, whoami

    async with operations() as ops:
        found = await ops.people.role(person=person, roles=roles, by=whoami())
    out.result(found, f"{found.name} is {', '.join(found.roles)} now.")
