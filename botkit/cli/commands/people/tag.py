"""Put tags on a person: short words that workflows read as `user.tags`.

Examples:

    botkit people tag ada vip "beta tester"
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("person")
@click.argument("tags", nargs=-1, required=True, metavar="TAG...")
async def command(out: Output, person: str, tags: tuple[str, ...]) -> None:
    from botkit.cli.session import operations, whoami

    async with operations() as ops:
        found = await ops.people.tag(person=person, tags=tags, by=whoami())
    out.result(found, f"{found.name}: {', '.join(found.tags)}")
