"""List tokens, newest first. The tokens themselves are not stored.

Examples:

    botkit token list
    botkit token list desk --member ada --all
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output, Table, clock_time


@verb
@click.argument("workspace", default="")
@click.option("--member", default="", metavar="NAME", help="Only those of this member.")
@click.option("--all", "ended", is_flag=True, help="Expired and revoked ones too.")
async def command(out: Output, workspace: str, member: str, ended: bool) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.tokens.list(workspace=workspace, member=member, ended=ended)
    rows = [
        (
            info.id,
            info.workspace,
            info.member,
            info.role,
            info.name,
            info.state,
            clock_time(info.created_at),
            clock_time(info.expires_at) or "never",
            clock_time(info.last_used_at) or "never",
        )
        for info in found
    ]
    columns = ("ID", "WORKSPACE", "MEMBER", "ROLE", "NAME", "STATE", "CREATED", "EXPIRES", "LAST USED")
    out.result(found, Table(columns, rows, empty="There is no good token. Make one: botkit token create"))
