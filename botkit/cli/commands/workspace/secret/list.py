"""List the secrets of one workspace, without their values.

Without WORKSPACE the one that is in use, or the only one.

Examples:

    botkit workspace secret list desk
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
        slug = (await ops.workspaces.show(workspace=workspace)).slug
        found = await ops.secrets.list(scope=f"workspace:{slug}")
    rows = [(info.name, f"version {info.version}", clock_time(info.updated_at)) for info in found]
    empty = f"No secret is stored for {slug}. Store one: botkit workspace secret set {slug} NAME"
    out.result(found, Table(("NAME", "STATE", "CHANGED"), rows, empty=empty))
