"""List people: those of bots.yaml, and everybody who wrote.

Examples:

    botkit people list
"""

from __future__ import annotations

from botkit.cli.command import verb
from botkit.cli.output import Output, Table


@verb
async def command(out: Output) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.people.list()
    rows = [(one.id, one.name, ", ".join(one.roles), ", ".join(one.tags), " ".join(one.accounts)) for one in found]
    out.result(found, Table(("PERSON", "NAME", "ROLES", "TAGS", "ACCOUNTS"), rows, empty="Nobody has written yet."))
