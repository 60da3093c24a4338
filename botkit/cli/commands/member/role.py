"""Give a member another role; it counts from their next request on.

Examples:

    botkit member role ada read-only --workspace desk
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("member")
@click.argument("role", type=click.Choice(("admin", "developer", "read-only")))
@click.option("--workspace", default="", metavar="SLUG", help="Default: the one in use, or the only one.")
async def command(out: Output, member: str, role: str, workspace: str) -> None:
    from typing import cast

    from botkit.cli.session import operations, whoami
    from botkit.core.members import MemberRole

    async with operations() as ops:
        changed = await ops.members.role(member=member, role=cast("MemberRole", role), workspace=workspace, by=whoami())
    out.result(changed, f"{changed.name} is {changed.role} in {changed.workspace} now.")
