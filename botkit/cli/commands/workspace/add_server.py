"""Offer a server in a workspace. Comments in the file stay.

Examples:

    botkit workspace add-server desk orders
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("workspace")
@click.argument("server")
async def command(out: Output, workspace: str, server: str) -> None:
    from botkit.cli.session import operations, whoami

    async with operations() as ops:
        change = await ops.workspaces.add_server(workspace=workspace, server=server, by=whoami())
    when = "" if change.applied else " after `botkit apply`, or when botkit starts"
    out.result(change, f"{change.slug} offers {server} now{when}.")
