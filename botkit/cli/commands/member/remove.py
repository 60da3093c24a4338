"""Remove a member: all their tokens end at once, and nobody else notices.

Examples:

    botkit member remove ada --workspace desk --yes
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.options import ask_yes
from botkit.cli.output import Output


@verb
@click.argument("member")
@click.option("--workspace", default="", metavar="SLUG", help="Default: the one in use, or the only one.")
@click.option("--yes", is_flag=True, help="Do not ask.")
async def command(out: Output, member: str, workspace: str, yes: bool) -> None:
    from botkit.cli.session import operations, whoami

    ask_yes(f"Remove {member} with all their tokens?", yes=yes)
    async with operations() as ops:
        removed = await ops.members.remove(member=member, workspace=workspace, by=whoami())
    out.result(removed, f"{removed.name} is out of {removed.workspace}.")
