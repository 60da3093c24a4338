"""Take a workspace out of bots.yaml and end all its memberships and tokens.

Examples:

    botkit workspace delete old-desk --yes
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("workspace")
@click.option("--yes", is_flag=True, help="Do not ask.")
async def command(out: Output, workspace: str, yes: bool) -> None:
    from botkit.cli.removal import remove_workspace

    await remove_workspace(out, workspace, yes=yes)
