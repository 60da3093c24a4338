"""Choose the workspace that commands mean which name none.

Examples:

    botkit workspace use desk
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("workspace")
async def command(out: Output, workspace: str) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        slug = await ops.workspaces.use(workspace=workspace)
    out.result({"active": slug}, f"Commands that name no workspace mean {slug} now.")
