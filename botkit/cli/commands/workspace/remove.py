"""Take a workspace out of bots.yaml and end all its memberships and tokens.

Examples:

    botkit workspace remove old-desk --yes
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.options import ask_yes
from botkit.cli.output import Output


@verb
@click.argument("workspace")
@click.option("--yes", is_flag=True, help="Do not ask.")
async def command(out: Output, workspace: str, yes: bool) -> None:
    from botkit.cli.session import operations, whoami

    ask_yes(f"Remove the workspace {workspace} with all its members and tokens?", yes=yes)
    async with operations() as ops:
        change = await ops.workspaces.remove(workspace=workspace, by=whoami())
    lines = [f"{workspace} is out of {', '.join(change.files)}; {change.members_ended} memberships ended."]
    if not change.applied:
        lines.append("Bots stop using it after `botkit apply`, or when botkit starts.")
    out.result(change, lines)
