"""List teams and their members.

Examples:

    botkit teams list
    botkit teams list --json
"""

from __future__ import annotations

from botkit.cli.command import verb
from botkit.cli.output import Output, Table


@verb
async def command(out: Output) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.teams.list()
    rows = [
        (team.name, member.name, "default" if member.name == team.default else "", team.router, member.description)
        for team in found
        for member in team.members
    ]
    out.result(found, Table(("TEAM", "MEMBER", "", "CHOSEN BY", "FOR"), rows, empty="No teams in bots.yaml."))
