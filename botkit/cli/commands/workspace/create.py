"""Add a workspace to bots.yaml. Comments in the file stay.

Its slug is made from NAME and never changes; it is the end of the URL that MCP clients use.

Examples:

    botkit workspace create "Support desk" --server orders --server notes
    botkit workspace create senior --description "For those who may write" --use
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("name")
@click.option("--server", "servers", multiple=True, metavar="NAME", help="Offer this server; may be repeated.")
@click.option("--description", default="", metavar="TEXT", help="For people: what it is for.")
@click.option("--use", is_flag=True, help="Make it the one commands mean that name none.")
async def command(out: Output, name: str, servers: tuple[str, ...], description: str, use: bool) -> None:
    from botkit.cli.session import operations, whoami

    async with operations() as ops:
        change = await ops.workspaces.create(name=name, servers=servers, description=description, by=whoami())
        if use:
            await ops.workspaces.use(workspace=change.slug)
    lines = [f"{change.slug} is in {', '.join(change.files)}. Its URL: {change.url}"]
    if not change.applied:
        lines.append("It is served after `botkit apply`, or when botkit starts.")
    lines.append(f"Let somebody in: botkit token create {change.slug} --name laptop")
    out.result(change, lines)
