"""List members with their roles and what they did.

Examples:

    botkit member list
    botkit member list desk --json
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output, Table, clock_time


@verb
@click.argument("workspace", default="")
async def command(out: Output, workspace: str) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.members.list(workspace=workspace)
    rows = [
        (
            info.workspace,
            info.name,
            info.email,
            info.role,
            info.state,
            clock_time(info.joined_at),
            clock_time(info.last_active_at),
            info.tokens,
            info.calls,
        )
        for info in found
    ]
    columns = ("WORKSPACE", "NAME", "EMAIL", "ROLE", "STATE", "JOINED", "LAST ACTIVE", "TOKENS", "CALLS")
    out.result(found, Table(columns, rows, empty="There is no member. Make one: botkit member invite"))
