"""Print the URL of a workspace, or how MCP clients are told of it.

Examples:

    botkit workspace url desk
    botkit workspace url desk --client cursor
"""

from __future__ import annotations

import click

from botkit.cli.clients import CLIENT_CHOICE, shown_blocks
from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("workspace", default="")
@click.option("--client", type=CLIENT_CHOICE, help="The settings of this client instead, or of all.")
async def command(out: Output, workspace: str, client: str | None) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        info = await ops.workspaces.show(workspace=workspace)
        blocks = await ops.workspaces.clients(workspace=info.slug)
    lines = [info.url] if client is None else shown_blocks(blocks, client)
    out.result({"workspace": info.slug, "url": info.url, "clients": blocks}, lines)
