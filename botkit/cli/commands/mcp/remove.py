"""Take a server out of bots.yaml and out of every workspace. Comments elsewhere in the file stay.

Examples:

    botkit mcp remove weather --yes
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.options import ask_yes
from botkit.cli.output import Output


@verb
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
async def command(out: Output, name: str, yes: bool) -> None:
    from botkit.cli.changes import how_it_runs
    from botkit.cli.session import operations, whoami

    ask_yes(f"Remove the server {name}?", yes=yes)
    async with operations() as ops:
        change = await ops.mcp.remove(name=name, by=whoami())
    left = f" and out of {', '.join(change.workspaces)}" if change.workspaces else ""
    out.result(change, [f"{name} is out of {', '.join(change.files)}{left}.", how_it_runs(change)])
