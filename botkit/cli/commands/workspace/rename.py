"""Call a workspace something else. Its slug and URL stay.

Examples:

    botkit workspace rename desk "Front desk"
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("workspace")
@click.argument("name")
async def command(out: Output, workspace: str, name: str) -> None:
    from botkit.cli.session import operations, whoami

    async with operations() as ops:
        change = await ops.workspaces.rename(workspace=workspace, name=name, by=whoami())
    out.result(change, f"{change.slug} is called {name} in {', '.join(change.files)}.")
