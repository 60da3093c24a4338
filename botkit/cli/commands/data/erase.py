"""Delete everything stored about a person, for good.

Messages, sessions, runs, files and secrets of that person go; the call log keeps its rows without the person.
PERSON is an id, a name, or CHANNEL:USER as the platform knows them.

Examples:

    botkit data erase ada
    botkit data erase telegram:4217 --yes
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.options import ask_yes
from botkit.cli.output import Output, Table


@verb
@click.argument("person")
@click.option("--yes", is_flag=True, help="Do not ask.")
async def command(out: Output, person: str, yes: bool) -> None:
    from botkit.cli.session import operations, whoami

    async with operations() as ops:
        found = await ops.data.person(person=person)
        ask_yes(f"Delete everything about {found.name or found.id} ({found.id})?", yes=yes)
        erased = await ops.data.erase(person=found.id, by=whoami())
    rows = [*erased.rows.items(), ("files", erased.files)]
    out.result(erased, [f"Deleted: {found.name or found.id}.", Table(("WHAT", "ROWS"), rows)])
