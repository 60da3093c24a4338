"""Ask the servers of a workspace for their tools, and list those that a role may call.

Without WORKSPACE the one that is in use, or the only one.

Examples:

    botkit workspace test
    botkit workspace test desk --role read-only --json
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output, Table


@verb
@click.argument("workspace", default="")
@click.option("--role", default="admin", metavar="ROLE", help="Whose view. Default: admin.")
async def command(out: Output, workspace: str, role: str) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        slug = (await ops.workspaces.show(workspace=workspace)).slug
        found = await ops.mcp.tools(workspace=slug, role=role)
    rows = [(one.name, one.tool_class, one.approve, one.description.partition("\n")[0]) for one in found]
    empty = f"{slug} offers no tool to {role}."
    out.result(found, Table(("TOOL", "CLASS", "APPROVAL", "WHAT IT DOES"), rows, empty=empty))
